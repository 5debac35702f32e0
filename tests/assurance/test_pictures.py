from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest

from bids_deface.assurance import recogniser
from bids_deface.assurance.head_frame import BOX_AFFINE, SHAPE, FramedHead, frame_head
from bids_deface.assurance.picture_attack import (
    CHIP,
    EYE_ROW,
    EYES_MM,
    FACE_MM,
    VIEWS,
    face_pictures,
    hog_descriptor,
    lbp_descriptor,
)
from bids_deface.population import average_head


@pytest.fixture(scope="module")
def pictures() -> tuple[np.ndarray, ...]:
    image, _, affine = average_head()
    return face_pictures(frame_head(image, affine, np.eye(4)))


def test_eyes_come_to_lie_where_recognisers_expect_them():
    """A ball between the eyes, at the middle of the face: in the same place in every view."""
    middle = np.array([0.0, FACE_MM, EYES_MM])
    away = np.linalg.norm(
        np.stack(np.meshgrid(*[np.arange(n) * 1.5 for n in SHAPE], indexing="ij"), axis=-1)
        + BOX_AFFINE[:3, 3]
        - middle,
        axis=-1,
    )
    ball = FramedHead(np.clip(10 - away, 0, 1).astype(np.float32), np.ones(SHAPE, bool), 0.5)
    pictures = face_pictures(ball)
    assert len(pictures) == len(VIEWS)
    for picture in pictures:
        rows, columns = np.nonzero(picture > 20)
        assert rows.mean() == pytest.approx(EYE_ROW, abs=2)
        assert columns.mean() == pytest.approx(CHIP / 2, abs=2)


def test_the_three_views_differ_and_show_a_face(pictures):
    assert {p.shape for p in pictures} == {(CHIP, CHIP)}
    assert all((p > 20).mean() > 0.4 for p in pictures)
    # Turned to one side and to the other: mirror images of each other, more or less.
    left, right = (p.astype(float) for p in pictures[1:])
    assert np.abs(left - right).mean() > 5
    assert np.abs((left > 20) * 1.0 - (right[:, ::-1] > 20)).mean() < 0.06


@pytest.mark.parametrize("describe", [hog_descriptor, lbp_descriptor])
def test_descriptors_tell_pictures_apart_and_stand_another_light(describe, pictures):
    darker = tuple((0.8 * p).round().astype(np.uint8) for p in pictures)
    other = tuple(np.roll(p, 10, axis=0) for p in pictures)
    own, again, far = (describe(p) for p in (pictures, darker, other))
    assert np.isfinite(own).all()
    assert np.linalg.norm(own - again) < np.linalg.norm(own - far)


def test_the_recogniser_tells_pictures_apart(pictures):
    pytest.importorskip("dlib", reason="needs bids-deface[recogniser]")
    if find_spec(recogniser.PACKAGE) is None:
        pytest.skip("needs bids-deface[recogniser]")
    network = recogniser.load_recogniser()
    own = recogniser.recogniser_descriptor(network, pictures)
    assert own.shape == (len(VIEWS) * 128,)
    flipped = recogniser.recogniser_descriptor(network, tuple(p[::-1] for p in pictures))
    assert np.linalg.norm(own - flipped) > 0.3
