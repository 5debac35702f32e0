"""Head surface to shaded picture: what a person would see of the face."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, sparse

from bids_deface.resampling import block_mean, interpolate
from bids_deface.tissue import bounding_box
from bids_deface.volume import affine_at

#: View to rotation about the vertical axis, degrees; 0 looks the face in the eyes.
VIEWS: Final[Mapping[str, float]] = MappingProxyType(
    {"front": 0.0, "left": 90.0, "right": -90.0, "three-quarter": 40.0}
)
RENDER_MM = 1.25
#: Every so many voxels the head is looked for.
STEP = 2
#: Columns of a picture that are worked on at a time.
COLUMNS = 32


def render_head(
    image: NDArray[Any],
    affine: NDArray[np.float64],
    threshold: float,
    views: Mapping[str, float] = VIEWS,
    spacing_mm: float = RENDER_MM,
) -> dict[str, NDArray[np.uint8]]:
    """Render the head's surface from several sides by orthographic ray casting.

    Parameters
    ----------
    image
        Intensities (i, j, k), brighter = more signal.
    affine
        Voxel-to-world matrix (4x4, RAS+, mm).
    threshold
        Intensity of the surface.
    views
        Name to rotation about the vertical axis in degrees; positive shows the subject's left.
    spacing_mm
        Size of a pixel.

    Returns
    -------
    dict
        View name to uint8 picture (rows, columns), dark background.
    """
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in image.shape[:3]])).reshape(3, -1)
    world = affine[:3, :3] @ corners + affine[:3, 3:4]
    low, high = world.min(axis=1), world.max(axis=1)
    upright = _upright(image, affine, low, high, spacing_mm, threshold)
    # A sphere-like box: the same scale whatever the angle.
    half = (high - low) / 2
    reach = min(float(np.hypot(*half[:2])), float(half[:2].max()) * 1.15)
    side = max(1, int(np.ceil(2 * reach / spacing_mm)))
    return {name: _shade(_depth(upright, side, angle, threshold)) for name, angle in views.items()}


def _upright(
    image: NDArray[Any],
    affine: NDArray[np.float64],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    spacing_mm: float,
    threshold: float,
) -> NDArray[np.float32]:
    """Resample to a cubic grid along right, anterior and inferior between two world corners."""
    box = bounding_box(image[::STEP, ::STEP, ::STEP] > threshold, STEP)
    if all(s.stop > s.start for s in box):
        # All around is air, and dark anyway.
        affine = affine_at(affine, [STEP * s.start for s in box])
        image = image[tuple(slice(STEP * s.start, STEP * s.stop) for s in box)]
    image, affine = block_mean(image, affine, spacing_mm)
    soft = ndimage.gaussian_filter(
        image, np.minimum(1.0, 0.6 / np.linalg.norm(affine[:3, :3], axis=0))
    )
    size = np.maximum(1, np.ceil((high - low) / spacing_mm)).astype(int)
    axes = np.diag([1.0, 1.0, -1.0])
    origin = (low + high) / 2 - axes @ (size / 2 * spacing_mm)
    inverse = np.linalg.inv(affine)
    matrix = inverse[:3, :3] @ axes * spacing_mm
    offset = inverse[:3, :3] @ origin + inverse[:3, 3]
    return interpolate(soft, matrix, offset, tuple(size))


def _turn(
    shape: tuple[int, ...], columns: NDArray[np.float64], side: int, angle: float
) -> sparse.csr_array:
    """Return what turns a grid (x, y) to (screen column, depth away from the viewer).

    Whole vertical columns of voxels move together: each is interpolated between four of its like.
    """
    a = np.deg2rad(angle)
    # Viewer in front (+y) for 0 degrees; at the subject's left (-x) for 90.
    towards = np.array([-np.sin(a), np.cos(a)])
    right = np.array([-np.cos(a), -np.sin(a)])
    away = np.arange(side) - side / 2
    x, y = (
        shape[n] / 2 + right[n] * columns[:, None] - towards[n] * away[None, :] for n in range(2)
    )
    i, j = np.floor(x).astype(np.int32), np.floor(y).astype(np.int32)
    size = (x.size, shape[0] * shape[1])
    rows, sources, weights = [], [], []
    for di in (0, 1):
        for dj in (0, 1):
            weight = np.abs(x - i - (1 - di)) * np.abs(y - j - (1 - dj))
            inside = (i + di >= 0) & (i + di < shape[0]) & (j + dj >= 0) & (j + dj < shape[1])
            rows.append(np.flatnonzero(inside))
            sources.append(((i + di) * shape[1] + j + dj)[inside])
            weights.append(weight[inside].astype(np.float32))
    places = (np.concatenate(rows), np.concatenate(sources))
    return sparse.csr_array((np.concatenate(weights), places), shape=size)


def _depth(
    upright: NDArray[np.float32], side: int, angle: float, threshold: float
) -> NDArray[np.float64]:
    """Return how far each ray (row, column) goes before it meets the surface; inf for never."""
    columns = np.arange(side) - side / 2
    depths = []
    # Some columns at a time: the turned head would take as much memory as a large scan.
    for part in np.array_split(columns, -(-side // COLUMNS)):
        turned = _turn(upright.shape, part, side, angle) @ upright.reshape(-1, upright.shape[2])
        depths.append(_crossing(turned.reshape(len(part), side, -1), threshold))
    return np.concatenate(depths, axis=1)


def _crossing(box: NDArray[np.float32], threshold: float) -> NDArray[np.float64]:
    """Find the first crossing of each ray of a box (column, depth, row)."""
    inside = box > threshold
    first = inside.argmax(axis=1)
    at = np.take_along_axis(box, first[:, None, :], axis=1)[:, 0]
    before = np.take_along_axis(box, np.maximum(first - 1, 0)[:, None, :], axis=1)[:, 0]
    # Where between the two samples the surface lies.
    part = np.clip((at - threshold) / np.maximum(at - before, 1e-6), 0, 1)
    return np.where(inside.any(axis=1), (first - part).astype(np.float64), np.inf).T


def _shade(depth: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Light a surface from the viewer's upper left."""
    hit = np.isfinite(depth)
    depth = np.where(hit, depth, depth[hit].max() if hit.any() else 0.0)
    depth = ndimage.gaussian_filter(ndimage.median_filter(depth, 3), 0.7)
    # No np.gradient: a head of one slice has one row only.
    d_row, d_column = (ndimage.correlate1d(depth, (-0.5, 0.0, 0.5), axis) for axis in (0, 1))
    normal = np.stack([d_column, d_row, np.ones_like(depth)], axis=-1)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    light = np.array([-0.35, -0.45, 0.82])
    shade = 0.15 + 0.85 * np.clip(normal @ (light / np.linalg.norm(light)), 0, 1)
    return np.where(hit, 25 + 225 * shade, 12).astype(np.uint8)
