"""To the detector's grid (2 mm, RAS+, robust intensity) and back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from bids_deface.frames import darkness
from bids_deface.resampling import block_mean, block_sizes, interpolate
from bids_deface.tissue import Box
from bids_deface.volume import affine_at

SPACING_MM = 2.0
#: A region within this distance of the border of the field of view is cut off.
BORDER_MM = 2.0
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
    dark
        Intensity that stands for no signal.
    """

    image: NDArray[np.float32]
    grid: Grid
    low: float
    high: float
    dark: float = 0.0

    def scaled(self, intensity: float) -> float:
        """Return an intensity of the source on the scale of ``image``."""
        return (intensity - self.low) / max(self.high - self.low, 1e-9)


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
    small, small_affine = block_mean(data, affine, SPACING_MM)
    dark = darkness(small)
    image = _on_grid(small, small_affine, grid, dark)
    low, high = (float(v) for v in np.percentile(image, PERCENTILES))
    return ConformedImage(_scaled(image, low, high), grid, low, high, dark)


def conform_again(
    before: ConformedImage,
    data: NDArray[np.generic],
    affine: NDArray[np.float64],
    boxes: list[Box],
) -> ConformedImage:
    """Return :func:`conform` of an image that was changed in some boxes only, on the same scale.

    Parameters
    ----------
    before
        The image as it was.
    data
        The image as it is (i, j, k).
    affine
        Voxel-to-world matrix (4x4, mm).
    boxes
        Slices of ``data`` beyond which nothing changed.
    """
    image, shape = before.image.copy(), np.array(data.shape)
    to_grid = np.linalg.inv(before.grid.affine) @ affine
    # Blocks begin at the image's own border, here as there.
    block = np.array(block_sizes(data.shape, affine, SPACING_MM))
    for box in boxes:
        low, high = covered_box(box, to_grid)
        low, high = np.maximum(low - 1, 0), np.minimum(high + 1, before.grid.shape)
        target = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
        first, last = covered_box(target, np.linalg.inv(to_grid))
        first = np.maximum(first // block - 1, 0) * block
        last = np.minimum((last // block + 2) * block, shape)
        if (low >= high).any() or (first >= last).any():
            continue
        crop = tuple(slice(int(a), int(b)) for a, b in zip(first, last, strict=True))
        there, part = affine_at(affine, first), affine_at(before.grid.affine, low)
        i, j, k = (int(n) for n in high - low)
        small = _on_grid(
            *block_mean(data[crop], there, SPACING_MM), Grid((i, j, k), part), before.dark
        )
        image[target] = _scaled(small, before.low, before.high)
    return replace(before, image=image)


def covered_box(
    box: Box, matrix: NDArray[np.floating[Any]]
) -> tuple[NDArray[np.int_], NDArray[np.int_]]:
    """Return the least and (exclusive) greatest voxel of another grid that a box covers there."""
    corners = np.array(np.meshgrid(*[(s.start - 0.5, s.stop - 0.5) for s in box])).reshape(3, -1)
    places = matrix[:3, :3] @ corners + matrix[:3, 3:4]
    return np.floor(places.min(axis=1)).astype(int), np.ceil(places.max(axis=1)).astype(int) + 1


def _on_grid(
    small: NDArray[np.float32], affine: NDArray[np.float64], grid: Grid, dark: float
) -> NDArray[np.float32]:
    """Resample an average to a grid; what is no number, and what is not seen, is dark."""
    np.nan_to_num(small, copy=False, nan=dark, posinf=dark, neginf=dark)
    return resample(small, affine, grid, outside=dark)


def _scaled(image: NDArray[np.float32], low: float, high: float) -> NDArray[np.float32]:
    """Scale intensities so that ``low`` and ``high`` become 0 and 1, and end there."""
    if not high > low:
        return np.zeros_like(image)
    share = (image - np.float32(low)) / np.float32(high - low)
    return np.asarray(np.clip(share, 0, 1), dtype=np.float32)


def resample(
    data: NDArray[np.generic],
    affine: NDArray[np.float64],
    grid: Grid,
    *,
    outside: float = 0.0,
) -> NDArray[np.float32]:
    """Resample ``data`` (i, j, k) from its own ``affine`` to ``grid`` (trilinear).

    Parameters
    ----------
    data
        Image (i, j, k).
    affine
        Its voxel-to-world matrix.
    grid
        Target grid.
    outside
        Value beyond the field of view.
    """
    matrix = np.linalg.inv(affine) @ grid.affine
    # A thin image must not lose its outermost half voxel: extend by the edge, cut by the FOV.
    return interpolate(
        data, matrix[:3, :3], matrix[:3, 3], grid.shape, border="grid-constant", outside=outside
    )


def resample_labels(
    dseg: NDArray[np.uint8], affine: NDArray[np.float64], grid: Grid
) -> NDArray[np.uint8]:
    """Resample labels (i, j, k) from their own ``affine`` to ``grid`` (nearest); 0 outside."""
    matrix = np.linalg.inv(affine) @ grid.affine
    out = ndimage.affine_transform(
        dseg, matrix[:3, :3], matrix[:3, 3], grid.shape, np.uint8, order=0, mode="constant"
    )
    return np.asarray(out)


def touches_border(mask: NDArray[np.bool_], grid: Grid) -> bool:
    """Tell whether a mask on the detector's grid reaches the border of the field of view."""
    reach = max(1, round(BORDER_MM / SPACING_MM))
    for axis in range(3):
        ends = np.take(
            mask, [*range(reach), *range(grid.shape[axis] - reach, grid.shape[axis])], axis
        )
        if ends.any():
            return True
    return False
