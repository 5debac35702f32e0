from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bids_deface.anatomy import FacialFeature
from bids_deface.containers.load import load_volume
from bids_deface.deface import deface_volume
from bids_deface.detection.plausibility import RegionReport, Status
from bids_deface.face_search import NO_SKIN, _judge, look_for_face
from bids_deface.population import synthetic_head
from bids_deface.settings import DefaceSettings
from tests.sharing import write_head


@pytest.fixture(scope="module")
def volume(tmp_path_factory):
    """A made-up head, 3 mm."""
    return load_volume(write_head(tmp_path_factory.mktemp("look") / "head.nii.gz", 0))


@pytest.fixture(scope="module")
def bare(volume):
    """Its brain alone."""
    brain = synthetic_head(np.random.default_rng(0), zoom=2.0).dseg == 7
    return np.where(brain, volume.data, 0).astype(volume.data.dtype)


def test_a_head_whose_whole_face_was_hidden_is_clean(volume, detector):
    before = look_for_face(volume, detector)
    assert not before.is_clean
    assert before.features[FacialFeature.NOSE].status is Status.FOUND
    assert any(before.faces.values())
    result = deface_volume(volume, DefaceSettings.of(level="face", random_seed=1), detector)
    after = look_for_face(result.volume, detector)
    assert after.is_clean, after


def test_one_feature_that_was_left_is_found(volume, detector):
    only = ["nose", "ears", "mouth"]
    result = deface_volume(volume, DefaceSettings.of(only, random_seed=1), detector)
    look = look_for_face(result.volume, detector)
    assert look.features[FacialFeature.EYES].status is Status.FOUND
    assert look.features[FacialFeature.NOSE].status is Status.ABSENT
    assert not look.is_clean


def test_what_shows_no_skin_is_in_doubt(volume, detector):
    look = look_for_face(volume, detector, shows_tissue=False)
    assert (look.doubt, look.is_clean) == (NO_SKIN, False)


def test_a_bare_brain_is_clean_but_for_what_other_frames_may_show(volume, bare, detector):
    look = look_for_face(volume.with_data(bare), detector)
    assert look.stripped
    assert look.is_clean
    series = replace(volume, data=np.repeat(bare[..., None], 3, axis=3))
    assert "median frame" in look_for_face(series, detector).doubt


@pytest.mark.parametrize(
    ("status", "detected", "guessed", "expected"),
    [
        (Status.FOUND, 2.0, 0.1, Status.FOUND),
        (Status.CUT_OFF, 2.0, 0.1, Status.CUT_OFF),
        (Status.FOUND, 0.5, 2.0, Status.ABSENT),
        (Status.FOUND, None, 2.0, Status.FOUND),
        (Status.FOUND, None, None, Status.DOUBTFUL),
        (Status.DOUBTFUL, 0.1, 2.0, Status.DOUBTFUL),
        (Status.DOUBTFUL, 2.0, 0.1, Status.ABSENT),
        (Status.DOUBTFUL, None, None, Status.DOUBTFUL),
        (Status.OUTSIDE, 2.0, 2.0, Status.OUTSIDE),
        (Status.ABSENT, None, 2.0, Status.ABSENT),
    ],
)
def test_the_skin_decides(status, detected, guessed, expected):
    def known(value):
        return {} if value is None else {1: value}

    look = _judge(RegionReport(1, status, 5.0, 0.9), known(detected), known(guessed))
    assert look.status is expected


def test_a_small_region_is_no_ear_where_the_skin_around_it_is_smooth():
    report = RegionReport(4, Status.FOUND, 1.0, 0.8)
    assert _judge(report, {4: 1.4}, {4: 0.6}).status is Status.ABSENT
    assert _judge(report, {4: 2.0}, {4: 2.0}).status is Status.FOUND
