"""The skin of a defaced head as a mesh, for a page in which it can be turned."""

from __future__ import annotations

import base64
import gzip
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from nibabel import gifti as _gifti
from numpy.typing import NDArray
from scipy import ndimage

from bids_deface.resampling import block_mean, interpolate
from bids_deface.tissue import head_mask
from bids_deface.volume import zooms_of

#: nibabel's GIFTI classes carry no types.
gifti: Any = _gifti
#: Grid of the mesh, mm: coarse enough for a page, fine enough for lips and lids, were they there.
MESH_MM: Final = 3.0
#: Steps in which a page holds a coordinate: 16 bits over the longest side.
STEPS: Final = 65535
#: Most points that 16-bit corners can name.
MOST_POINTS: Final = 65536


@dataclass(frozen=True)
class HeadSurface:
    """A triangle mesh.

    Attributes
    ----------
    points
        float32 (n, 3), world mm: right, anterior, superior.
    triangles
        int32 (m, 3), corners as rows of ``points``, counter-clockwise seen from outside.
    """

    points: NDArray[np.float32]
    triangles: NDArray[np.int32]


NO_SURFACE: Final = HeadSurface(np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int32))


def head_surface(
    image: NDArray[Any], affine: NDArray[np.float64], threshold: float
) -> HeadSurface:
    """Return the outer surface of a head (marching cubes, Lewiner et al. 2003).

    Parameters
    ----------
    image
        Intensities (i, j, k), axes right, anterior, superior, brighter = more signal.
    affine
        Voxel-to-world matrix (4x4, mm).
    threshold
        Intensity of the head's surface.

    Returns
    -------
    HeadSurface
        Without points where nothing is brighter than the threshold.
    """
    # Late import: a page that is only rebuilt needs no mesh to be made.
    from skimage.measure import marching_cubes

    coarse, grid = _coarse(image, affine)
    zooms = zooms_of(grid)
    head = head_mask(coarse, threshold, zooms)
    if not head.any():
        return NO_SURFACE
    inner = ndimage.binary_erosion(head, iterations=2)
    # Outer skin only: no cavity, no speck in the air; closed where the field of view ends.
    field = np.where(ndimage.binary_dilation(head), np.minimum(coarse, 2 * threshold), 0.0)
    field[inner] = 2 * threshold
    field = np.pad(ndimage.gaussian_filter(field, 0.7), 1)
    if field.max() <= threshold:
        return NO_SURFACE
    points, triangles, *_ = marching_cubes(
        field, threshold, gradient_direction="ascent", allow_degenerate=False
    )
    xyz = (points - 1) @ grid[:3, :3].T + grid[:3, 3]
    if np.linalg.det(grid[:3, :3]) < 0:
        triangles = triangles[:, ::-1]
    return HeadSurface(xyz.astype(np.float32), triangles.astype(np.int32))


def save_surface(surface: HeadSurface, path: Path) -> None:
    """Write a mesh as GIFTI (``.surf.gii``), without time or software."""
    arrays = [
        gifti.GiftiDataArray(data, intent=intent, datatype=kind)
        for data, intent, kind in (
            (surface.points, "NIFTI_INTENT_POINTSET", "NIFTI_TYPE_FLOAT32"),
            (surface.triangles, "NIFTI_INTENT_TRIANGLE", "NIFTI_TYPE_INT32"),
        )
    ]
    path.write_bytes(gifti.GiftiImage(darrays=arrays).to_bytes())


def load_surface(path: Path) -> HeadSurface:
    """Read what :func:`save_surface` wrote."""
    image = gifti.GiftiImage.from_filename(path)
    points, triangles = image.agg_data(("pointset", "triangle"))
    return HeadSurface(np.asarray(points, np.float32), np.asarray(triangles, np.int32))


def packed(surface: HeadSurface) -> str:
    """Return a mesh as text for a page: base64 of gzip of little-endian numbers.

    They are: the number of points and of triangles and the size of a step in mm (uint32, uint32,
    float32), the points' coordinates about their middle in steps (int16), and the corners
    (uint16). Empty where there is no mesh, or too large a one.
    """
    n_points, n_triangles = len(surface.points), len(surface.triangles)
    if not n_points or n_points > MOST_POINTS:
        return ""
    low, high = surface.points.min(axis=0), surface.points.max(axis=0)
    step = float((high - low).max()) / (STEPS - 1)
    steps = np.rint((surface.points - (low + high) / 2) / step)
    content = b"".join(
        [
            np.array([n_points, n_triangles], "<u4").tobytes(),
            np.array([step], "<f4").tobytes(),
            steps.astype("<i2").tobytes(),
            surface.triangles.astype("<u2").tobytes(),
        ]
    )
    return base64.b64encode(gzip.compress(content, 9, mtime=0)).decode()


def _coarse(
    image: NDArray[Any], affine: NDArray[np.float64]
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Resample to about ``MESH_MM`` along the image's own axes."""
    image, affine = block_mean(image, affine, MESH_MM)
    zooms = zooms_of(affine)
    size = np.maximum(2, np.rint(np.array(image.shape) * zooms / MESH_MM)).astype(int)
    factor = np.array(image.shape) / size
    soft = ndimage.gaussian_filter(image, np.where(factor > 1, 0.4 * factor, 0.0))
    centre = 0.5 * factor - 0.5
    out = interpolate(soft, np.diag(factor), centre, tuple(size), border="nearest")
    to_image = np.diag([*factor, 1.0])
    to_image[:3, 3] = centre
    return out, affine @ to_image
