"""From class probabilities to labelled regions on the detector's grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from bids_deface.anatomy import BRAIN, CLASSES, LABELS, labels_of
from bids_deface.detection.grid import SPACING_MM, Grid

VOXEL_ML = SPACING_MM**3 / 1000
#: Parts smaller than this are not looked at.
SPECK_ML = 0.25


@dataclass(frozen=True)
class RawRegion:
    """One connected region as the network sees it.

    Attributes
    ----------
    mask
        bool (i, j, k) on the detector's grid.
    volume_ml
        Its volume.
    centroid
        World RAS+ mm.
    confidence
        Mean probability of its class inside.
    """

    mask: NDArray[np.bool_]
    volume_ml: float
    centroid: NDArray[np.float64]
    confidence: float


def find_regions(probseg: NDArray[np.float32], grid: Grid) -> dict[int, RawRegion]:
    """Pick the parts of each class that can be the region, and tell left from right.

    Parameters
    ----------
    probseg
        Softmax (n_classes, i, j, k).
    grid
        The detector's grid.

    Returns
    -------
    dict
        Label index to region; a label without a part is left out.
    """
    classes = probseg.argmax(axis=0)
    found: dict[int, RawRegion] = {}
    brain = _parts(classes == CLASSES.index("brain"), probseg[-1], grid)[:1]
    if not brain:
        return found
    found[BRAIN] = brain[0]
    middle = brain[0].centroid[0]
    for feature in {label.feature for label in LABELS if label.feature}:
        channel = CLASSES.index(feature.value)
        parts = _parts(classes == channel, probseg[channel], grid)
        indices = labels_of(feature)
        if len(indices) == 1:
            sides = {indices[0]: parts}
        else:
            left, right = indices
            sides = {
                left: [p for p in parts if p.centroid[0] < middle],
                right: [p for p in parts if p.centroid[0] >= middle],
            }
        for index, chosen in sides.items():
            if chosen:
                found[index] = _merge(chosen, probseg[channel], grid)
    return found


def _parts(mask: NDArray[np.bool_], prob: NDArray[np.float32], grid: Grid) -> list[RawRegion]:
    """Return the connected parts of a class, largest first."""
    labels, n = ndimage.label(mask, structure=np.ones((3, 3, 3)))
    sizes = np.bincount(labels.ravel())[1:] * VOXEL_ML if n else np.array([])
    order = [int(i) for i in np.argsort(-sizes) if sizes[i] >= SPECK_ML]
    return [_region(labels == i + 1, prob, grid) for i in order[:6]]


def _region(mask: NDArray[np.bool_], prob: NDArray[np.float32], grid: Grid) -> RawRegion:
    ijk = np.argwhere(mask).mean(axis=0)
    return RawRegion(
        mask=mask,
        volume_ml=float(mask.sum() * VOXEL_ML),
        centroid=grid.affine[:3, :3] @ ijk + grid.affine[:3, 3],
        confidence=float(prob[mask].mean()),
    )


def _merge(parts: list[RawRegion], prob: NDArray[np.float32], grid: Grid) -> RawRegion:
    """Join the largest part with the smaller ones within 30 mm of it."""
    first = parts[0]
    near = [p for p in parts if np.linalg.norm(p.centroid - first.centroid) <= 30]
    return _region(np.any([p.mask for p in near], axis=0), prob, grid)
