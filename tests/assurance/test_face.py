from __future__ import annotations

import numpy as np
import pytest

from bids_deface.assurance.face import DETECTORS, all_detectors, find_faces
from bids_deface.detection.grid import conform
from bids_deface.tissue import tissue_threshold

TURN = np.diag([-1.0, -1.0, 1.0, 1.0])
FRONTAL = [d.name for d in DETECTORS if len(d.views) > 2]


@pytest.fixture(scope="module")
def small(head):
    conformed = conform(head.data, head.affine)
    return conformed.image, conformed.grid.affine, tissue_threshold(conformed.image)


def test_independent_detectors_find_a_face_on_an_untouched_head(small):
    found = find_faces(*small)
    assert set(found) == {d.name for d in all_detectors()} >= {d.name for d in DETECTORS}
    assert sum(found[name] > 0 for name in FRONTAL) >= 2
    assert any(name.startswith("LBP") for name in FRONTAL), "not all of one kind"


def test_no_frontal_face_on_the_back_of_a_head(small):
    image, affine, threshold = small
    found = find_faces(image, TURN @ affine, threshold)
    assert {name: found[name] for name in FRONTAL} == dict.fromkeys(FRONTAL, 0)


@pytest.mark.parametrize("radii", [(45, 45, 45), (38, 45, 50), (40, 48, 52)])
def test_no_face_on_a_smooth_ball(radii):
    ijk = np.indices((110, 110, 110)) - 55.0
    away = np.sqrt(sum((ijk[n] / radii[n]) ** 2 for n in range(3)))
    noise = np.random.default_rng(0).normal(0, 0.02, away.shape)
    ball = (np.clip((1 - away) * 20 + 0.5, 0, 1) + noise).astype(np.float32)
    assert not any(find_faces(ball, np.diag([2.0, 2.0, 2.0, 1.0]), 0.5).values())


def test_an_empty_picture_holds_no_face():
    nothing = np.zeros((60, 60, 60), np.float32)
    assert not any(find_faces(nothing, np.diag([2.0, 2.0, 2.0, 1.0]), 0.5).values())
