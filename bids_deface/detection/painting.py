"""From regions on the detector's grid to labels in the scan's own grid, complete ones.

A missed part of a feature shows, a surplus one is cut back to the skin later: regions are drawn
for recall. What the brain claims is cut last.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from bids_deface.anatomy import (
    BRAIN,
    CLASS_OF_LABEL,
    OUTWARD,
    PRIORITY,
    FacialFeature,
    labels_of,
)
from bids_deface.detection.grid import Grid, covered_box
from bids_deface.detection.regions import RawRegion
from bids_deface.detection.sighting import Sighting
from bids_deface.resampling import Border, interpolate
from bids_deface.tissue import bounding_box, dilate_mm, grown_box, region_boxes
from bids_deface.volume import zooms_of

#: Probability at which a voxel belongs to a region, and down to which it grows from there.
CORE_PROBABILITY = 0.5
EDGE_PROBABILITY = 0.03
#: Of an auricle, which is thin: the network is least sure of its rim.
EAR_EDGE_PROBABILITY = 0.015
#: Lower than a half: what may be brain is spared.
BRAIN_PROBABILITY = 0.05
#: Margin around each facial region, mm.
MARGIN_MM: Final[Mapping[int, float]] = MappingProxyType(
    {1: 2.0, 2: 2.0, 3: 3.0, 4: 2.0, 5: 2.0, 6: 2.0}
)
#: Margin around an auricle along the side of the head, mm.
EAR_OUTLINE_MM = 7.0
#: Auricles are followed this far outwards through connected tissue, mm.
AURICLE_MM = 12.0
#: Voxels of the detector's grid around a region in which it may grow.
REACH = 3
#: Slices thicker than this hide a feature's edge in their partial volume.
THICK_MM = 3.0
#: Slices of the scan that are drawn at a time.
SLAB = 16
EARS = labels_of(FacialFeature.EARS)


def paint(
    sighting: Sighting, image: NDArray[Any], affine: NDArray[np.float64]
) -> NDArray[np.uint8]:
    """Draw every region in the scan's own grid.

    Parameters
    ----------
    sighting
        What was found.
    image
        The scan (i, j, k), axes right, anterior, superior.
    affine
        Its voxel-to-world matrix.

    Returns
    -------
    ndarray
        uint8 (i, j, k), labels of :mod:`bids_deface.anatomy`.
    """
    # In the order of most files, where the least of it is ever touched.
    dseg = np.zeros(image.shape, dtype=np.uint8, order="F")
    zooms = zooms_of(affine)
    for index in PRIORITY:
        if index not in sighting.found:
            continue
        prob = sighting.probseg[CLASS_OF_LABEL[index]]
        soft, near = soften(sighting.found[index], prob)
        pad = np.ceil((MARGIN_MM.get(index, 0.0) + AURICLE_MM * (index in EARS)) / zooms)
        grid = sighting.conformed.grid
        source, box = boxes_of(near, grid, affine, image.shape, pad)
        if index == BRAIN:
            # By slabs: the brain's box is a third of a scan.
            for slab in _slabs(box):
                values = to_scan(soft, source, slab, grid, affine)
                dseg[slab][values > BRAIN_PROBABILITY] = index
            continue
        if any(s.stop <= s.start for s in box):
            continue
        edge = EAR_EDGE_PROBABILITY if index in EARS else EDGE_PROBABILITY
        region = grow_core(to_scan(soft, source, box, grid, affine), edge)
        steps = margin_steps(zooms, MARGIN_MM[index])
        wide = dilate_mm(region, MARGIN_MM[index], steps)
        if index in EARS:
            # Along the head's side, not into it: under the auricle lies the temporal lobe.
            steps[OUTWARD[index][0]] = 2 * EAR_OUTLINE_MM
            wide |= dilate_mm(region, EAR_OUTLINE_MM, steps)
            wide |= _outward(wide, image[box] > sighting.outline.threshold, index, zooms)
        dseg[box][wide] = index
    return dseg


def soften(
    region: RawRegion, prob: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return the probability of a region, and where on the detector's grid it may grow.

    Parameters
    ----------
    region
        What was found.
    prob
        float32 (i, j, k), probability of its class.
    """
    mask = region.mask
    near, room = np.zeros_like(mask), bounding_box(mask, REACH)
    near[room] = ndimage.binary_dilation(mask[room], iterations=REACH)
    # Where features meet, the largest class may have less than half of the probability.
    soft = np.where(near, prob, 0)
    soft[mask] = np.maximum(soft[mask], CORE_PROBABILITY + 0.01)
    return soft, near


