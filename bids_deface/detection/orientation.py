"""Heads whose header lies: the search over the 24 turns of the axes."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bids_deface.anatomy import BRAIN_CLASS
from bids_deface.detection.grid import ConformedImage, Grid
from bids_deface.detection.outline import HeadOutline, find_outline
from bids_deface.detection.plausibility import RegionReport, Status
from bids_deface.detection.sighting import Sighting, interpret
from bids_deface.detection.turns import TURNS, UPRIGHT, Turn, turned
from bids_deface.volume import canonical_view

#: Regions another orientation must show, all without doubt, to be believed over the header.
LEAST_SEEN = 5
#: Turns that are judged in full: those in which the network is surest of the brain.
CANDIDATES = 4
#: Without a face the brain tells: another turn that fits it so much better is a doubt.
BRAIN_TOLERANCE = 0.01

Predict = Callable[[NDArray[np.float32]], NDArray[np.float32]]


@dataclass(frozen=True)
class _Candidate:
    """One turn, before its regions are judged."""

    turn: Turn
    conformed: ConformedImage
    outline: HeadOutline
    probseg: NDArray[np.float32]
    brain_confidence: float


def find_upright(predict: Predict, conformed: ConformedImage) -> tuple[Turn, Sighting]:
    """Look at a head as its header says, and at the 23 other turns where that is in doubt.

    A turn is believed over the header if it shows at least ``LEAST_SEEN`` regions without any
    doubt, and more than the header's orientation does. Where none does, the header's orientation
    stays, with its doubts; a head without any region raises one where its brain fits better
    turned. A skull-stripped brain needs no search: there is nothing to be found.

    Parameters
    ----------
    predict
        Runs the network over an image on the detector's grid.
    conformed
        The image as its header says.

    Returns
    -------
    turn
        From the header's world to the true one.
    sighting
        What was seen in that orientation.

    Raises
    ------
    NoHeadError
        The image is constant.
    """
    outline = find_outline(conformed)
    as_stored = _candidate(predict, conformed, outline, UPRIGHT)
    first = _interpret(as_stored)
    if first.is_settled or first.is_stripped:
        return UPRIGHT, first
    best = heapq.nlargest(
        CANDIDATES, _other_turns(predict, conformed, outline), key=lambda c: c.brain_confidence
    )
    sightings = [(c.turn, _interpret(c)) for c in best]
    credible = [
        (turn, s)
        for turn, s in sightings
        if s.is_settled and s.n_seen >= max(LEAST_SEEN, first.n_seen + 1)
    ]
    if credible:
        return max(credible, key=lambda pair: pair[1].n_seen)
    if best[0].brain_confidence > as_stored.brain_confidence + BRAIN_TOLERANCE:
        first = replace(first, regions=tuple(map(_doubt_orientation, first.regions)))
    return UPRIGHT, first


def _other_turns(
    predict: Predict, conformed: ConformedImage, outline: HeadOutline
) -> Iterator[_Candidate]:
    for turn in TURNS[1:]:
        affine = conformed.grid.affine
        image, there = turned(conformed.image, affine, turn)
        image = np.ascontiguousarray(image)
        grid = Grid((image.shape[0], image.shape[1], image.shape[2]), there)
        mask = np.ascontiguousarray(canonical_view(outline.mask, turn @ affine))
        yield _candidate(
            predict,
            replace(conformed, image=image, grid=grid),
            replace(outline, mask=mask),
            turn,
        )


def _candidate(
    predict: Predict, conformed: ConformedImage, outline: HeadOutline, turn: Turn
) -> _Candidate:
    probseg = predict(conformed.image)
    brain = probseg[BRAIN_CLASS]
    inside = brain > 0.5
    confidence = float(brain[inside].mean()) if inside.any() else 0.0
    return _Candidate(turn, conformed, outline, probseg, confidence)


def _interpret(candidate: _Candidate) -> Sighting:
    return interpret(candidate.probseg, candidate.conformed, candidate.outline)


def _doubt_orientation(report: RegionReport) -> RegionReport:
    """Doubt a region that was not found: it may lie where nobody looked."""
    if report.status not in (Status.ABSENT, Status.OUTSIDE):
        return report
    reason = "the head does not lie as its header says, and the face was not found"
    return replace(report, status=Status.DOUBTFUL, reason=reason)
