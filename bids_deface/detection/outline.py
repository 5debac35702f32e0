"""The head's outline on the detector's grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bids_deface.detection.grid import SPACING_MM, ConformedImage
from bids_deface.errors import NoHeadError
from bids_deface.tissue import head_mask, tissue_threshold


@dataclass(frozen=True)
class HeadOutline:
    """Where the head is.

    Attributes
    ----------
    mask
        bool (i, j, k), filled head on the detector's grid.
    threshold
        Intensity of the source image above which a voxel is head.
    """

    mask: NDArray[np.bool_]
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
    return HeadOutline(mask, conformed.low + threshold * (conformed.high - conformed.low))
