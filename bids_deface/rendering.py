"""Head surface to shaded picture: what a person would see of the face."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

#: View to rotation about the vertical axis, degrees; 0 looks the face in the eyes.
VIEWS: Final[Mapping[str, float]] = MappingProxyType(
    {"front": 0.0, "left": 90.0, "right": -90.0, "three-quarter": 40.0}
)
RENDER_MM = 1.25
#: Columns of a picture that are worked on at a time.
COLUMNS = 32


def render_head(
    image: NDArray[np.float32],
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
    upright = _upright(image, affine, low, high, spacing_mm)
    # A sphere-like box: the same scale whatever the angle.
    half = (high - low) / 2
    reach = min(float(np.hypot(*half[:2])), float(half[:2].max()) * 1.15)
    side = max(1, int(np.ceil(2 * reach / spacing_mm)))
    return {name: _shade(_depth(upright, side, angle, threshold)) for name, angle in views.items()}


def _upright(
    image: NDArray[np.float32],
    affine: NDArray[np.float64],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    spacing_mm: float,
) -> NDArray[np.float32]:
    """Resample to a cubic grid along right, anterior and inferior between two world corners."""
    soft = ndimage.gaussian_filter(
        image, np.minimum(1.0, 0.6 / np.linalg.norm(affine[:3, :3], axis=0))
    )
    size = np.maximum(1, np.ceil((high - low) / spacing_mm)).astype(int)
    axes = np.diag([1.0, 1.0, -1.0])
    origin = (low + high) / 2 - axes @ (size / 2 * spacing_mm)
    inverse = np.linalg.inv(affine)
    matrix = inverse[:3, :3] @ axes * spacing_mm
    offset = inverse[:3, :3] @ origin + inverse[:3, 3]
    return np.asarray(
        ndimage.affine_transform(soft, matrix, offset, tuple(size), order=1, cval=0.0)
    )


def _turned(
    upright: NDArray[np.float32], columns: NDArray[np.float64], side: int, angle: float
) -> NDArray[np.float32]:
    """Turn about the vertical axis: screen column, depth away from the viewer, screen row.

    Whole columns of voxels move together, so each is interpolated between four of its like.
    """
    a = np.deg2rad(angle)
    # Viewer in front (+y) for 0 degrees; at the subject's left (-x) for 90.
    towards = np.array([-np.sin(a), np.cos(a)])
    right = np.array([-np.cos(a), -np.sin(a)])
    away = np.arange(side) - side / 2
    x, y = (
        upright.shape[n] / 2 + right[n] * columns[:, None] - towards[n] * away[None, :]
        for n in range(2)
    )
    out = np.zeros((*x.shape, upright.shape[2]), np.float32)
    i, j = np.floor(x).astype(int), np.floor(y).astype(int)
    for di in (0, 1):
        for dj in (0, 1):
            weight = (np.abs(x - i - (1 - di)) * np.abs(y - j - (1 - dj))).astype(np.float32)
            inside = (i + di >= 0) & (i + di < upright.shape[0])
            inside &= (j + dj >= 0) & (j + dj < upright.shape[1])
            there = upright[i[inside] + di, j[inside] + dj]
            out[inside] += weight[inside, None] * there
    return out


def _depth(
    upright: NDArray[np.float32], side: int, angle: float, threshold: float
) -> NDArray[np.float64]:
    """Return how far each ray (row, column) goes before it meets the surface; inf for never."""
    columns = np.arange(side) - side / 2
    # Some columns at a time: the turned head would take as much memory as a large scan.
    parts = np.array_split(columns, -(-side // COLUMNS))
    return np.concatenate(
        [_crossing(_turned(upright, part, side, angle), threshold) for part in parts], axis=1
    )


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
