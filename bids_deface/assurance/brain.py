"""Voxels that must never change, and whether any did."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bids_deface.anatomy import BRAIN
from bids_deface.frames import slowest_axis
from bids_deface.tissue import InBox, bounding_box, box_from, box_within, dilate_mm, grown_box

#: Slices that are compared at a time.
SLAB = 8


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


def protected_in(
    box: tuple[slice, ...],
    dseg: NDArray[np.uint8],
    margin_mm: float,
    zooms: NDArray[np.float64],
) -> NDArray[np.bool_]:
    """Return the voxels of a box that are brain or within a margin of it.

    Parameters
    ----------
    box
        Slices (i, j, k); the brain may lie outside.
    dseg
        uint8 (i, j, k), labels of the whole image.
    margin_mm
        Margin in mm.
    zooms
        Voxel size in mm.
    """
    wide = grown_box(box, margin_mm, zooms, dseg.shape)
    near = dilate_mm(dseg[wide] == BRAIN, margin_mm, zooms)
    return near[box_within(box, wide)]


def count_changes(
    before: NDArray[Any],
    after: NDArray[Any],
    allowed: InBox,
    protected: InBox,
) -> ChangeCount:
    """Compare stored voxels bit by bit.

    Parameters
    ----------
    before, after
        Stored values (i, j, k[, t...]), same shape and dtype.
    allowed
        Returns the voxels of a box of the image that were to change.
    protected
        Returns the brain and its margin in a box; see :func:`protected_in`.
    """
    changed = outside = inside = 0
    axis, shape = slowest_axis(before), before.shape[:3]
    # By slabs: whole-image comparisons of large scans take more than the scan itself.
    for start in range(0, shape[axis], SLAB):
        box = tuple(slice(0, n) for n in shape)
        box = (*box[:axis], slice(start, min(start + SLAB, shape[axis])), *box[axis + 1 :])
        differs = _differs(before[box], after[box])
        changed += int(differs.sum())
        if differs.any():
            near = bounding_box(differs)
            there, found = box_from(near, box), differs[near]
            outside += int((found & ~allowed(there)).sum())
            inside += int((found & protected(there)).sum())
    return ChangeCount(changed, outside_mask=outside, in_brain=inside)


def count_written(
    before: Iterable[NDArray[Any]],
    written: Iterable[NDArray[Any]],
    mask: NDArray[np.uint8],
    dseg: NDArray[np.uint8],
) -> ChangeCount:
    """Compare the voxels of two files bit by bit, as they come off the disk.

    Parameters
    ----------
    before, written
        Slabs (i, j, n) of the original and the other file, slices in the order of the file.
    mask
        uint8 (i, j, k), 1 where voxels were to change.
    dseg
        uint8 (i, j, k), regions; here the brain counts without its margin.
    """
    changed = np.zeros(mask.shape, dtype=bool, order="F")
    at = 0
    for old, slab in zip(before, written, strict=True):
        differs = _differs(old, slab)
        for k in np.flatnonzero(differs.any(axis=(0, 1))):
            changed[..., (at + k) % mask.shape[2]] |= differs[..., k]
        at += slab.shape[2]
    box = bounding_box(changed)
    found = changed[box]
    return ChangeCount(
        changed=int(found.sum()),
        outside_mask=int((found & (mask[box] == 0)).sum()),
        in_brain=int((found & (dseg[box] == BRAIN)).sum()),
    )


def _differs(one: NDArray[Any], two: NDArray[Any]) -> NDArray[np.bool_]:
    """Return where (i, j, k) any bit of any frame differs."""
    if one.dtype.kind == "c":
        return _differs(one.real, two.real) | _differs(one.imag, two.imag)
    unsigned = np.dtype(f"u{one.dtype.itemsize}")
    differs = one.view(unsigned) != two.view(unsigned)
    return np.asarray(differs.any(axis=tuple(range(3, differs.ndim))))
