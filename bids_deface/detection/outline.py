"""The head's outline on the detector's grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from bids_deface.detection.grid import SPACING_MM, ConformedImage
from bids_deface.errors import NoHeadError
from bids_deface.tissue import head_mask, tissue_threshold

#: Air brighter than this share of the head (MP2RAGE UNIT1, inverted images) tells nothing.
BRIGHT_AIR = 0.4


@dataclass(frozen=True)
class HeadOutline:
    """Where the head is.

    Attributes
    ----------
    mask
        bool (i, j, k), filled head on the detector's grid.
    threshold
        Intensity of the source image above which a voxel is head.
    signal
        bool, same grid: voxels that differ from this scan's air, however dim.
    """

    mask: NDArray[np.bool_]
    signal: NDArray[np.bool_]
    threshold: float


def find_outline(conformed: ConformedImage) -> HeadOutline:
    """Part head from air.

    Raises
    ------
    NoHeadError
        The image is constant.
    """
    if not conformed.image.any():
        raise NoHeadError("the image is constant.")
    threshold = tissue_threshold(conformed.image)
    mask = head_mask(conformed.image, threshold, np.full(3, SPACING_MM))
    signal = mask | has_signal(conformed.image, mask)
    return HeadOutline(mask, signal, conformed.low + threshold * (conformed.high - conformed.low))


def has_signal(image: NDArray[np.float32], head: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the voxels that are brighter than air noise; in blank air, any that are not blank.

    Parameters
    ----------
    image
        Intensities (i, j, k).
    head
        Filled head mask; what lies outside is mostly air.
    """
    # Smoothed by a voxel: where noise hides single voxels, a region still stands out.
    smooth = ndimage.gaussian_filter(image, 1.0)
    air = smooth[~head]
    if not air.size:
        return np.ones_like(head)
    middle = float(np.median(air))
    if head.any() and middle > BRIGHT_AIR * float(np.median(smooth[head])):
        return np.ones_like(head)
    spread = 1.4826 * float(np.median(np.abs(air - middle)))
    return np.asarray(smooth > middle + 5 * spread)