def grow_core(values: NDArray[np.float32], edge: float = EDGE_PROBABILITY) -> NDArray[np.bool_]:
    """Return sure voxels and the unsure ones connected with them, from probabilities."""
    core = values > CORE_PROBABILITY
    return np.asarray(ndimage.binary_propagation(core, mask=values > edge))


def margin_steps(zooms: NDArray[np.float64], margin_mm: float) -> NDArray[np.float64]:
    """Return voxel sizes with which a margin reaches the next one of thick slices."""
    return np.where(zooms > THICK_MM, np.minimum(zooms, margin_mm), zooms)


def grow_regions(
    dseg: NDArray[np.uint8], radius_mm: float, zooms: NDArray[np.float64]
) -> NDArray[np.uint8]:
    """Return the facial regions grown over what is no region by a distance; the brain stays.

    Parameters
    ----------
    dseg
        uint8 (i, j, k), labels of :mod:`bids_deface.anatomy`.
    radius_mm
        Distance in mm.
    zooms
        Voxel size in mm.
    """
    out = dseg.copy()
    for index, found in region_boxes(dseg).items():
        if index == BRAIN:
            continue
        box = grown_box(found, radius_mm, zooms, dseg.shape)
        wide = dilate_mm(dseg[box] == index, radius_mm, zooms)
        out[box][wide & (out[box] == 0)] = index
    return out


def _outward(
    region: NDArray[np.bool_], tissue: NDArray[np.bool_], index: int, zooms: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Return the tissue outward of a region and connected with it: the tip of an auricle."""
    axis, sign = OUTWARD[index]
    along = region if sign > 0 else np.flip(region, axis)
    beyond = np.maximum.accumulate(along, axis=axis)
    beyond = beyond if sign > 0 else np.flip(beyond, axis)
    near = dilate_mm(region, AURICLE_MM, zooms)
    return np.asarray(ndimage.binary_propagation(region, mask=region | (beyond & tissue & near)))


def boxes_of(
    near: NDArray[np.bool_],
    grid: Grid,
    affine: NDArray[np.float64],
    shape: tuple[int, ...],
    pad: NDArray[np.float64],
) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Return the boxes around a mask on its grid and, padded by ``pad`` voxels, in the scan.

    Parameters
    ----------
    near
        bool (i, j, k) on the detector's grid.
    grid
        That grid.
    affine, shape
        Of the scan.
    pad
        Voxels of the scan along each axis.
    """
    source = bounding_box(near, 1)
    return source, _box_in_scan(source, np.linalg.inv(affine) @ grid.affine, shape, pad)


def _slabs(box: tuple[slice, ...]) -> list[tuple[slice, ...]]:
    """Cut a box into slabs along its first axis; none where it is empty."""
    if any(s.stop <= s.start for s in box):
        return []
    first, *others = box
    starts = range(first.start, first.stop, SLAB)
    return [(slice(i, min(i + SLAB, first.stop)), *others) for i in starts]


def to_scan(
    soft: NDArray[np.float32],
    source: tuple[slice, ...],
    target: tuple[slice, ...],
    grid: Grid,
    affine: NDArray[np.float64],
) -> NDArray[np.float32]:
    """Interpolate the probability in a box of its grid to a box of the scan.

    Parameters
    ----------
    soft
        float32 (i, j, k) on the detector's grid.
    source, target
        Slices of that grid and of the scan.
    grid
        The detector's grid.
    affine
        Voxel-to-world matrix of the scan.
    """
    back = np.linalg.inv(np.linalg.inv(affine) @ grid.affine)
    size = tuple(s.stop - s.start for s in target)
    start_scan = np.array([s.start for s in target])
    offset = back[:3, :3] @ start_scan + back[:3, 3]
    offset -= np.array([s.start for s in source])
    # The border voxel of the field of view stands for what lies half a voxel beyond it.
    border: Border = "nearest" if _at_border(source, grid.shape) else "constant"
    return interpolate(soft[source], back[:3, :3], offset, size, border=border)


def _at_border(box: tuple[slice, ...], shape: tuple[int, ...]) -> bool:
    return any(s.start == 0 or s.stop == n for s, n in zip(box, shape, strict=True))


def _box_in_scan(
    box: tuple[slice, ...],
    to_scan: NDArray[np.float64],
    shape: tuple[int, ...],
    pad: NDArray[np.float64],
) -> tuple[slice, ...]:
    """Return the box of the scan's voxels that covers a box of the detector's grid."""
    low, high = covered_box(box, to_scan)
    return tuple(
        slice(max(0, int(a)), min(n, int(b)))
        for a, b, n in zip(low - pad, high + pad, shape, strict=True)
    )
