"""Voxels that must never change, and whether any did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bids_deface.tissue import dilate_mm


@dataclass(frozen=True)
class ChangeCount:
    """What the comparison of a defaced image with its original found, in voxels.

    Attributes
    ----------
    changed
        Voxels whose stored value differs in any frame.
    outside_mask
        Of these, outside the written mask.
    in_brain
        Of these, inside the predicted brain and its margin.
    """

    changed: int
    outside_mask: int
    in_brain: int


def protected_region(
    brain: NDArray[np.bool_], margin_mm: float, zooms: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Return the brain and everything within ``margin_mm`` of it.

    Parameters
    ----------
    brain
        bool (i, j, k).
    margin_mm
        Margin in mm.
    zooms
        Voxel size in mm.
    """
    return dilate_mm(brain, margin_mm, zooms)


def count_changes(
    before: NDArray[Any],
    after: NDArray[Any],
    mask: NDArray[np.bool_],
    protected: NDArray[np.bool_],
) -> ChangeCount:
    """Compare stored voxels bit by bit.

    Parameters
    ----------
    before, after
        Stored values (i, j, k[, t...]), same shape and dtype.
    mask
        bool (i, j, k), voxels that were allowed to change.
    protected
        bool (i, j, k), brain and margin.
    """
    unsigned = np.dtype(f"u{before.dtype.itemsize}")
    differs = before.view(unsigned) != after.view(unsigned)
    if differs.ndim > 3:
        differs = differs.reshape(*differs.shape[:3], -1).any(axis=3)
    return ChangeCount(
        changed=int(differs.sum()),
        outside_mask=int((differs & ~mask).sum()),
        in_brain=int((differs & protected).sum()),
    )
