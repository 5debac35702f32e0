"""To the detector's grid (2 mm, RAS+, robust intensity) and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from bids_deface.frames import darkness, slowest_axis
from bids_deface.volume import zooms_of

SPACING_MM = 2.0
#: Percentiles that become 0 and 1 in the detector's input.
PERCENTILES = (1.0, 99.5)


@dataclass(frozen=True)
class Grid:
    """A regular voxel grid in world space.

    Attributes
    ----------
    shape
        Number of voxels (i, j, k).
    affine
        Voxel indices to world RAS+ millimetres, 4x4.
    """

    shape: tuple[int, int, int]
    affine: NDArray[np.float64]


def detector_grid(shape: tuple[int, ...], affine: NDArray[np.float64]) -> Grid:
    """Return the 2 mm RAS+ grid that covers the field of view of an image.

    Parameters
    ----------
    shape
        Spatial shape of the image (i, j, k).
    affine
        Its voxel-to-world matrix (4x4, mm).
    """
    corners = np.array(np.meshgrid(*[(-0.5, n - 0.5) for n in shape[:3]])).reshape(3, -1)
    world = affine[:3, :3] @ corners + affine[:3, 3:4]
    low, high = world.min(axis=1), world.max(axis=1)
    size = np.maximum(1, np.round((high - low) / SPACING_MM)).astype(int)
    grid_affine = np.diag([SPACING_MM, SPACING_MM, SPACING_MM, 1.0])
    # The grid is centred on the field of view, so that 2 mm images map voxel to voxel.
    grid_affine[:3, 3] = (low + high) / 2 - (size - 1) * SPACING_MM / 2
    return Grid((int(size[0]), int(size[1]), int(size[2])), grid_affine)


@dataclass(frozen=True)
class ConformedImage:
    """An image on the detector's grid.

    Attributes
    ----------
    image
        float32 (i, j, k) in [0, 1]; 0 outside the field of view.
    grid
        The detector's grid.
    low, high
        Intensities of the source that became 0 and 1.
    """

    image: NDArray[np.float32]
    grid: Grid
    low: float
    high: float


def conform(data: NDArray[np.generic], affine: NDArray[np.float64]) -> ConformedImage:
    """Resample a 3D image to the detector's grid and scale it to [0, 1] by robust percentiles.

    Parameters
    ----------
    data
        Intensities (i, j, k), any real dtype.
    affine
        Voxel-to-world matrix (4x4, mm).
    """
    grid = detector_grid(data.shape, affine)
    small, small_affine = _block_mean(data, affine)
    dark = darkness(small)
    np.nan_to_num(small, copy=False, nan=dark, posinf=dark, neginf=dark)
    image = resample(small, small_affine, grid, order=1, outside=dark)
    low, high = (float(v) for v in np.percentile(image, PERCENTILES))
    if high > low:
        image = np.clip((image - np.float32(low)) / np.float32(high - low), 0, 1)
    else:
        image = np.zeros_like(image)
    return ConformedImage(image, grid, low, high)


def resample(
    data: NDArray[np.generic],
    affine: NDArray[np.float64],
    grid: Grid,
    *,
    order: int,
    outside: float = 0.0,
) -> NDArray[np.float32]:
    """Resample ``data`` (i, j, k) from its own ``affine`` to ``grid``.

    Parameters
    ----------
    data
        Image (i, j, k).
    affine
        Its voxel-to-world matrix.
    grid
        Target grid.
    order
        0 nearest neighbour (labels), 1 trilinear.
    outside
        Value beyond the field of view.
    """
    matrix = np.linalg.inv(affine) @ grid.affine
    # A thin image must not lose its outermost half voxel: extend by the edge, cut by the FOV.
    out = ndimage.affine_transform(
        np.asarray(data, dtype=np.float32),
        matrix[:3, :3],
        matrix[:3, 3],
        output_shape=grid.shape,
        order=order,
        mode="grid-constant" if order else "constant",
        cval=outside,
    )
    return np.asarray(out, dtype=np.float32)


def resample_labels(
    dseg: NDArray[np.uint8], affine: NDArray[np.float64], grid: Grid
) -> NDArray[np.uint8]:
    """Resample labels (i, j, k) from their own ``affine`` to ``grid`` (nearest); 0 outside."""
    matrix = np.linalg.inv(affine) @ grid.affine
    out = ndimage.affine_transform(
        dseg, matrix[:3, :3], matrix[:3, 3], grid.shape, np.uint8, order=0, mode="constant"
    )
    return np.asarray(out)


def _block_mean(
    data: NDArray[np.generic], affine: NDArray[np.float64]
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Average blocks of voxels finer than the detector's grid (anti-aliasing)."""
    factors = [max(1, int(SPACING_MM / zoom + 0.2)) for zoom in zooms_of(affine)]
    factors = [min(f, n) for f, n in zip(factors, data.shape, strict=True)]
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


def _mean_along(data: NDArray[Any], axis: int, factor: int) -> NDArray[np.float32]:
    """Average ``factor`` neighbours along one axis; a remainder at the end is dropped."""
    n = data.shape[axis] // factor * factor
    before = (slice(None),) * axis
    total = data[(*before, slice(0, n, factor))].astype(np.float32)
    for offset in range(1, factor):
        total += data[(*before, slice(offset, n, factor))]
    return total / np.float32(factor)
