"""The same head in another scan, made up: moved, resampled, unevenly bright and noisy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial.transform import Rotation

from bids_deface.volume import zooms_of


@dataclass(frozen=True)
class Rescan:
    """How far a second scan differs from the first; each a standard deviation.

    Attributes
    ----------
    turn_deg, shift_mm
        Of the head, about each axis and along it.
    bias
        Of the coils' sensitivity between places 80 mm apart, as a share.
    noise
        As a share of the tissue's intensity (95th percentile).
    """

    turn_deg: float = 4.0
    shift_mm: float = 5.0
    bias: float = 0.15
    noise: float = 0.02


def scan_again(
    image: NDArray[Any],
    affine: NDArray[np.float64],
    rng: np.random.Generator,
    settings: Rescan | None = None,
) -> NDArray[np.float32]:
    """Return what another scan of the same head on the same grid could look like.

    NaN marks what lay outside the first scan's field of view: nobody knows what is there.

    Parameters
    ----------
    image
        Intensities (i, j, k), brighter = more signal.
    affine
        Voxel-to-world matrix (4x4, mm).
    rng
        Random generator.
    settings
        How far the scans differ.
    """
    settings = settings or Rescan()
    turn = Rotation.from_euler("xyz", rng.normal(0, settings.turn_deg, 3), degrees=True)
    centre = affine[:3, :3] @ ((np.array(image.shape) - 1) / 2) + affine[:3, 3]
    move = np.eye(4)
    move[:3, :3] = turn.as_matrix()
    move[:3, 3] = centre - move[:3, :3] @ centre + rng.normal(0, settings.shift_mm, 3)
    matrix = np.linalg.inv(affine) @ move @ affine
    moved = ndimage.affine_transform(
        np.nan_to_num(np.asarray(image, np.float32)),
        matrix[:3, :3],
        matrix[:3, 3],
        order=1,
        cval=np.nan,
    )
    size_mm = np.array(image.shape) * zooms_of(affine)
    knots = rng.normal(0, settings.bias, np.maximum(2, np.ceil(size_mm / 80)).astype(int))
    factors = np.array(image.shape) / knots.shape
    bias = np.exp(ndimage.zoom(knots, factors, order=3, grid_mode=True, mode="nearest"))
    sigma = settings.noise * float(np.nanpercentile(moved, 95))
    real, imaginary = rng.normal(0, sigma, size=(2, *image.shape)).astype(np.float32)
    # Magnitude of a complex signal: the noise is Rician (Gudbjartsson and Patz 1995,
    # doi 10.1002/mrm.1910340618).
    return np.asarray(np.hypot(moved * bias + real, imaginary), dtype=np.float32)
