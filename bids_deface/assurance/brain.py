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
    changed = outside = inside = 0
    # A slice at a time: whole-image comparisons of large scans take more than the scan itself.
    for k in range(mask.shape[2]):
        differs = _differs(before[:, :, k], after[:, :, k])
        changed += int(differs.sum())
        outside += int((differs & ~mask[:, :, k]).sum())
        inside += int((differs & protected[:, :, k]).sum())
    return ChangeCount(changed, outside_mask=outside, in_brain=inside)


def _differs(one: NDArray[Any], two: NDArray[Any]) -> NDArray[np.bool_]:
    """Return where (i, j) any bit of any frame differs."""
    if one.dtype.kind == "c":
        return _differs(one.real, two.real) | _differs(one.imag, two.imag)
    unsigned = np.dtype(f"u{one.dtype.itemsize}")
    differs = one.view(unsigned) != two.view(unsigned)
    return np.asarray(differs.any(axis=tuple(range(2, differs.ndim))))
