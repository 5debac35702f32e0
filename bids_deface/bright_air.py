"""Scans whose air is as bright as the head: MP2RAGE UNIT1, inverted images.

No threshold parts such air from tissue, but it can still be told: where the brain is, is known,
so some air is known too, and tissue differs from it in mean or in roughness.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from bids_deface.anatomy import BRAIN
from bids_deface.detection.grid import conform
from bids_deface.surroundings import Surroundings
from bids_deface.tissue import head_mask
from bids_deface.volume import zooms_of

#: Beyond this distance from the brain's box, in the upper half of the head, all is air, mm.
SCALP_MM = 20.0
#: Number of voxels looked at.
SAMPLES = 20_000
#: Share of the air above the head's threshold from which it counts as bright.
BRIGHT_SHARE = 0.3
#: Tissue differs from air by so many spreads of the air, and by this share of what brain does.
SPREADS = 5.0
LEAST_SHARE = 0.3
#: Air that is so much rougher than brain is told from anything.
ROUGHER = 3.0
GUESS = "the air is as bright as the head, so the skin's place is a guess"
#: Window in which mean and roughness are taken, voxels.
WINDOW = 1.0


def has_bright_air(
    image: NDArray[Any], dseg: NDArray[np.uint8], zooms: NDArray[np.float64], threshold: float
) -> bool:
    """Tell whether the air of a scan is as bright as its head.

    Parameters
    ----------
    image
        Intensities (i, j, k), axes right, anterior, superior.
    dseg
        uint8 (i, j, k), regions; the brain tells where air must be.
    zooms
        Voxel size in mm.
    threshold
        Intensity between air and head, as far as there is one.
    """
    values = image[_air_voxels(dseg, zooms)]
    return bool(values.size and (values > threshold).mean() > BRIGHT_SHARE)


def doubts_of_bright_air(
    image: NDArray[Any], dseg: NDArray[np.uint8], zooms: NDArray[np.float64]
) -> tuple[str, ...]:
    """Return in words why the surface is a guess: smooth air may look like skin or fat.

    Parameters
    ----------
    image, dseg, zooms
        As in :func:`has_bright_air`, for a scan that has.
    """
    steps = []
    for i, j, k in (_air_voxels(dseg, zooms), _some(_brain_voxels(dseg)).T):
        beside = image[np.minimum(i + 1, image.shape[0] - 1), j, k].astype(np.float64)
        steps.append(float(np.nanmedian(np.abs(beside - image[i, j, k]))))
    return () if steps[0] > ROUGHER * steps[1] else (GUESS,)


def surroundings_in_bright_air(
    image: NDArray[Any],
    dseg: NDArray[np.uint8],
    affine: NDArray[np.float64],
    scan_affine: NDArray[np.float64] | None = None,
) -> Surroundings:
    """Return the surroundings of a head in bright air; parameters as in the others.

    ``scan_affine`` is the voxel-to-world matrix of the scan that ``image`` lends its surface to.
    """
    unlike = unlike_air(image, dseg, zooms_of(affine))
    coarse = conform(unlike, affine)
    threshold = (1 - coarse.low) / max(coarse.high - coarse.low, 1e-6)
    mask = head_mask(coarse.image, threshold, zooms_of(coarse.grid.affine))
    if scan_affine is None:
        return Surroundings.of(unlike, affine, mask, coarse.grid.affine, 1.0)
    return Surroundings.of(unlike, scan_affine, mask, coarse.grid.affine, 1.0, affine)


def unlike_air(
    image: NDArray[Any], dseg: NDArray[np.uint8], zooms: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Return how much each voxel differs from this scan's air, in mean or roughness.

    Parameters
    ----------
    image, dseg, zooms
        As in :func:`has_bright_air`.

    Returns
    -------
    ndarray
        float32 (i, j, k): below 1 in air, from 1 to 2 in the head.
    """
    values = np.nan_to_num(image.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    mean = ndimage.gaussian_filter(values, WINDOW)
    rough = ndimage.gaussian_filter(np.square(values - mean), WINDOW)
    np.sqrt(rough, out=rough)
    air = _air_voxels(dseg, zooms)
    brain = tuple(_some(_brain_voxels(dseg)).T)
    one, two = (_difference(measure, air, brain) for measure in (mean, rough))
    return np.maximum(one, two, out=one)


def _difference(
    measure: NDArray[np.float32], air: tuple[NDArray[Any], ...], brain: tuple[NDArray[Any], ...]
) -> NDArray[np.float32]:
    """Return the distance from the air's median in units of what is surely different."""
    middle = float(np.median(measure[air]))
    spread = 1.4826 * float(np.median(np.abs(measure[air] - middle)))
    typical = float(np.percentile(np.abs(measure[brain] - middle), 75))
    unit = max(SPREADS * spread, LEAST_SHARE * typical, 1e-6)
    return np.asarray(np.clip(np.abs(measure - np.float32(middle)) / np.float32(unit), 0, 2))


def _air_voxels(dseg: NDArray[np.uint8], zooms: NDArray[np.float64]) -> tuple[NDArray[Any], ...]:
    """Return indices of voxels that must be air: beside, before, behind and above the head."""
    brain = _brain_voxels(dseg)
    if not len(brain):
        return tuple(brain.T)
    # Percentiles: what is called brain in bright air is not all brain.
    low, middle, high = np.percentile(brain, (1, 50, 99), axis=0)
    low, high = low - SCALP_MM / zooms, high + SCALP_MM / zooms
    ijk = np.random.default_rng(0).integers(
        (0, 0, int(middle[2])), dseg.shape, size=(5 * SAMPLES, 3)
    )
    return tuple(_some(ijk[np.any((ijk < low) | (ijk > high), axis=1)]).T)


def _brain_voxels(dseg: NDArray[np.uint8]) -> NDArray[Any]:
    """Return a regular sample of the brain's voxels (n, 3)."""
    steps = [max(1, n // 100) for n in dseg.shape]
    sample = dseg[tuple(slice(None, None, step) for step in steps)]
    return np.asarray(np.argwhere(sample == BRAIN) * steps)


def _some(voxels: NDArray[Any]) -> NDArray[Any]:
    """Return at most ``SAMPLES`` of a list of voxels, evenly."""
    return voxels[:: max(1, len(voxels) // SAMPLES)]
