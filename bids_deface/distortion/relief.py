"""Low, wide bumps drawn by chance: what a recogniser reads off smooth skin is not the person's."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

#: How far the skin may lie above and under its place, mm: above, so that no bump stands out like
#: a nose; under, so that some of the uniform skin is left below the lowest.
UP_MM: Final = 2.0
DOWN_MM: Final = 4.5
#: Standard deviation of the heights before they are bounded, and smoothing of what is drawn, mm:
#: bumps narrower than a face, wider than what counts as relief of a feature.
SPREAD_MM, LENGTH_MM = 4.0, 14.0
#: Relief is what smoothing by so much takes away, and is looked at in windows of this width, mm.
ROUGH_MM, WINDOW_MM = 6.0, 30.0


def random_relief(
    weight: NDArray[np.float64],
    roughest: NDArray[np.float64],
    flat: NDArray[np.float64],
    chance: int,
) -> NDArray[np.float64]:
    """Return heights (a, b) between ``-DOWN_MM`` and ``UP_MM``, mm.

    Parameters
    ----------
    weight
        (a, b), 0 to 1: share of the heights that is wanted.
    roughest
        (a, b), most relief (standard deviation, mm) by which no bump is taken for a feature; inf
        where there was none.
    flat
        Pixel size in mm.
    chance
        Seed: all frames of an image get the same.
    """
    drawn = np.random.default_rng(chance).normal(size=weight.shape)
    smooth = ndimage.gaussian_filter(drawn, LENGTH_MM / flat, mode="reflect")
    # By what is seen of it: each draw is as strong as any other.
    total = max(float(weight.sum()), 1e-9)
    smooth -= (weight * smooth).sum() / total
    smooth *= SPREAD_MM / max(float(np.sqrt((weight * smooth**2).sum() / total)), 1e-9)
    # Bounded without an edge, which would be seen.
    bound = np.where(smooth > 0, UP_MM, DOWN_MM)
    relief = weight * bound * np.tanh(smooth / bound)
    return np.asarray(relief / max(1.0, _roughness(relief, roughest, flat)))


def _roughness(
    relief: NDArray[np.float64], roughest: NDArray[np.float64], flat: NDArray[np.float64]
) -> float:
    """Return the greatest relief of any window as a share of the most there may be."""
    rough = relief - ndimage.gaussian_filter(relief, ROUGH_MM / flat, mode="nearest")
    size = tuple(int(n) for n in np.maximum(1, np.rint(WINDOW_MM / flat)))
    squares, share = (
        ndimage.uniform_filter(values, size, mode="constant")
        for values in ((rough / roughest) ** 2, np.isfinite(roughest).astype(np.float64))
    )
    # Windows that hold little of a feature tell little of it.
    whole = np.isfinite(roughest) & (share > 0.3)
    return float(np.sqrt((squares[whole] / share[whole]).max(initial=0.0)))
