"""Corrections: what the page writes, and what it refuses."""

from __future__ import annotations

import json

import nibabel as nib
import numpy as np
import pytest
from isal import igzip

from bids_deface.review.commands import CORRECTIONS, corrections_option
from bids_deface.review.regions import region_places
from tests.review.conftest import FAILED, WAITS

AFFINE = np.array([[0, -2.0, 0, 10], [1.5, 0, 0, -20], [0, 0, 3, 5], [0, 0, 0, 1]])
NOSE = {"CentreMm": [1, 90.256, -20], "RadiiMm": [15, 20.5, 18]}
BINARY = {"content-type": "application/octet-stream"}


def file_of(place):
    return place / "out" / "private" / "corrections.json"


def correct(user, both, features, **more):
    body = {**both, "source": WAITS, "features": features, **more}
    return user.post("/api/correction", json=body)


@pytest.fixture
def scan(place):
    """The waiting image as a real scan, whose header tells more than it should."""
    image = nib.Nifti1Image(np.zeros((12, 10, 8), np.int16), AFFINE)
    image.header["descrip"] = b"Doe^John"
    nib.save(image, place / "raw" / WAITS)
    return image


def painted(scan, **labels):
    data = np.zeros(scan.shape, np.uint8)
    data[2:4, 2:4, 2:4] = 3
    return data


def packed(data, affine=AFFINE):
    image = nib.Nifti1Image(data, affine)
    image.header["descrip"] = b"Doe^John"
    return igzip.compress(image.to_bytes())


def test_a_correction_is_written_in_the_agreed_form(user, both, place):
    features = {"nose": NOSE, "left_ear": {"Absent": True}}
    correct(user, both, features, reviewer="AB", reason="half the ear").raise_for_status()
    assert json.loads(file_of(place).read_text()) == {
        "Corrections": {
            WAITS: {
                "Features": {
                    "nose": {"CentreMm": [1, 90.256, -20], "RadiiMm": [15, 20.5, 18]},
                    "left_ear": {"Absent": True},
                },
                "Reviewer": "AB",
                "Reason": "half the ear",
            }
        }
    }
    answer = user.get("/api/image", params={**both, "source": WAITS}).json()
    assert answer["correction"]["Features"]["left_ear"] == {"Absent": True}
    assert user.get("/api/review", params=both).json()["images"][1]["corrected"]
    correct(user, both, {}, drop=True).raise_for_status()
    assert json.loads(file_of(place).read_text()) == {"Corrections": {}}


@pytest.mark.parametrize(
    "features",
    [
        {"chin": NOSE}, {"brain": NOSE}, {"nose": {}}, {"nose": None}, {"nose": {"Absent": False}},
        {}, {"nose": {**NOSE, "RadiiMm": [0, 1, 1]}}, {"nose": {**NOSE, "RadiiMm": [1, 1, 61]}},
        {"nose": {**NOSE, "CentreMm": [1, 2]}}, {"nose": {**NOSE, "CentreMm": [1, 2, 1e9]}},
        {"nose": {**NOSE, "CentreMm": ["1", 2, 3]}}, [], None,
    ],
)  # fmt: skip
def test_what_is_no_place_is_refused_in_words(user, both, place, features):
    answer = correct(user, both, features)
    assert answer.status_code == 400
    assert answer.json()["error"]
    assert not file_of(place).exists()


def test_what_was_painted_is_kept_with_labels_and_place_alone(user, both, place, scan):
    asked = {**both, "source": WAITS}
    answer = user.post("/api/labels", params=asked, content=packed(painted(scan)), headers=BINARY)
    assert answer.json() == {"labels": "corrections/sub-02_T1w_dseg.nii.gz"}
    path = place / "out" / "private" / "corrections" / "sub-02_T1w_dseg.nii.gz"
    kept = nib.load(path)
    assert np.array_equal(kept.get_fdata(), painted(scan))
    assert np.allclose(kept.affine, AFFINE)
    assert b"Doe" not in igzip.decompress(path.read_bytes())
    correct(user, both, {"nose": NOSE}, reviewer="AB").raise_for_status()
    entry = json.loads(file_of(place).read_text())["Corrections"][WAITS]
    assert entry["Labels"] == "corrections/sub-02_T1w_dseg.nii.gz", "it stays"
    answer = correct(user, both, {"nose": {"Absent": True}})
    assert "absent, but painted" in answer.json()["error"]
    assert user.get("/api/painted", params=asked).content == path.read_bytes()
    correct(user, both, {}, drop=True).raise_for_status()
    assert not path.exists()


def test_what_does_not_fit_the_scan_is_refused(user, both, place, scan):
    asked = {**both, "source": WAITS}
    brain = np.full(scan.shape, 7, np.uint8)
    moved = AFFINE + np.eye(4)
    for content in (
        b"nonsense", igzip.compress(b"nonsense"), packed(painted(scan))[:60],
        packed(painted(scan)[1:]), packed(painted(scan), moved), packed(brain),
        packed(np.zeros(scan.shape, np.uint8)),
    ):  # fmt: skip
        answer = user.post("/api/labels", params=asked, content=content, headers=BINARY)
        assert answer.status_code == 400, content[:20]
    answer = user.post("/api/labels", params=asked, content=b"x")
    assert answer.status_code == 400, "a form of another page"
    assert not file_of(place).exists()


def test_the_places_of_regions_are_told_in_the_world(tmp_path):
    dseg = np.zeros((12, 10, 8), np.uint8)
    dseg[2:6, 1:4, 5:8] = 3
    dseg[0, 0, 0] = 7
    nib.save(nib.Nifti1Image(dseg, AFFINE), tmp_path / "dseg.nii.gz")
    # Middle voxel 3.5, 2, 6; the first axis runs forwards, the second to the left.
    assert region_places(tmp_path / "dseg.nii.gz") == {
        "nose": {"CentreMm": [6.0, -14.8, 23.0], "RadiiMm": [3.0, 3.0, 4.5]}
    }


def test_the_command_line_is_told_of_corrections(user, both, place):
    assert user.post("/api/redo", json={**both, "source": WAITS}).status_code == 400
    correct(user, both, {"nose": NOSE}).raise_for_status()
    assert corrections_option(place / "out") == [CORRECTIONS, str(file_of(place))]
    assert corrections_option(place / "raw") == []
    assert user.post("/api/redo", json={**both, "source": FAILED}).status_code == 400
