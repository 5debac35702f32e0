"""Where features should be: the pose of a head from its brain and the regions found."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bids_deface.anatomy import BRAIN, REFERENCE_OFFSETS_MM, head_scale
from bids_deface.detection.regions import RawRegion

#: How far a region may lie from where the pose of the others puts it, mm. Seen on validation
#: heads, turned, shrunk and spoilt ones too, and on other scanners: eyes 13, nose 16, ears 22,
#: mouth 23.
GREATEST_OFFSET_MM = 35.0
#: Weight of an upright head in the fit: it decides what few points leave open, mm.
UPRIGHT_MM = 15.0


def expected_centre(index: int, found: dict[int, RawRegion]) -> NDArray[np.float64]:
    """Return where a region should be (world mm), from the pose of brain and other regions.

    The reference offsets are scaled by the brain's size and carried by the rotation that fits
    the regions found (Kabsch 1976, doi 10.1107/S0567739476001873); with none found, upright.

    Parameters
    ----------
    index
        Label index.
    found
        Regions, the brain among them; the region in question has no say in the pose.
    """
    return place_of(np.array(REFERENCE_OFFSETS_MM[index]), found, index)


def place_of(
    offset_mm: NDArray[np.float64], found: dict[int, RawRegion], without: int | None = None
) -> NDArray[np.float64]:
    """Return where something should be (world mm), from the pose of brain and regions.

    Parameters
    ----------
    offset_mm
        Its place relative to the brain's centroid in an upright head, for a brain of 1400 ml.
    found
        Standard regions, the brain among them.
    without
        Label of a region that has no say in the pose.
    """
    brain = found[BRAIN]
    scale = head_scale(brain.volume_ml)
    offsets = {i: scale * np.array(o) for i, o in REFERENCE_OFFSETS_MM.items()}
    others = [i for i in found if i not in (BRAIN, without)]
    source = np.array([*(offsets[i] for i in others), *(UPRIGHT_MM * np.eye(3))])
    target = np.array(
        [*(found[i].centroid - brain.centroid for i in others), *(UPRIGHT_MM * np.eye(3))]
    )
    u, _, vt = np.linalg.svd(source.T @ target)
    turn = (u @ np.diag([1, 1, np.sign(np.linalg.det(u @ vt))]) @ vt).T
    return np.asarray(brain.centroid + turn @ (scale * offset_mm))


def offset_mm(index: int, found: dict[int, RawRegion]) -> float:
    """Return how far a region lies from where it should be, mm."""
    return float(np.linalg.norm(found[index].centroid - expected_centre(index, found)))


def drop_strays(found: dict[int, RawRegion]) -> dict[int, RawRegion]:
    """Leave out regions that do not fit the pose on which the others agree.

    One stray piece (an ear on the forehead) would otherwise turn the pose and make good regions
    look wrong. A region that is left out counts as not found, and is judged as such.

    Parameters
    ----------
    found
        Regions, the brain among them.
    """
    kept = dict(found)
    while BRAIN in kept and len(kept) > 3:
        worst = _worst_offset(kept)
        if worst <= GREATEST_OFFSET_MM:
            break
        rest = {i: _without(kept, i) for i in kept if i != BRAIN}
        stray = min(rest, key=lambda i: _worst_offset(rest[i]))
        if _worst_offset(rest[stray]) > 0.8 * worst:
            break
        kept = rest[stray]
    return kept


def _worst_offset(found: dict[int, RawRegion]) -> float:
    return max((offset_mm(i, found) for i in found if i != BRAIN), default=0.0)


def _without(found: dict[int, RawRegion], index: int) -> dict[int, RawRegion]:
    return {i: region for i, region in found.items() if i != index}
