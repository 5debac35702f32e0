from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bids_deface.anatomy import BRAIN
from bids_deface.deface import deface_volume
from bids_deface.detection.plausibility import Status
from bids_deface.detection.turns import TURNS, UPRIGHT, describe_turn, turned
from bids_deface.settings import DefaceSettings
from bids_deface.volume import Volume, canonical_affine, canonical_view


def test_there_are_24_turns():
    assert len({turn.tobytes() for turn in TURNS}) == 24
    assert np.array_equal(TURNS[0], UPRIGHT)
    for turn in TURNS:
        assert np.linalg.det(turn) == pytest.approx(1)


def test_a_turn_and_its_inverse_leave_an_image_as_it_was():
    rng = np.random.default_rng(0)
    image, affine = rng.random((5, 6, 7)), np.diag([1.0, 2.0, 3.0, 1.0])
    affine[:3, 3] = (-4, 5, 6)
    for turn in TURNS:
        there = turned(image, affine, turn)
        back = turned(*there, np.linalg.inv(turn))
        np.testing.assert_array_equal(back[0], image)
        np.testing.assert_allclose(back[1], affine, atol=1e-9)


def test_turns_are_described_in_words():
    assert describe_turn(UPRIGHT) == "as the header says"
    upside_down = np.diag([1.0, -1.0, -1.0, 1.0])
    words = describe_turn(upside_down)
    assert "anterior is the head's posterior" in words
    assert "superior is the head's inferior" in words


@pytest.mark.parametrize("number", [3, 9, 20])
def test_a_wrong_header_does_not_change_the_result(original: Volume, detector, defaced, number):
    """The same voxels under a turned affine are defaced in the same places."""
    lying = replace(original, affine=TURNS[number] @ original.affine)
    result = deface_volume(lying, DefaceSettings.of(random_seed=1), detector)
    assert result.verdict == defaced.verdict
    np.testing.assert_allclose(result.features.turn, np.linalg.inv(TURNS[number]), atol=1e-9)
    a, b = (r.mask.astype(bool) for r in (result, defaced))
    assert 2 * (a & b).sum() / (a.sum() + b.sum()) > 0.98


def test_mirrored_left_and_right_is_harmless(original: Volume, detector, defaced):
    mirrored = replace(original, affine=np.diag([-1.0, 1, 1, 1]) @ original.affine)
    result = deface_volume(mirrored, DefaceSettings.of(random_seed=1), detector)
    assert result.verdict == defaced.verdict
    assert np.array_equal(result.features.turn, UPRIGHT)


@pytest.mark.parametrize("number", [2, 6, 12, 15, 20])
def test_a_slab_under_a_wrong_header_is_never_sure_and_wrong(head, detector, number):
    """Eyes and part of the nose inside: too little for proof, enough to be fooled."""
    image = canonical_view(head.data.astype(np.float32), head.affine)
    brain = np.flatnonzero((canonical_view(head.dseg, head.affine) == BRAIN).any((0, 1)))
    middle, half = int(brain.mean()), round(40 / 1.5)
    slab = np.ascontiguousarray(image[:, :, middle - half : middle + half])
    affine = canonical_affine(head.data.shape, head.affine)
    features = detector.detect(*turned(slab, affine, TURNS[number]))
    upright = np.array_equal(features.turn, np.linalg.inv(TURNS[number]))
    assert upright or any(report.status is Status.DOUBTFUL for report in features.regions)
