"""Heads whose header lies: the search over the 24 turns of the axes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bids_deface.detection.grid import ConformedImage, Grid
from bids_deface.detection.looks import Predict, glance, look
from bids_deface.detection.outline import HeadOutline, find_outline
from bids_deface.detection.sighting import Sighting
from bids_deface.detection.turns import TURNS, UPRIGHT, Turn, turned

#: Regions without doubt that prove an orientation.
PROOF = 5
#: Regions seen where the header has them, doubts about others or not, that leave no room for
#: another orientation: none could show more that is sure.
CLEAR = 4
#: A single region, or two, are soon seen where there is nothing.
LEAST_RIVAL = 2

#: Said of every region: where one of them lies is no longer known.
WRONG_HEADER = "the head may not lie as its header says"


def find_upright(predict: Predict, conformed: ConformedImage) -> tuple[Turn, Sighting]:
    """Look at a head as its header says, and at the 23 other turns unless that is proof enough.

    The header's own orientation is believed where it shows ``CLEAR`` regions, another one where it
    shows ``PROOF``, and none in doubt. Where none does, the header's orientation stays. All its
    regions are in doubt if another turn shows more of a face. A skull-stripped brain needs no
    search: there is no face.

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
    first = look(predict, conformed, outline)
    if first.is_stripped or first.n_seen >= CLEAR:
        return UPRIGHT, first
    best: tuple[Turn, Sighting] | None = None
    for turn in TURNS[1:]:
        other = _look_turned(predict, conformed, outline, turn)
        if other.is_settled and (best is None or other.n_seen > best[1].n_seen):
            best = turn, other
            if other.n_seen >= PROOF:
                break
    if best is None or best[1].n_seen <= max(first.n_seen, LEAST_RIVAL):
        return UPRIGHT, first
    if best[1].n_seen >= PROOF:
        return best
    return UPRIGHT, replace(
        first, regions=tuple(report.doubted(WRONG_HEADER) for report in first.regions)
    )


def _look_turned(
    predict: Predict, conformed: ConformedImage, outline: HeadOutline, turn: Turn
) -> Sighting:
    affine = conformed.grid.affine
    image, there = turned(conformed.image, affine, turn)
    image = np.ascontiguousarray(image)
    grid = Grid((image.shape[0], image.shape[1], image.shape[2]), there)
    mask, signal = (
        np.ascontiguousarray(turned(m, affine, turn)[0]) for m in (outline.mask, outline.signal)
    )
    return glance(
        predict,
        replace(conformed, image=image, grid=grid),
        replace(outline, mask=mask, signal=signal),
    )
