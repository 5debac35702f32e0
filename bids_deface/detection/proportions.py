"""Whether regions lie to each other as in a face: distances and symmetry, in any pose."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bids_deface.anatomy import (
    BRAIN,
    LEFT_EAR,
    LEFT_EYE,
    MOUTH,
    NOSE,
    RIGHT_EAR,
    RIGHT_EYE,
    name_of,
)

#: Distance of each region's centroid from the point between the eyes, mm, for a brain of 1400 ml.
#: Seen in the 119 training and 25 validation heads: nose 32-49, ears 107-143, mouth 65-86,
#: brain 81-102; widened by about a third for other ages and for the detector's own error.
FROM_EYES_MM: Final[Mapping[int, tuple[float, float]]] = {
    NOSE: (15.0, 75.0),
    LEFT_EAR: (75.0, 180.0),
    RIGHT_EAR: (75.0, 180.0),
    MOUTH: (40.0, 115.0),
    BRAIN: (55.0, 135.0),
}
#: Distance of the two sides of a pair, mm; seen: eyes 55-78, ears 135-168.
APART_MM: Final[Mapping[tuple[int, int], tuple[float, float]]] = {
    (LEFT_EYE, RIGHT_EYE): (35.0, 95.0),
    (LEFT_EAR, RIGHT_EAR): (95.0, 210.0),
}
#: Greatest difference of the distances to the left and the right eye, mm; seen: 5.
OFF_MIDLINE_MM = 20.0
#: Greatest difference of the two ears' distances from the point between the eyes, mm; seen: 13.
UNEVEN_EARS_MM = 35.0


def odd_proportions(centroids: Mapping[int, NDArray[np.float64]], scale: float) -> dict[int, str]:
    """Return what is wrong with which region, in words.

    Parameters
    ----------
    centroids
        World mm by label index, of regions that are whole; left and right may be mixed up.
    scale
        Size of the head: cube root of the brain's volume over 1400 ml.

    Returns
    -------
    dict
        Label index to reason; empty where everything fits.
    """
    places = {index: centroid / scale for index, centroid in centroids.items()}
    odd = _pairs_apart(places)
    if not odd and {LEFT_EYE, RIGHT_EYE} <= set(places):
        odd = _off_midline(places) | _from_eyes(places)
    return odd


Places = Mapping[int, NDArray[np.float64]]


def _distance(one: NDArray[np.float64], two: NDArray[np.float64]) -> float:
    return float(np.linalg.norm(one - two))


def _pairs_apart(places: Places) -> dict[int, str]:
    odd: dict[int, str] = {}
    for pair, (low, high) in APART_MM.items():
        if set(pair) <= set(places):
            apart = _distance(places[pair[0]], places[pair[1]])
            if not low <= apart <= high:
                kind = "eyes" if pair[0] == LEFT_EYE else "ears"
                odd |= dict.fromkeys(pair, f"the {kind} are {apart:.0f} mm apart for their head")
    return odd


def _off_midline(places: Places) -> dict[int, str]:
    odd: dict[int, str] = {}
    for index in {NOSE, MOUTH} & set(places):
        left, right = (_distance(places[index], places[eye]) for eye in (LEFT_EYE, RIGHT_EYE))
        if abs(left - right) > OFF_MIDLINE_MM:
            odd[index] = f"{name_of(index)} does not lie midway between the eyes"
    return odd


def _from_eyes(places: Places) -> dict[int, str]:
    middle = (places[LEFT_EYE] + places[RIGHT_EYE]) / 2
    away = {i: _distance(places[i], middle) for i in FROM_EYES_MM if i in places}
    odd = {
        index: f"{name_of(index)} lies {mm:.0f} mm from between the eyes"
        for index, mm in away.items()
        if not FROM_EYES_MM[index][0] <= mm <= FROM_EYES_MM[index][1]
    }
    if {LEFT_EAR, RIGHT_EAR} <= set(away) and not {LEFT_EAR, RIGHT_EAR} & set(odd):
        uneven = abs(away[LEFT_EAR] - away[RIGHT_EAR])
        if uneven > UNEVEN_EARS_MM:
            odd |= dict.fromkeys((LEFT_EAR, RIGHT_EAR), "the ears lie unevenly")
    return odd
