from __future__ import annotations

import numpy as np
import pytest

from bids_deface.anatomy import BRAIN, REFERENCE_OFFSETS_MM
from bids_deface.detection.proportions import odd_proportions

FACE = {BRAIN: np.zeros(3), **{i: np.array(o) for i, o in REFERENCE_OFFSETS_MM.items()}}


def turned_about(axis, degrees):
    p, q = (n for n in range(3) if n != axis)
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    turn = np.eye(3)
    turn[p, p] = turn[q, q] = c
    turn[p, q], turn[q, p] = -s, s
    return turn


@pytest.mark.parametrize("scale", [0.75, 1.0, 1.2])
def test_a_face_fits_in_any_size_and_pose(scale):
    for axis in range(3):
        turn = scale * turned_about(axis, 60)
        assert odd_proportions({i: turn @ c for i, c in FACE.items()}, scale) == {}


@pytest.mark.parametrize(
    ("index", "shift", "blamed", "words"),
    [
        (3, (40, 0, 0), {3}, "midway"),
        (3, (0, 60, 0), {3}, "between the eyes"),
        (6, (0, 0, -60), {6}, "between the eyes"),
        (1, (-60, 0, 0), {1, 2}, "apart"),
        (4, (100, 0, 0), {4, 5}, "apart"),
        (5, (0, -60, 0), {4, 5}, "unevenly"),
        (BRAIN, (0, -80, 0), {BRAIN}, "between the eyes"),
    ],
)
def test_what_does_not_fit_is_named(index, shift, blamed, words):
    face = {**FACE, index: FACE[index] + np.array(shift)}
    odd = odd_proportions(face, 1.0)
    assert set(odd) == blamed
    assert all(words in reason for reason in odd.values())


def test_one_eye_alone_is_no_reason_to_doubt():
    assert odd_proportions({i: c for i, c in FACE.items() if i != 2}, 1.0) == {}
