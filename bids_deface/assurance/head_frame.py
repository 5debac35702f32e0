"""Every head in one place: laid over the average head by its brain, the face having no say."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, optimize
from scipy.spatial.transform import Rotation

from bids_deface.anatomy import BRAIN
from bids_deface.population import average_head
from bids_deface.tissue import largest_component, tissue_threshold
from bids_deface.volume import zooms_of

#: Voxel size of the box, mm.
STEP_MM = 1.5
#: The box around face and ears in the world of the average head, mm: right, anterior, superior.
LOW_MM = np.array([-105.0, -130.0, -100.0])
HIGH_MM = np.array([105.0, 90.0, 65.0])
SHAPE = tuple(int(n) for n in np.round((HIGH_MM - LOW_MM) / STEP_MM))
#: Voxel-to-world matrix of the box.
BOX_AFFINE = np.diag([STEP_MM, STEP_MM, STEP_MM, 1.0])
BOX_AFFINE[:3, 3] = LOW_MM
#: Blur of the brains that are laid over each other, mm, and the points that are compared.
BLUR_MM = 4.0
POINTS = 12_000


@dataclass(frozen=True)
class FramedHead:
    """The lower head of one scan in the world of the average head.

    Attributes
    ----------
    image
        float32 ``SHAPE``, intensities without specks in the air; 0 where the scan does not reach.
    seen
        bool, same grid: within the scan's field of view.
    threshold
        Intensity of the skin.
    """

    image: NDArray[np.float32]
    seen: NDArray[np.bool_]
    threshold: float


def frame_head(
    image: NDArray[Any], affine: NDArray[np.float64], to_scan: NDArray[np.float64]
) -> FramedHead:
    """Resample a scan to the common box.

    Parameters
    ----------
    image
        Intensities (i, j, k), brighter = more signal; NaN where nobody knows.
    affine
        Its voxel-to-world matrix (4x4, mm).
    to_scan
        Of :func:`fit_brain`.
    """
    matrix = np.linalg.inv(affine) @ to_scan @ BOX_AFFINE
    # Finer scans are blurred to the box first: what it cannot hold would be noise in it.
    sigma = np.maximum(0.0, 0.4 * (STEP_MM / zooms_of(affine) - 1))
    values = np.asarray(image, np.float32)
    known = np.isfinite(values).astype(np.uint8)
    fine = ndimage.gaussian_filter(np.where(known, values, np.float32(0)), sigma)
    there = _to_box(fine, matrix, order=1)
    seen = _to_box(known, matrix, order=0) > 0
    there[~seen] = 0
    threshold = tissue_threshold(there[seen])
    head = largest_component(ndimage.gaussian_filter(there, 0.7) > threshold)
    # A voxel more keeps the slope at the skin, and with it where between two voxels it lies.
    kept = np.where(ndimage.binary_dilation(head, iterations=2), there, np.float32(0))
    return FramedHead(kept, seen, threshold)


def frame_mask(
    mask: NDArray[np.bool_], affine: NDArray[np.float64], to_scan: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Resample a mask (i, j, k) of a scan to the common box; see :func:`frame_head`."""
    matrix = np.linalg.inv(affine) @ to_scan @ BOX_AFFINE
    # A quarter: thin rims of a coarser or finer scan must not fall between the voxels of the box.
    return np.asarray(_to_box(mask.astype(np.float32), matrix, order=1) > 0.25)


def _to_box(data: NDArray[Any], matrix: NDArray[np.float64], *, order: int) -> NDArray[Any]:
    """Resample to the box; 0 outside."""
    return np.asarray(
        ndimage.affine_transform(
            data, matrix[:3, :3], matrix[:3, 3], output_shape=SHAPE, order=order
        )
    )


def fit_brain(brain: NDArray[np.float32], affine: NDArray[np.float64]) -> NDArray[np.float64]:
    """Lay the average brain over a brain by rotation and shift: least squares of soft masks.

    Parameters
    ----------
    brain
        Probability of brain (i, j, k).
    affine
        Its voxel-to-world matrix (4x4, mm).

    Returns
    -------
    NDArray
        4x4, world of the average head to that of the scan, mm.
    """
    xyz, wanted = _average_brain()
    soft = ndimage.gaussian_filter(brain, BLUR_MM / zooms_of(affine))
    centre = affine[:3, :3] @ np.array(ndimage.center_of_mass(brain)) + affine[:3, 3]
    to_voxels = np.linalg.inv(affine)
    middle = np.average(xyz, axis=0, weights=wanted)

    def matrix(x: NDArray[np.float64]) -> NDArray[np.float64]:
        out = np.eye(4)
        out[:3, :3] = Rotation.from_rotvec(x[:3]).as_matrix()
        out[:3, 3] = centre + 100 * x[3:] - out[:3, :3] @ middle
        return out

    def misfit(x: NDArray[np.float64]) -> NDArray[np.float64]:
        there = to_voxels @ matrix(x)
        places = xyz @ there[:3, :3].T + there[:3, 3]
        return np.asarray(ndimage.map_coordinates(soft, places.T, order=1) - wanted, np.float64)

    # Shifts count in 100 mm, so that all six unknowns are of one size.
    fit = optimize.least_squares(misfit, np.zeros(6), diff_step=2e-3, xtol=1e-5, max_nfev=40)
    return matrix(fit.x)


@lru_cache(maxsize=1)
def _average_brain() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return points (n, 3; mm) in and around the average brain and its soft mask there."""
    _, dseg, affine = average_head()
    padded = np.pad(dseg == BRAIN, 8).astype(np.float32)
    soft = ndimage.gaussian_filter(padded, BLUR_MM / zooms_of(affine))
    ijk = np.argwhere(soft > 0.02)
    ijk = ijk[:: max(1, len(ijk) // POINTS)]
    values = soft[tuple(ijk.T)].astype(np.float64)
    return (ijk - 8) @ affine[:3, :3].T + affine[:3, 3], values
