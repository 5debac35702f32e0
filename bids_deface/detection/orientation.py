"""Heads whose header lies: the search over the 24 turns of the axes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from bids_deface.anatomy import LABELS
from bids_deface.detection.grid import ConformedImage, Grid
from bids_deface.detection.plausibility import RegionReport, Status
from bids_deface.detection.sighting import Sighting
from bids_deface.detection.turns import TURNS, UPRIGHT, Turn, turned

#: Regions another orientation must show, all without doubt, to be believed over the header.
LEAST_SEEN = 5
N_REGIONS = len(LABELS) - 1
#: Without a face the brain tells: another turn that fits it so much better is a doubt.
BRAIN_TOLERANCE = 0.01


def find_upright(
    look: Callable[[ConformedImage], Sighting], conformed: ConformedImage
) -> tuple[Turn, Sighting]:
    """Look at a head as its header says, and at the 23 other turns where that is in doubt.

    A turn is believed over the header if it shows at least ``LEAST_SEEN`` regions without any
    doubt, and more than the header's orientation does. Where none does, the header's orientation
    stays, with its doubts; a head without any region raises one where its brain fits better
    turned. A skull-stripped brain needs no search: there is nothing to be found.

    Parameters
    ----------
    look
        Runs the network over an image on the detector's grid.
    conformed
        The image as its header says.

    Returns
    -------
    turn
        From the header's world to the true one.
    sighting
        What was seen in that orientation.
    """
    first = look(conformed)
    if first.is_settled or first.is_stripped:
        return UPRIGHT, first
    best: tuple[Turn, Sighting] | None = None
    brain = 0.0
    for turn in TURNS[1:]:
        sighting = look(_turn_conformed(conformed, turn))
        brain = max(brain, sighting.brain_confidence)
        credible = sighting.is_settled and sighting.n_seen >= max(LEAST_SEEN, first.n_seen + 1)
        if credible and (best is None or _rank(sighting) > _rank(best[1])):
            best = turn, sighting
        if credible and sighting.n_seen == N_REGIONS:
            break
    if best is not None:
        return best
    if brain > first.brain_confidence + BRAIN_TOLERANCE:
        first = replace(first, regions=tuple(map(_doubt_orientation, first.regions)))
    return UPRIGHT, first


def _rank(sighting: Sighting) -> tuple[int, float]:
    return sighting.n_seen, sighting.brain_confidence


def _doubt_orientation(report: RegionReport) -> RegionReport:
    """Doubt a region that was not found: it may lie where nobody looked."""
    if report.status not in (Status.ABSENT, Status.OUTSIDE):
        return report
    reason = "the head does not lie as its header says, and the face was not found"
    return replace(report, status=Status.DOUBTFUL, reason=reason)


def _turn_conformed(conformed: ConformedImage, turn: Turn) -> ConformedImage:
    image, affine = turned(conformed.image, conformed.grid.affine, turn)
    image = np.ascontiguousarray(image)
    grid = Grid((image.shape[0], image.shape[1], image.shape[2]), affine)
    return replace(conformed, image=image, grid=grid)
