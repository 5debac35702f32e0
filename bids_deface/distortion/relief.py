"""Low, wide bumps drawn by chance: what a recogniser reads off smooth skin is not the person's."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

#: How far the skin may lie under or above its place, mm: a shell is left under the lowest, and
#: the highest stands out less than a nose.
REACH_MM: Final = 4.0
#: Standard deviation of the heights before they are bounded, and smoothing of what is drawn, mm:
#: bumps narrower than a mouth, wider than what counts as relief of a feature.
SPREAD_MM, LENGTH_MM = 4.5, 12.0


def random_relief(
    shape: tuple[int, ...], flat: NDArray[np.float64], chance: int
) -> NDArray[np.float64]:
    """Return heights (a, b) within ``REACH_MM``, mm.

    Parameters
    ----------
    shape
        Of the map.
    flat
        Pixel size in mm.
    chance
        Seed: all frames of an image get the same.
    """
    drawn = np.random.default_rng(chance).normal(size=shape)
    smooth = ndimage.gaussian_filter(drawn, LENGTH_MM / flat, mode="reflect")
    wide = smooth * SPREAD_MM / max(float(smooth.std()), 1e-9)
    # Bounded without an edge, which would be seen.
    return np.asarray(REACH_MM * np.tanh(wide / REACH_MM))
