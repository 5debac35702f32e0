"""What stands out from its kind: robust z-scores."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence

import numpy as np

#: Robust standard deviations from the median (Iglewicz and Hoaglin 1993).
LIMIT = 3.5
#: Of fewer values nobody can say what is usual.
LEAST_VALUES = 10
#: Median absolute deviation, and mean absolute deviation, of a normal distribution.
MAD_OF_NORMAL = 0.6745
MEAN_DEVIATION_OF_NORMAL = 0.7979


def robust_z(values: Sequence[float | None]) -> list[float | None]:
    """Return how far each value lies from the median, in robust standard deviations.

    Parameters
    ----------
    values
        None where there is none.

    Returns
    -------
    list
        None for values that are none, and for all where there are too few to compare.
    """
    known = np.array([v for v in values if _is_known(v)], dtype=np.float64)
    if known.size < LEAST_VALUES:
        return [None] * len(values)
    median = float(np.median(known))
    distances = np.abs(known - median)
    scale = float(np.median(distances)) / MAD_OF_NORMAL
    if scale == 0:
        # More than half are equal: the mean still tells how far the others usually lie.
        scale = float(distances.mean()) / MEAN_DEVIATION_OF_NORMAL
    if scale == 0:
        return [0.0 if _is_known(v) else None for v in values]
    return [(v - median) / scale if v is not None and _is_known(v) else None for v in values]


def outliers_among(values: Sequence[float | None], kinds: Sequence[Hashable]) -> list[bool]:
    """Tell which values stand out from those of their kind.

    Parameters
    ----------
    values
        None where there is none.
    kinds
        Of each value; only values of one kind are compared.
    """
    out = [False] * len(values)
    for kind in set(kinds):
        places = [place for place, one in enumerate(kinds) if one == kind]
        for place, z in zip(places, robust_z([values[p] for p in places]), strict=True):
            out[place] = z is not None and abs(z) > LIMIT
    return out


def _is_known(value: float | None) -> bool:
    return value is not None and math.isfinite(value)
