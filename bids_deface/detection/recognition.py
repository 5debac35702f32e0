"""Whether an image shows a head at all."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from bids_deface.anatomy import BRAIN, LIMITS
from bids_deface.detection.regions import RawRegion
from bids_deface.errors import ImageError, NoHeadError, SkullStrippedError

#: Hounsfield units of air and of bone, and the share of air from which an image is CT.
HU_AIR, HU_BONE, LEAST_HU_AIR = (-1060.0, -940.0), 300.0, 0.1
#: With this many facial regions a head is not skull-stripped, whatever its outline says.
LEAST_FACE = 3
#: Share of the brain's surroundings that is tissue in a head with skull and skin.
LEAST_SURROUNDING = 0.35
#: Correlation of voxels 4 mm apart: 0.74 and more in the heads looked at, 0.36 and less in noise
#: of up to 1 mm smoothness; where the air is noise or the signal weak, in and around the brain.
LEAST_CORRELATION = 0.5
LEAST_BRAIN_CORRELATION = 0.4


def require_content(image: NDArray[Any], zooms: NDArray[np.float64]) -> None:
    """Raise `NoHeadError` where an image is too small for any head, or constant.

    Parameters
    ----------
    image
        Intensities (i, j, k).
    zooms
        Voxel size in mm.
    """
    ml = float(image.size * np.prod(zooms)) / 1000
    if ml < LIMITS.brain_ml[0]:
        raise NoHeadError(f"no head recognised (the image shows {ml:.0f} ml only).")
    if image.min() == image.max():
        raise NoHeadError("the image is constant.")


def require_mr(values: NDArray[np.float64]) -> None:
    """Raise `ImageError` for CT, on which the detector was never tried.

    Parameters
    ----------
    values
        Some of the image's values, in their unit.
    """
    air = float(((values > HU_AIR[0]) & (values < HU_AIR[1])).mean()) if len(values) else 0.0
    if air > LEAST_HU_AIR and float(values.max()) > HU_BONE:
        raise ImageError(
            "the image looks like CT (air at -1000), and the detector knows MR only.",
            "Leave it out (--bids-filter-file), or deface it with a tool made for CT.",
        )


def require_head(
    found: dict[int, RawRegion], head: NDArray[np.bool_], image: NDArray[np.float32]
) -> None:
    """Raise `NoHeadError` unless there is a plausible brain inside a head.

    A network sees heads in noise, as people see faces in clouds: so size, neighbourhood
    correlation and the tissue around the brain are asked, which it does not know of.

    Parameters
    ----------
    found
        Regions on the detector's grid.
    head
        Filled head mask, same grid.
    image
        Intensities on the same grid.
    """
    brain = found.get(BRAIN)
    low, high = LIMITS.brain_ml
    if brain is None or not low <= brain.volume_ml <= high:
        size = 0 if brain is None else brain.volume_ml
        raise NoHeadError(f"no head recognised (brain of {size:.0f} ml; {low:.0f}-{high:.0f}).")
    if not is_structured(image, brain.mask):
        raise NoHeadError("no head recognised (the image is noise).")
    if len(found) - 1 >= LEAST_FACE:
        return
    shell = ndimage.binary_dilation(brain.mask, iterations=5) & ~ndimage.binary_dilation(
        brain.mask, iterations=2
    )
    if float(head[shell].mean()) < LEAST_SURROUNDING:
        raise SkullStrippedError("a brain without skull and skin: there is no face to remove.")


def is_structured(image: NDArray[np.float32], brain: NDArray[np.bool_]) -> bool:
    """Tell anatomy from noise by the correlation of neighbours along every axis.

    Parameters
    ----------
    image
        Intensities (i, j, k), 2 mm.
    brain
        Predicted brain: it decides where the air is noise (MP2RAGE UNIT1).
    """
    if _neighbour_correlation(image) >= LEAST_CORRELATION:
        return True
    around = ndimage.binary_dilation(brain, iterations=4)
    return _neighbour_correlation(image, around) >= LEAST_BRAIN_CORRELATION


def _neighbour_correlation(
    image: NDArray[np.float32], where: NDArray[np.bool_] | None = None, lag: int = 2
) -> float:
    """Return the least correlation, over the axes, of voxels ``lag`` apart, inside a mask."""
    out = []
    for axis in range(3):
        before = (slice(None),) * axis
        one, two = (*before, slice(None, -lag)), (*before, slice(lag, None))
        both = slice(None) if where is None else where[one] & where[two]
        pair = image[one][both].ravel(), image[two][both].ravel()
        if pair[0].size < 2:
            return 0.0
        out.append(float(np.corrcoef(*pair)[0, 1]) if min(map(np.ptp, pair)) > 0 else 0.0)
    return min(out)
