"""What a distortion method sees: one feature's surroundings in one image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bids_deface.anatomy import PROTRUDING, labels_of
from bids_deface.tissue import labelled

PROTRUDING_LABELS = tuple(index for feature in PROTRUDING for index in labels_of(feature))


@dataclass(frozen=True)
class Scene:
    """The neighbourhood of one feature, axes running right, anterior, superior.

    All arrays share one shape (i, j, k): a box around the feature.

    Attributes
    ----------
    data
        Stored voxel values of one frame.
    region
        bool, what is hidden here: one region, or several together.
    labels
        uint8, all regions of the box.
    others
        Labels of what is hidden elsewhere.
    head
        bool, filled head outline, in the scan's own resolution.
    air
        bool, voxels surely outside the head.
    zooms
        Voxel size in mm.
    threshold
        Stored value between air and head; NaN where no value parts them.
    far_air
        Stored values of air anywhere in the image (1D), for boxes without air of their own.
    slack_mm
        How far the surface of this frame may lie from ``head``.
    chance
        Seed of the bumps, drawn once for all frames; None for no bumps.
    """

    data: NDArray[Any]
    region: NDArray[np.bool_]
    labels: NDArray[np.uint8]
    others: tuple[int, ...]
    head: NDArray[np.bool_]
    air: NDArray[np.bool_]
    zooms: NDArray[np.float64]
    threshold: float
    far_air: NDArray[Any]
    slack_mm: float = 0.0
    chance: int | None = None

    @property
    def protruding(self) -> NDArray[np.bool_]:
        """The part of the region that sticks out of the head and must change as a whole."""
        return self.region & labelled(self.labels, PROTRUDING_LABELS)

    @property
    def features(self) -> NDArray[np.bool_]:
        """All features that are being hidden: their surface is no model for the skin."""
        return self.region | labelled(self.labels, self.others)


@dataclass(frozen=True)
class Change:
    """New values for some voxels of a scene.

    Attributes
    ----------
    mask
        bool (i, j, k), voxels to change.
    values
        Their values (1D) in the stored dtype, in the order of ``mask``.
    air
        bool (1D), which of them become air and nothing else.
    """

    mask: NDArray[np.bool_]
    values: NDArray[Any]
    air: NDArray[np.bool_]

    def painted(self, data: NDArray[Any]) -> NDArray[Any]:
        """Return a copy of the scene's data with the change in it."""
        out = data.copy()
        out[self.mask] = self.values
        return out


def as_stored(values: NDArray[Any] | float, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Round and clip values to what ``dtype`` can store."""
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        return np.clip(np.rint(values), limits.min, limits.max).astype(dtype)
    return np.asarray(values).astype(dtype)
