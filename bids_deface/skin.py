"""Where the skin is: seen in the scan, lent by a reference, or told from bright air."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bids_deface.bright_air import (
    doubts_of_bright_air,
    has_bright_air,
    surroundings_in_bright_air,
)
from bids_deface.detection.grid import conform
from bids_deface.detection.outline import find_outline
from bids_deface.surroundings import Surroundings
from bids_deface.volume import zooms_of

if TYPE_CHECKING:
    from bids_deface.detection.featuremap import FeatureMap, Surface


@dataclass(frozen=True)
class Skin:
    """The head's surface in one image.

    Attributes
    ----------
    around
        Tells head from air.
    threshold
        Intensity between air and head in the scan itself; NaN where there is none.
    doubts
        In words, why the surface may not be where it seems.
    """

    around: Surroundings
    threshold: float
    doubts: tuple[str, ...] = ()


def find_skin(found: FeatureMap, image: NDArray[Any], affine: NDArray[np.float64]) -> Skin:
    """Find the head's surface.

    Parameters
    ----------
    found
        What the detector knows; its ``surface`` has the first word.
    image
        The scan (i, j, k), upright.
    affine
        Its voxel-to-world matrix.

    Raises
    ------
    NoHeadError
        The reference is constant.
    """
    if found.surface is not None:
        return _lent_skin(found.surface, found.threshold, affine)
    zooms = zooms_of(affine)
    if has_bright_air(image, found.dseg, zooms, found.threshold):
        around = surroundings_in_bright_air(image, found.dseg, affine)
        return Skin(around, math.nan, doubts_of_bright_air(image, found.dseg, zooms))
    grid = found.head_grid
    around = Surroundings.of(image, affine, found.head, grid.affine, found.threshold)
    return Skin(around, found.threshold)


def _lent_skin(surface: Surface, threshold: float, affine: NDArray[np.float64]) -> Skin:
    """Find the surface in another image, for a scan with ``affine``; its doubts come with it."""
    conformed = conform(surface.image, surface.affine)
    outline, grid = find_outline(conformed), conformed.grid
    zooms = zooms_of(surface.affine)
    if has_bright_air(surface.image, surface.dseg, zooms, outline.threshold):
        around = surroundings_in_bright_air(surface.image, surface.dseg, surface.affine, affine)
        return Skin(around, threshold, doubts_of_bright_air(surface.image, surface.dseg, zooms))
    around = Surroundings.of(
        surface.image, affine, outline.mask, grid.affine, outline.threshold, surface.affine
    )
    return Skin(around, threshold)
