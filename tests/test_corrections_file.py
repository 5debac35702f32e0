"""The file of a reviewer's corrections."""

from __future__ import annotations

import json

import nibabel as nib
import numpy as np
import pytest

from bids_deface.corrections_file import (
    ImageCorrection,
    correction_of,
    load_correction,
    read_corrections,
)
from bids_deface.detection.corrections import Ellipsoid, RegionCorrection
from bids_deface.errors import CorrectionError, NoInputError, UsageError

IMAGE = "sub-1/anat/sub-1_T1w.nii.gz"
NOSE = {"CentreMm": [1, 2, 3], "RadiiMm": [10, 11, 12.5]}


@pytest.fixture
def write(tmp_path, save_nifti):
    """Return a function that writes the file and its label image."""

    def write(entry, labels=None, name="corrections.json"):
        if labels is not None:
            save_nifti(tmp_path / "painted" / "x_dseg.nii.gz", labels)
        path = tmp_path / name
        path.write_text(json.dumps({"Corrections": {IMAGE: entry}}))
        return path

    return write


def labels_of(*values, dtype=np.uint8):
    dseg = np.zeros((5, 6, 7), dtype=dtype)
    for n, value in enumerate(values):
        dseg[n] = value
    return dseg


def test_what_is_read_is_what_was_written(write):
    entry = {
        "Features": {"nose": {**NOSE, "Add": True}, "left_ear": {"Absent": True}},
        "Labels": "painted/x_dseg.nii.gz",
        "Reviewer": "AB",
        "Reason": "half the ear was missed",
    }
    read = read_corrections(write(entry, labels_of(5, 7)))[IMAGE]
    assert read.regions == (
        RegionCorrection(3, Ellipsoid((1, 2, 3), (10, 11, 12.5)), add=True),
        RegionCorrection(4, absent=True),
    )
    assert read.names == ("nose", "left ear", "right ear")
    correction = read.load()
    np.testing.assert_array_equal(correction.painted.dseg, labels_of(5, 7))
    for text in (read.as_text(), read.fingerprint):
        assert "AB" not in text
        assert "missed" not in text
    assert str(read.labels) not in read.fingerprint
    assert ImageCorrection.of_text(read.as_text()) == read


def test_floats_with_a_scale_are_labels(write, tmp_path):
    path = write({"Labels": "painted/x_dseg.nii.gz"}, labels_of(5.0, dtype=np.float32))
    image = nib.load(tmp_path / "painted" / "x_dseg.nii.gz")
    assert image.get_data_dtype() == np.float32
    assert read_corrections(path)[IMAGE].painted == (5,)


