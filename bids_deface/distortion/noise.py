"""Replace a feature by the air noise of this very scan."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

#: Sides of the patches, voxels: as large as the air allows, for the fewest seams.
PATCH_SIDES = (40, 20, 10, 5)
#: Placements tried for one patch.
PATCH_TRIES = 60
#: Values taken from the scan where no patch fits.
LEAST_AIR = 200


def fill_with_air(
    data: NDArray[Any],
    target: NDArray[np.bool_],
    air: NDArray[np.bool_],
    far_air: NDArray[Any],
    rng: np.random.Generator,
) -> NDArray[Any]:
    """Return ``data`` with the target replaced by values drawn from air.

    Where the box holds enough air, the target takes the values of randomly placed patches of it:
    so the noise keeps its texture (interpolated scans have smooth noise), and no outline shows.
    What no patch covers is drawn voxel by voxel.

    Parameters
    ----------
    data
        Stored values (i, j, k).
    target
        bool, voxels to replace.
    air
        bool, voxels of the same box that are surely air.
    far_air
        Stored values of air elsewhere in the image (1D).
    rng
        Random generator; never seeded from anything that is written.

    Returns
    -------
    ndarray
        A copy of ``data`` in the same dtype.
    """
    out = data.copy()
    left = target.copy()
    source = air & ~target
    for side in PATCH_SIDES:
        for block in _blocks(left, side):
            _copy_patch(out, left, data, source, block, rng)
    if left.any():
        near = data[source]
        pool = near if near.size >= LEAST_AIR else np.concatenate([near, far_air])
        pool = pool if pool.size else np.array([data.min()], dtype=data.dtype)
        out[left] = rng.choice(pool, size=int(left.sum()))
    return out


def _blocks(target: NDArray[np.bool_], side: int) -> list[tuple[slice, ...]]:
    """Cut the target's box into blocks of at most ``side`` voxels a side."""
    blocks = []
    for where in ndimage.find_objects(target.astype(np.uint8)):
        starts = [range(s.start, s.stop, side) for s in where]
        for corner in np.array(np.meshgrid(*starts, indexing="ij")).reshape(3, -1).T:
            block = tuple(
                slice(int(c), min(int(c) + side, s.stop))
                for c, s in zip(corner, where, strict=True)
            )
            if target[block].any():
                blocks.append(block)
    return blocks


def _copy_patch(
    out: NDArray[Any],
    left: NDArray[np.bool_],
    data: NDArray[Any],
    source: NDArray[np.bool_],
    block: tuple[slice, ...],
    rng: np.random.Generator,
) -> None:
    """Fill one block from a random place that is all air; leave it if none is found."""
    wanted = left[block]
    room = np.array(data.shape) - wanted.shape
    for start in rng.integers(0, room + 1, size=(PATCH_TRIES, 3)):
        there = tuple(slice(int(a), int(a) + n) for a, n in zip(start, wanted.shape, strict=True))
        if source[there].all():
            patch = data[there]
            for axis in range(3):
                if rng.random() < 0.5:
                    patch = np.flip(patch, axis)
            out[block][wanted] = patch[wanted]
            left[block] = False
            return
