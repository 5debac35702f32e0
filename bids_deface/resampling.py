"""Images from one voxel grid to another: means of blocks, trilinear interpolation."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, sparse

from bids_deface.frames import slowest_axis
from bids_deface.volume import zooms_of

#: What lies beyond the outermost voxels: the outside value, a ramp to it within a voxel, or the
#: outermost value; names as in :mod:`scipy.ndimage`.
Border = Literal["constant", "grid-constant", "nearest"]


def interpolate(
    data: NDArray[Any],
    matrix: NDArray[np.floating[Any]],
    offset: NDArray[np.floating[Any]],
    shape: tuple[int, ...],
    *,
    border: Border = "constant",
    outside: float = 0.0,
) -> NDArray[np.float32]:
    """Sample a 3D image on another grid; grids along the same axes take a fifth of the time.

    Parameters
    ----------
    data
        Image (i, j, k).
    matrix, offset
        3x3 and 3: from voxels of the new grid to those of ``data``.
    shape
        Of the new grid.
    border, outside
        What lies beyond ``data``.

    Returns
    -------
    ndarray
        float32, of ``shape``.
    """
    if np.count_nonzero(matrix - np.diag(np.diag(matrix))):
        return np.asarray(
            ndimage.affine_transform(
                data, matrix, offset, shape, np.float32, order=1, mode=border, cval=outside
            )
        )
    lines = [
        _Line(start + step * np.arange(n), size, border)
        for start, step, n, size in zip(offset, np.diag(matrix), shape, data.shape, strict=True)
    ]
    out = data[tuple(line.needed for line in lines)].astype(np.float32)
    out -= np.float32(outside)
    for axis, line in enumerate(lines):
        out = line.apply(out, axis)
    out += np.float32(outside)
    return np.ascontiguousarray(out)


def block_mean(
    data: NDArray[np.generic], affine: NDArray[np.float64], spacing_mm: float
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Average blocks of voxels that are finer than a grid to come (anti-aliasing).

    Parameters
    ----------
    data
        Image (i, j, k).
    affine
        Its voxel-to-world matrix (4x4, mm).
    spacing_mm
        Voxel size of the grid to come.

    Returns
    -------
    image
        float32 (i, j, k); the image itself where its voxels are as large.
    affine
        Its voxel-to-world matrix.
    """
    factors = block_sizes(data.shape, affine, spacing_mm)
    slab_axis = slowest_axis(data)
    step = factors[slab_axis]
    slabs: list[NDArray[np.float32]] = []
    # By slabs: the first average of a fine scan is as large as the scan.
    for start in range(0, data.shape[slab_axis] // step * step, step):
        small: NDArray[Any] = data[(slice(None),) * slab_axis + (slice(start, start + step),)]
        for axis, factor in enumerate(factors):
            if factor > 1:
                small = _mean_along(small, axis, factor)
        slabs.append(np.asarray(small, dtype=np.float32))
    out = np.concatenate(slabs, axis=slab_axis)
    grown = np.diag([*map(float, factors), 1.0])
    grown[:3, 3] = (np.array(factors) - 1) / 2
    return out, affine @ grown


def block_sizes(
    shape: tuple[int, ...], affine: NDArray[np.float64], spacing_mm: float
) -> list[int]:
    """Return how many voxels along each axis :func:`block_mean` takes together."""
    wanted = (max(1, int(spacing_mm / zoom + 0.2)) for zoom in zooms_of(affine))
    return [min(size, n) for size, n in zip(wanted, shape, strict=True)]


def _mean_along(data: NDArray[Any], axis: int, factor: int) -> NDArray[np.float32]:
    """Average ``factor`` neighbours along one axis; a remainder at the end is dropped."""
    n = data.shape[axis] // factor * factor
    before = (slice(None),) * axis
    total = data[(*before, slice(0, n, factor))].astype(np.float32)
    for offset in range(1, factor):
        total += data[(*before, slice(offset, n, factor))]
    return total / np.float32(factor)


class _Line:
    """Interpolates along one axis.

    Parameters
    ----------
    places
        Where, in voxels (1D, evenly spaced).
    n
        Voxels there are.
    border
        What lies beyond them.
    """

    def __init__(self, places: NDArray[np.float64], n: int, border: Border) -> None:
        inside = (places >= 0) & (places <= n - 1)
        if border == "nearest":
            places = np.clip(places, 0, n - 1)
        low = np.floor(places).astype(np.int32)
        part = (places - low).astype(np.float32)
        kept = inside if border == "constant" else np.ones_like(inside)
        first, last = (min(max(int(at), 0), n - 1) for at in (low.min(), low.max() + 1))
        self.needed = slice(first, last + 1)
        rows, sources, weights = [], [], []
        for source, weight in ((low, 1 - part), (low + 1, part)):
            use = kept & (source >= 0) & (source < n) & (weight > 0)
            rows.append(np.flatnonzero(use))
            sources.append(source[use] - first)
            weights.append(weight[use])
        at = (np.concatenate(rows), np.concatenate(sources))
        size = (len(places), last + 1 - first)
        self._weights = sparse.csr_array((np.concatenate(weights), at), shape=size)

    def apply(self, image: NDArray[np.float32], axis: int) -> NDArray[np.float32]:
        """Interpolate what is needed of an image along one axis."""
        rows = np.ascontiguousarray(np.moveaxis(image, axis, 0))
        out = (self._weights @ rows.reshape(len(rows), -1)).reshape(-1, *rows.shape[1:])
        return np.moveaxis(out, 0, axis)
