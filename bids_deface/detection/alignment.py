"""Whether two images show one head in one place, and where it lies in the other if not.

Rigid registration by normalised mutual information (Studholme et al. 1999,
doi 10.1016/S0031-3203(98)00091-0), coarse on purpose: it is to tell millimetres, not their tenths.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, optimize
from scipy.spatial.transform import Rotation

from bids_deface.detection.grid import SPACING_MM, ConformedImage

#: Points of the head that are compared.
POINTS = 30_000
BINS = 32
#: Fewer points in both images tell nothing: few values seem alike by chance.
LEAST_POINTS = 3_000
#: Blur of the two passes, mm.
BLURS_MM = (6.0, 3.0)
#: Search range of each parameter: mm and degrees.
REACH_MM, REACH_DEG = 45.0, 35.0
#: The shared information must rise by this share before a place other than the header's counts.
LEAST_GAIN = 0.02
#: Shared information of one head in two contrasts, 1 being none; unlike images stay below.
LEAST_INFORMATION = 1.045


Comparison = Callable[[NDArray[np.float64]], tuple[float, float]]


@dataclass(frozen=True)
class Alignment:
    """Where a reference's head lies in another image.

    Attributes
    ----------
    matrix
        4x4, world of the reference (mm) to that of the image.
    information
        Normalised mutual information there, 1 (nothing shared) to 2.
    """

    matrix: NDArray[np.float64]
    information: float

    @property
    def is_sure(self) -> bool:
        """Whether the two images share enough to be one head."""
        return self.information >= LEAST_INFORMATION

    def displacement_mm(self, places: NDArray[np.float64]) -> float:
        """Return how far the farthest of some places (n, 3; world mm) is moved."""
        moved = places @ self.matrix[:3, :3].T + self.matrix[:3, 3]
        return float(np.linalg.norm(moved - places, axis=1).max())


def align(reference: ConformedImage, head: NDArray[np.bool_], image: ConformedImage) -> Alignment:
    """Find the head of a reference in another image of any contrast.

    Parameters
    ----------
    reference
        On the detector's grid.
    head
        bool, same grid: its head.
    image
        The other image, on its own detector grid.

    Returns
    -------
    Alignment
        The identity where no other place is clearly better.
    """
    ijk = np.argwhere(ndimage.binary_dilation(head, iterations=3))
    ijk = ijk[:: max(1, len(ijk) // POINTS)]
    xyz = ijk @ reference.grid.affine[:3, :3].T + reference.grid.affine[:3, 3]
    centre = xyz.mean(axis=0)
    to_voxels = np.linalg.inv(image.grid.affine)
    best = np.zeros(6)
    for blur in BLURS_MM:
        sigma = blur / SPACING_MM
        fixed = ndimage.gaussian_filter(reference.image, sigma)[tuple(ijk.T)]
        moving = ndimage.gaussian_filter(image.image, sigma)

        def compare(
            x: NDArray[np.float64],
            fixed: NDArray[np.float32] = fixed,
            moving: NDArray[np.float32] = moving,
        ) -> tuple[float, float]:
            matrix = to_voxels @ _rigid(x, centre)
            there = xyz @ matrix[:3, :3].T + matrix[:3, 3]
            inside = np.all((there >= 0) & (there <= np.array(moving.shape) - 1), axis=1)
            values = ndimage.map_coordinates(moving, there[inside].T, order=1)
            return _information(fixed[inside], values), float(inside.mean())

        def gain(x: NDArray[np.float64], compare: Comparison = compare) -> float:
            information, overlap = compare(x)
            # Less overlap must not pay.
            return (information - 1) * float(np.sqrt(overlap))

        limits = [(-REACH_MM, REACH_MM)] * 3 + [(-REACH_DEG, REACH_DEG)] * 3
        best = optimize.minimize(
            lambda x, gain=gain: -gain(x), best, method="Powell", bounds=limits,
            options={"xtol": 0.2, "ftol": 1e-5, "maxiter": 8},
        ).x  # fmt: skip
    if gain(best) < (1 + LEAST_GAIN) * gain(np.zeros(6)):
        best = np.zeros(6)
    return Alignment(_rigid(best, centre), compare(best)[0])


def _rigid(x: NDArray[np.float64], centre: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a 4x4 matrix: rotation about ``centre`` by x[3:] degrees, then a shift by x[:3]."""
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler("xyz", x[3:], degrees=True).as_matrix()
    matrix[:3, 3] = centre - matrix[:3, :3] @ centre + x[:3]
    return matrix


def _information(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Return the normalised mutual information of two samples in [0, 1]; 1 where too few."""
    if len(a) < LEAST_POINTS:
        return 1.0
    pairs = (a * (BINS - 1)).round().astype(int) * BINS + (b * (BINS - 1)).round().astype(int)
    joint = np.bincount(pairs, minlength=BINS * BINS).reshape(BINS, BINS) / len(a)
    both = _entropy(joint.ravel())
    return (_entropy(joint.sum(0)) + _entropy(joint.sum(1))) / both if both > 0 else 1.0


def _entropy(p: NDArray[np.float64]) -> float:
    positive = p[p > 0]
    return float(-(positive * np.log(positive)).sum())
