"""The attacker who compares facial surfaces: how far out the skin lies, seen from the brain."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from bids_deface.assurance.head_frame import BOX_AFFINE, FramedHead
from bids_deface.heights import last_crossing

#: From ear to ear, degrees from straight ahead, positive to the subject's right ...
ANGLES_DEG: Final = np.arange(-114.0, 114.1, 2.0)
#: ... and from brow to chin, mm in the world of the average head, whose eyes lie at 23.
HEIGHTS_MM: Final = np.arange(44.0, -78.1, -2.0)
#: The upright axis behind the face: right, anterior (mm), through the middle of the brain.
AXIS_MM: Final = (0.0, -69.0)
RADII_MM: Final = np.arange(25.0, 165.1, 1.0)
#: Skin this close to the edge of the field of view may go on beyond it, mm.
EDGE_MM = 3.0


def radius_map(head: FramedHead) -> NDArray[np.float32]:
    """Return how far from the axis the skin lies, by height and angle.

    Parameters
    ----------
    head
        In the common box.

    Returns
    -------
    NDArray
        float32 (``HEIGHTS_MM``, ``ANGLES_DEG``), mm; NaN where the field of view ends before the
        head does.
    """
    places = _places()
    values = ndimage.map_coordinates(head.image, places, order=1)
    seen = ndimage.map_coordinates(head.seen.astype(np.uint8), places, order=0)
    inside = values > head.threshold
    last, part = last_crossing(values, inside, head.threshold)
    edge = np.minimum(last + round(EDGE_MM), len(RADII_MM) - 1)
    cut = np.take_along_axis(seen, edge[..., None], -1)[..., 0] == 0
    radius = RADII_MM[last] + part
    return np.where(inside.any(axis=-1) & ~cut, radius, np.nan).astype(np.float32)


def touched_map(changed: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return where defacing changed something on the way from the axis outwards.

    Parameters
    ----------
    changed
        bool, in the common box.
    """
    return np.asarray(ndimage.map_coordinates(changed, _places(), order=0).any(axis=-1))


def _places() -> NDArray[np.float64]:
    """Return voxel coordinates in the box (3, heights, angles, radii)."""
    angles = np.deg2rad(ANGLES_DEG)[None, :, None]
    x = AXIS_MM[0] + RADII_MM * np.sin(angles)
    y = AXIS_MM[1] + RADII_MM * np.cos(angles)
    z = HEIGHTS_MM[:, None, None]
    shape = (len(HEIGHTS_MM), len(ANGLES_DEG), len(RADII_MM))
    xyz = np.stack([np.broadcast_to(v, shape) for v in (x, y, z)])
    inverse = np.linalg.inv(BOX_AFFINE)
    voxels = np.einsum("ij,jabc->iabc", inverse[:3, :3], xyz) + inverse[:3, 3, None, None, None]
    return np.asarray(voxels, dtype=np.float64)
