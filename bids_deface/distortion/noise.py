"""Replace a feature by the air noise of this very scan."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from bids_deface.tissue import bounding_box

#: Sides of the patches, voxels: as large as the air allows, for the fewest seams.
PATCH_SIDES = (40, 20, 10, 5)
#: Placements tried for one patch.
PATCH_TRIES = 60
#: Values taken from the scan where no patch fits.
LEAST_AIR = 200
#: Share of far air that is one value where the scanner (or a program) set the air to it.
CONSTANT_SHARE = 0.95


def fill_with_air(
    data: NDArray[Any],
    target: NDArray[np.bool_],
    air: NDArray[np.bool_],
    far_air: NDArray[Any],
    rng: np.random.Generator,
) -> NDArray[Any]:
    """Return values for the target, drawn from air.

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
        One value for each voxel of the target (1D), in the dtype of ``data``.
    """
    if not target.any():
        return data[:0, 0, 0]
    blank = constant_air(far_air)
    if blank is not None:
        return np.full(int(target.sum()), blank, dtype=data.dtype)
    box = bounding_box(target)
    left, out = target[box].copy(), np.empty(target[box].shape, dtype=data.dtype)
    source = ~target
    source &= air
    for side in PATCH_SIDES:
        for block in _blocks(left, side):
            _copy_patch(out, left, data, source, block, rng)
    if left.any():
        near = data[source]
        pool = near if near.size >= LEAST_AIR else np.concatenate([near, far_air])
        out[left] = rng.choice(pool, size=int(left.sum())) if pool.size else _darkest(data)
    return out[target[box]]


def constant_air(far_air: NDArray[Any]) -> Any | None:
    """Return the one value that the scanner gave the air; None where the air is noise.

    Parameters
    ----------
    far_air
        Stored values of air anywhere in the image (1D).
    """
    if not far_air.size:
        return None
    # Where nearly all values are the same, the middle one is among them.
    middle = np.partition(far_air, far_air.size // 2)[far_air.size // 2]
    return middle if float((far_air == middle).mean()) >= CONSTANT_SHARE else None


def uniform_noise(n: int, limits: tuple[Any, Any], rng: np.random.Generator) -> NDArray[Any]:
    """Return ``n`` values, any between two limits as likely as another.

    Parameters
    ----------
    n
        Number of values.
    limits
        Least and greatest value, both possible; integers for integers.
    rng
        Random generator.
    """
    low, high = (np.asarray(limit) for limit in limits)
    if low.dtype.kind in "iu":
        dtype = low.dtype.newbyteorder("=")
        return rng.integers(low.astype(dtype), high, size=n, dtype=dtype.type, endpoint=True)
    share = rng.random(n)
    return (1 - share) * float(low) + share * float(high)


def as_frame(values: NDArray[Any], dtype: np.dtype[Any], rng: np.random.Generator) -> NDArray[Any]:
    """Return values as a frame stores them; complex frames get a random phase.

    Parameters
    ----------
    values
        Real values, magnitudes where the frame is complex (1D).
    dtype
        Of the frame.
    rng
        Random generator of the phase.
    """
    if dtype.kind == "c":
        # Plus 0: no negative zeros.
        values = values * np.exp(2j * np.pi * rng.random(values.shape)) + 0
    return values.astype(dtype)


def _darkest(data: NDArray[Any]) -> Any:
    """Return the least finite value: what air is where none is known."""
    finite = data[np.isfinite(data)]
    return finite.min() if finite.size else data.dtype.type(0)


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
    starts = rng.integers(0, room + 1, size=(PATCH_TRIES, 3))
    # A few voxels first: most places are not all air.
    probes = np.stack(np.meshgrid(*[(0, n // 2, n - 1) for n in wanted.shape]), -1).reshape(-1, 3)
    maybe = source[tuple(np.moveaxis(starts[:, None] + probes, -1, 0))].all(axis=1)
    for start in starts[maybe]:
        there = tuple(slice(int(a), int(a) + n) for a, n in zip(start, wanted.shape, strict=True))
        if source[there].all():
            patch = data[there]
            for axis in range(3):
                if rng.random() < 0.5:
                    patch = np.flip(patch, axis)
            out[block][wanted] = patch[wanted]
            left[block] = False
            return
