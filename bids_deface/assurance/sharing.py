"""What may be told of where things changed: boxes on a coarse lattice, never an outline.

The exact mask of a removed nose is the nose's silhouette, and so is its label. Boxes whose ends
lie on a lattice of a centimetre tell where a feature was and, to a centimetre, how large.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from bids_deface.anatomy import BRAIN, PRIORITY
from bids_deface.assurance.brain import protected_in
from bids_deface.feature_table import FIRST_LABEL, LAST_LABEL
from bids_deface.tissue import Box, region_boxes

#: Boxes begin and end at multiples of this, mm; at least one voxel.
LATTICE_MM = 10.0


def coarse_box(box: Box, zooms: NDArray[np.float64], shape: tuple[int, ...]) -> Box:
    """Return the least box of the lattice around a box, cut to an array of this shape.

    Parameters
    ----------
    box
        Slices (i, j, k).
    zooms
        Voxel size in mm.
    shape
        Spatial shape of the image.
    """
    steps = np.maximum(1, np.rint(LATTICE_MM / zooms)).astype(int)
    return tuple(
        slice(s.start // step * step, min(n, -(-s.stop // step) * step))
        for s, step, n in zip(box, (int(step) for step in steps), shape, strict=True)
    )


def shared_mask(
    boxes: Iterable[Box],
    dseg: NDArray[np.uint8],
    margin_mm: float,
    zooms: NDArray[np.float64],
) -> NDArray[np.uint8]:
    """Return a mask that holds every changed voxel, and no outline but the brain's.

    Parameters
    ----------
    boxes
        Slices around what changed in each region; empty ones count for nothing.
    dseg
        uint8 (i, j, k), regions as found.
    margin_mm
        Distance from the brain within which nothing changed.
    zooms
        Voxel size in mm.

    Returns
    -------
    ndarray
        uint8 (i, j, k), 1 where voxels may have changed.
    """
    out = np.zeros(dseg.shape, dtype=np.uint8, order="F")
    for box in boxes:
        if all(s.stop > s.start for s in box):
            wide = coarse_box(box, zooms, dseg.shape)
            out[wide] |= ~protected_in(wide, dseg, margin_mm, zooms)
    return out


def shared_dseg(dseg: NDArray[np.uint8], zooms: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Return a segmentation in which each facial region is a box; the brain stays as it is.

    Parameters
    ----------
    dseg
        uint8 (i, j, k), regions as found.
    zooms
        Voxel size in mm.
    """
    out = np.zeros(dseg.shape, dtype=np.uint8, order="F")
    found = region_boxes(dseg)
    for index in (*range(FIRST_LABEL, LAST_LABEL + 1), *PRIORITY):
        box = found.get(index)
        if box is not None and index == BRAIN:
            out[box][dseg[box] == BRAIN] = BRAIN
        elif box is not None:
            out[coarse_box(box, zooms, dseg.shape)] = index
    return out
