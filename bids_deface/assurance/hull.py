"""The convex hull of a mask."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import ConvexHull, QhullError

from bids_deface.tissue import bounding_box

#: Voxels at this distance outside of a plane still lie on it.
ROUNDING = 1e-3


def hull_of(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the convex hull of a mask (i, j, k); the mask itself where it is flat."""
    box = bounding_box(mask)
    inner = mask[box]
    try:
        planes = ConvexHull(np.argwhere(inner & ~ndimage.binary_erosion(inner))).equations
    except QhullError:
        return mask.copy()
    low, high = _ends(planes, inner.shape)
    level = np.arange(inner.shape[2])
    out = np.zeros_like(mask)
    out[box] = (level >= low[..., None]) & (level <= high[..., None])
    return out


def _ends(
    planes: NDArray[np.float64], shape: tuple[int, ...]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return where each column (i, j) enters and leaves the space behind planes.

    Parameters
    ----------
    planes
        Normals, outwards, and offsets (n, 4).
    shape
        Of the grid (i, j, k).
    """
    low, high = np.full(shape[:2], -np.inf), np.full(shape[:2], np.inf)
    i, j = np.ogrid[: shape[0], : shape[1]]
    for a, b, c, offset in planes:
        room = ROUNDING - (a * i + b * j + offset)
        if abs(c) < ROUNDING / max(shape):
            # The plane is upright: whole columns lie behind it or before it.
            high[room < 0] = -np.inf
        elif c > 0:
            np.minimum(high, room / c, out=high)
        else:
            np.maximum(low, room / c, out=low)
    return low, high