def test_only_what_matters_makes_another_fingerprint(write):
    first = read_corrections(write({"Features": {"nose": NOSE}, "Reason": "x"}))[IMAGE]
    same = read_corrections(write({"Features": {"nose": NOSE}, "Reviewer": "CD"}))[IMAGE]
    assert first.fingerprint == same.fingerprint
    other = {**NOSE, "CentreMm": [1, 2, 4]}
    seen = {first.fingerprint}
    seen.add(read_corrections(write({"Features": {"nose": other}}))[IMAGE].fingerprint)
    for index in (3, 4):
        painted = write({"Labels": "painted/x_dseg.nii.gz"}, labels_of(index))
        seen.add(read_corrections(painted)[IMAGE].fingerprint)
    assert len(seen) == 4


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"Features": {"chin": NOSE}}, ["chin", "Choose from", "left_eye"]),
        ({"Features": {"brain": NOSE}}, ["brain", "Choose from"]),
        (
            {"Features": {"nose": {**NOSE, "RadiiMm": [10, 0, 10]}}},
            ["nose", "RadiiMm", "1 and 60"],
        ),
        ({"Features": {"nose": {**NOSE, "RadiiMm": [10, 10, 900]}}}, ["RadiiMm", "1 and 60"]),
        ({"Features": {"nose": {**NOSE, "CentreMm": [1, 2]}}}, ["CentreMm", "three numbers"]),
        ({"Features": {"nose": {**NOSE, "CentreMm": [1, 2, True]}}}, ["three numbers"]),
        ({"Features": {"nose": {**NOSE, "CentreMm": [1, 2, 10**400]}}}, ["three numbers"]),
        ({"Features": {"nose": {**NOSE, "CentreMm": [1, 2, float("nan")]}}}, ["three numbers"]),
        ({"Features": {"nose": {"CentreMm": [1, 2, 3]}}}, ["RadiiMm", "three numbers"]),
        ({"Features": {"nose": {"Absent": 1}}}, ["Absent must be true or false"]),
        ({"Features": {"nose": {"Absent": True, **NOSE}}}, ["no other property"]),
        ({"Features": {"nose": {"Add": True}}}, ["nobody says where the nose is"]),
        ({"Features": {"nose": {"Centre": [1, 2, 3]}}}, ["unknown key 'Centre'", "CentreMm"]),
        ({"Features": {"nose": []}}, ["must be an object"]),
        ({"Features": []}, ["Features must be an object"]),
        ({"Region": {}}, ["unknown key 'Region'"]),
        ({"Labels": 3}, ["Labels must be a file name"]),
        ({"Reviewer": "AB"}, ["nothing is corrected"]),
        ([], ["must be an object"]),
    ],
)
def test_what_makes_no_sense_is_told(write, entry, words):
    path = write(entry)
    with pytest.raises(UsageError) as caught:
        read_corrections(path)
    for word in (path.name, IMAGE, *words):
        assert word in str(caught.value)


def test_label_images_that_are_none(write, tmp_path):
    entry = {"Labels": "painted/x_dseg.nii.gz"}
    with pytest.raises(NoInputError, match=r"sub-1_T1w.*x_dseg.*relative to the corrections file"):
        read_corrections(write(entry))
    with pytest.raises(CorrectionError, match="no labels"):
        read_corrections(write(entry, labels_of(11)))
    with pytest.raises(CorrectionError, match="no labels"):
        read_corrections(write(entry, labels_of(1.5, dtype=np.float32)))
    with pytest.raises(CorrectionError, match="empty"):
        read_corrections(write(entry, labels_of()))
    with pytest.raises(CorrectionError, match="2 frames"):
        read_corrections(write(entry, np.ones((3, 3, 3, 2), np.uint8)))
    both = {**entry, "Features": {"nose": {"Absent": True}}}
    with pytest.raises(UsageError, match="absent, but painted"):
        read_corrections(write(both, labels_of(3)))


def test_files_that_are_none(tmp_path):
    path = tmp_path / "c.json"
    with pytest.raises(NoInputError, match="cannot be read"):
        read_corrections(path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(NoInputError, match="cannot be read"):
        read_corrections(path)
    for text in ("{", "[]", '{"Corrections": []}', "[" * 100_000):
        path.write_text(text)
        with pytest.raises(UsageError, match="corrections file"):
            read_corrections(path)


def test_a_node_does_not_tell_where_the_labels_were(write, tmp_path):
    path = write({"Labels": "painted/x_dseg.nii.gz"}, labels_of(3))
    text = read_corrections(path)[IMAGE].as_text()
    (tmp_path / "painted" / "x_dseg.nii.gz").unlink()
    with pytest.raises(CorrectionError) as caught:
        load_correction(text)
    assert str(tmp_path) not in str(caught.value)
    assert load_correction("") is None


def test_one_file_is_known_by_its_name(write, tmp_path):
    corrections = read_corrections(write({"Features": {"nose": NOSE}}))
    assert correction_of(corrections, tmp_path / "sub-1_T1w.nii.gz") == IMAGE
    assert correction_of(corrections, tmp_path / "sub-2_T1w.nii.gz") is None
    twice = {**corrections, "ses-2/sub-1_T1w.nii.gz": corrections[IMAGE]}
    with pytest.raises(UsageError, match="same name"):
        correction_of(twice, tmp_path / "sub-1_T1w.nii.gz")
