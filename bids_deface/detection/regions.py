"""From class probabilities to labelled regions on the detector's grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from bids_deface.anatomy import BRAIN, BRAIN_CLASS, CLASSES, MOUTH, NOSE, FacialFeature, labels_of
from bids_deface.detection.grid import SPACING_MM, Grid
from bids_deface.tissue import bounding_box, dilate_mm

VOXEL_ML = SPACING_MM**3 / 1000
#: Parts smaller than this are not looked at, nor more of them than this.
SPECK_ML, MOST_PARTS = 0.25, 6
#: A second part this large beside the largest makes a pair.
PAIR_SHARE = 0.2
#: ... if it lies this far away from side to side.
PAIR_MM = 35.0
#: A single part wider than this is a pair that grew together.
MERGED_MM = 65.0
#: A separate part of the brain class this large is protected like the rest.
BRAIN_PART_ML = 2.0
#: ... but not one that lies this far from the rest and this near to nose or mouth, mm: the network
#: takes a palate or a septum for brain in few heads, and none has brain there.
BRAIN_APART_MM, IN_FACE_MM = 15.0, 8.0


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
    brain = parts_of(classes == BRAIN_CLASS, probseg[BRAIN_CLASS], grid)
    if not brain:
        return found
    # A part of the brain that stands alone (thick slices, a cut temporal pole) is brain too.
    whole = [brain[0], *(p for p in brain[1:] if p.volume_ml >= BRAIN_PART_ML)]
    found[BRAIN] = _join(whole, probseg[BRAIN_CLASS], grid)
    # Mouth and nose first: they tell where the middle is in front, also in a turned head.
    for feature in sorted(FacialFeature, key=lambda f: len(labels_of(f))):
        prob = probseg[CLASSES.index(feature.value)]
        parts = parts_of(classes == CLASSES.index(feature.value), prob, grid)
        indices = labels_of(feature)
        if len(indices) == 1:
            sides: tuple[list[RawRegion], ...] = (parts,)
        else:
            front = NOSE if feature is FacialFeature.EYES and NOSE in found else BRAIN
            sides = left_and_right(parts, found[front].centroid[0], prob, grid)
        for index, chosen in zip(indices, sides, strict=True):
            if chosen:
                found[index] = _merge(chosen, prob, grid)
    kept = [p for p in whole if p is brain[0] or not _is_in_face(p, brain[0], found)]
    if len(kept) < len(whole):
        found[BRAIN] = _join(kept, probseg[BRAIN_CLASS], grid)
    return found


def _is_in_face(part: RawRegion, brain: RawRegion, found: dict[int, RawRegion]) -> bool:
    """Tell whether a separate part of the brain class lies in the face, far from the brain."""
    spacing = np.full(3, SPACING_MM)
    if (dilate_mm(part.mask, BRAIN_APART_MM, spacing) & brain.mask).any():
        return False
    near = dilate_mm(part.mask, IN_FACE_MM, spacing)
    return any((near & found[i].mask).any() for i in (NOSE, MOUTH) if i in found)


def left_and_right(
    parts: list[RawRegion], middle: float, prob: NDArray[np.float32], grid: Grid
) -> tuple[list[RawRegion], list[RawRegion]]:
    """Tell the parts of a paired feature apart by world x.

    Two large parts are a pair wherever they lie; a single one that spans both sides is cut at
    its own centre; otherwise the middle of the head decides.

    Parameters
    ----------
    parts
        Of one class, largest first.
    middle
        World x of the middle of the head.
    prob, grid
        As in :func:`parts_of`.
    """
    if not parts:
        return [], []
    first = parts[0]
    second = next((p for p in parts[1:] if _is_partner(p, first)), None)
    if second is not None:
        middle = float(first.centroid[0] + second.centroid[0]) / 2
    else:
        across = np.flatnonzero(first.mask.any(axis=(1, 2)))
        if (across[-1] - across[0]) * SPACING_MM > MERGED_MM:
            i = np.arange(first.mask.shape[0]) * SPACING_MM + grid.affine[0, 3]
            halves = [
                first.mask & side[:, None, None]
                for side in (i < first.centroid[0], i >= first.centroid[0])
            ]
            middle = float(first.centroid[0])
            parts = [region_of(half, prob, grid) for half in halves] + parts[1:]
    return (
        [p for p in parts if p.centroid[0] < middle],
        [p for p in parts if p.centroid[0] >= middle],
    )


def _is_partner(part: RawRegion, first: RawRegion) -> bool:
    """Tell the other side of a pair from another piece of the same one."""
    apart = abs(float(part.centroid[0] - first.centroid[0]))
    return part.volume_ml >= PAIR_SHARE * first.volume_ml and apart >= PAIR_MM


def parts_of(mask: NDArray[np.bool_], prob: NDArray[np.float32], grid: Grid) -> list[RawRegion]:
    """Return the connected parts of a class, largest first.

    Parameters
    ----------
    mask
        bool (i, j, k), where the class is likeliest.
    prob
        Its probability.
    grid
        The detector's grid.
    """
    box = bounding_box(mask)
    labels, n = ndimage.label(mask[box], structure=np.ones((3, 3, 3)))
    sizes = np.bincount(labels.ravel())[1:] * VOXEL_ML if n else np.array([])
    parts = []
    for i in np.argsort(-sizes)[:MOST_PARTS]:
        if sizes[i] >= SPECK_ML:
            part = np.zeros_like(mask)
            part[box] = labels == i + 1
            parts.append(region_of(part, prob, grid))
    return parts


def region_of(mask: NDArray[np.bool_], prob: NDArray[np.float32], grid: Grid) -> RawRegion:
    """Return the region of a mask; parameters as in :func:`parts_of`."""
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
    return _join(near, prob, grid)


def _join(parts: list[RawRegion], prob: NDArray[np.float32], grid: Grid) -> RawRegion:
    """Return one region of several parts."""
    return region_of(np.any([p.mask for p in parts], axis=0), prob, grid)
