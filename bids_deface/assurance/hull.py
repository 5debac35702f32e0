"""The convex hull of a mask."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import ConvexHull, QhullError

from bids_deface.tissue import bounding_box

#: Planes of a hull that are looked at at a time.
PLANES = 16


def hull_of(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the convex hull of a mask (i, j, k); the mask itself where it is flat."""
    box = bounding_box(mask)
    inner = mask[box]
    try:
        planes = ConvexHull(np.argwhere(inner & ~ndimage.binary_erosion(inner))).equations
    except QhullError:
        return mask.copy()
    places = np.indices(inner.shape, dtype=np.float32).reshape(3, -1)
    inside = np.ones(places.shape[1], dtype=bool)
    for start in range(0, len(planes), PLANES):
        few = planes[start : start + PLANES].astype(np.float32)
        inside &= (few[:, :3] @ places + few[:, 3:] <= 1e-3).all(axis=0)
    out = np.zeros_like(mask)
    out[box] = inside.reshape(inner.shape)
    return out
