"""A reviewer's corrections, from the file to the derivatives."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from bids_deface import deface_image
from bids_deface.cli.image import main as deface_one
from bids_deface.cli.main import main
from bids_deface.containers.load import load_volume
from bids_deface.corrections_file import read_corrections
from bids_deface.dataset.demo import nifti_bytes
from bids_deface.detection.featuremap import load_features
from bids_deface.errors import ReviewNeededError, UsageError
from bids_deface.interfaces.deface import Deface
from bids_deface.interfaces.detect import DetectFeatures
from bids_deface.population import SyntheticHead, synthetic_head
from tests.conftest import command, tree

T1W = "sub-1/anat/sub-1_T1w.nii.gz"
T1MAP = T1W.replace("T1w", "T1map")
LEFT_EAR = 4


@pytest.fixture(scope="module")
def bandaged() -> SyntheticHead:
    """A head, 3 mm, with a pad on its left ear: the detector does not find the ear."""
    head = synthetic_head(np.random.default_rng(0), zoom=2.0)
    data, places = head.data.copy(), np.argwhere(head.dseg == LEFT_EAR)
    box = tuple(slice(a - 1, b + 2) for a, b in zip(places.min(0), places.max(0), strict=True))
    data[box] = 250
    return SyntheticHead(data, head.dseg, head.affine)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, bandaged):
    """A dataset with the head, and a map that shows no skin; files of corrections beside it."""
    folder = tmp_path_factory.mktemp("corrections")
    values = np.where(bandaged.data > 100, 1000 + bandaged.data // 2, 0).astype(np.int16)
    files = {
        "dataset_description.json": b'{"Name": "test", "BIDSVersion": "1.10.0"}',
        "README": b"test " * 40,
        T1W: nifti_bytes(bandaged),
        T1MAP: nifti_bytes(SyntheticHead(values, bandaged.dseg, bandaged.affine)),
    }
    for name, content in files.items():
        (folder / "raw" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "raw" / name).write_bytes(content)
    return folder


@pytest.fixture(scope="module")
def ellipsoid(bandaged):
    """Where the ear is."""
    places = np.argwhere(bandaged.dseg == LEFT_EAR) @ bandaged.affine[:3, :3].T
    low, high = (f(places + bandaged.affine[:3, 3], axis=0) for f in (np.min, np.max))
    return {"CentreMm": ((low + high) / 2).tolist(), "RadiiMm": ((high - low) / 2 + 2).tolist()}


@pytest.fixture(scope="module")
def corrections(folder, ellipsoid):
    """The ear as an ellipsoid."""
    entry = {"Features": {"left_ear": ellipsoid}, "Reviewer": "A. Bee", "Reason": "a secret"}
    return write(folder / "corrections.json", {T1W: entry})


@pytest.fixture(scope="module")
def painted(folder, bandaged):
    """The ear as voxels of a label image in the scan's own grid."""
    dseg = np.where(bandaged.dseg == LEFT_EAR, LEFT_EAR, 0).astype(np.uint8)
    (folder / "labels").mkdir()
    nib.save(nib.Nifti1Image(dseg, bandaged.affine), folder / "labels" / "ear.nii.gz")
    return write(folder / "painted.json", {T1W: {"Labels": "labels/ear.nii.gz"}})


def write(path, entries):
    path.write_text(json.dumps({"Corrections": entries}))
    return path


@pytest.fixture(scope="module")
def run(folder, corrections):
    """Derivatives, and what the command said; one run for two options, as runs take long."""
    out, options = folder / "out", ("participant", "--nprocs", "1", "--corrections", corrections)
    return out, command(folder / "raw", out, *options, "--landmarks")


def record(out, name):
    return json.loads((out / "logs" / "images" / f"{name}.json").read_text())


def test_what_would_await_review_passes_once_it_is_corrected(run, folder, bandaged, tmp_path):
    with pytest.raises(ReviewNeededError, match="left ear was not found though there is tissue"):
        deface_image(folder / "raw" / T1W, tmp_path / "x.nii.gz")
    out, said = run
    assert said.returncode == 0, said.stdout + said.stderr
    done = record(out, "sub-1_T1w")
    assert done["Verdict"] == "PASS"
    assert done["Regions"]["left ear"]["Status"] == "found"
    assert done["Regions"]["left ear"]["Corrected"] is True
    assert "Corrected" not in done["Regions"]["nose"]
    before = load_volume(folder / "raw" / T1W).data
    after = load_volume(out / "sub-1/anat/sub-1_desc-defaced_T1w.nii.gz").data
    ear = bandaged.dseg == LEFT_EAR
    assert (before != after)[ear].mean() > 0.8
    assert not (before != after)[bandaged.dseg == 7].any()


def test_sidecar_and_page_say_that_a_reviewer_corrected_and_nobody_says_who(run, folder):
    out = run[0]
    sidecar = json.loads((out / "sub-1/anat/sub-1_desc-defaced_T1w.json").read_text())
    assert "regions corrected by a reviewer: left ear" in sidecar["Notes"]
    assert "found, corrected by a reviewer" in (out / "sub-1.html").read_text()
    told = b"".join(text for name, text in tree(out).items() if not name.endswith(".gz"))
    for secret in (b"A. Bee", b"a secret", str(folder).encode()):
        assert secret not in told


def test_a_corrected_scan_lends_its_corrected_regions(run):
    lent = record(run[0], "sub-1_T1map")
    assert lent["Verdict"] == "PASS"
    assert lent["RegionsFrom"] == "sub-1_T1w"
    assert lent["Regions"]["left ear"]["Corrected"] is True


def test_landmarks_stand_in_the_sidecar_of_what_shows_skin(run, bandaged):
    out = run[0]
    sidecar = json.loads((out / "sub-1/anat/sub-1_desc-defaced_T1w.json").read_text())
    told = record(out, "sub-1_T1w")["Landmarks"]
    voxels = sidecar["AnatomicalLandmarkCoordinates"]
    assert voxels == {name: mark["Voxel"] for name, mark in told.items() if "Voxel" in mark}
    assert "NAS" in voxels
    eyes = [np.argwhere(bandaged.dseg == index).mean(axis=0) for index in (1, 2)]
    # 3 mm voxels: midway between the eyes, in front of them.
    away = np.array(voxels["NAS"]) - np.mean(eyes, axis=0)
    assert abs(away[0]) < 2
    assert 1 < away[1] < 10
    of_map = json.loads((out / "sub-1/anat/sub-1_desc-defaced_T1map.json").read_text())
    assert "AnatomicalLandmarkCoordinates" not in of_map
    assert any("no landmarks" in note for note in record(out, "sub-1_T1map")["Notes"])


def test_the_plan_says_what_is_corrected_and_what_is_done(
    run, folder, corrections, tmp_path, capsys
):
    arguments = [str(folder / "raw"), str(run[0]), "participant", "--dry-run", "--landmarks"]
    settings = tmp_path / "options.toml"
    settings.write_text(f'corrections = "{corrections}"\n')
    assert main([*arguments, "--config-file", str(settings)]) == 0
    again = capsys.readouterr().out
    assert "0 of 2 images to deface" in again
    assert "(corrected by a reviewer: left ear)" in again
    assert main(arguments) == 0
    without = capsys.readouterr()
    assert "2 of 2 images to deface" in without.out
    assert f"{T1W}: was done with a reviewer's corrections" in without.err


@pytest.mark.parametrize(
    ("entries", "code", "words"),
    [
        ({T1W: {"Features": {"chin": {}}}}, 64, [T1W, "'chin'", "left_ear"]),
        ({T1W.replace("1", "9"): {"Features": {"nose": {"Absent": True}}}}, 64,
         ["no image sub-9/anat", "by their place"]),
        ({f"../raw/{T1W}": {"Features": {"nose": {"Absent": True}}}}, 64, ["no image ../raw"]),
        ({T1W: {"Labels": "gone.nii.gz"}}, 66, [T1W, "gone.nii.gz", "relative to"]),
        ({T1W: {"Labels": "elsewhere.nii.gz"}}, 65, [T1W, "painted nose", "another head's"]),
        ({T1W: {"Features": {"nose": {"CentreMm": [0, 900, 0], "RadiiMm": [9, 9, 9]}}}}, 65,
         [T1W, "centre of the nose", "field of view", "not in voxels"]),
        ({T1W: {"Features": {"nose": {"CentreMm": [0, 90, 0], "RadiiMm": [9, -9, 9]}}}}, 64,
         [T1W, "nose", "RadiiMm", "1 and 60"]),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_told_before_anything_is_done(
    entries, code, words, folder, tmp_path, capsys
):
    labels = np.full((4, 4, 4), 3, dtype=np.uint8)
    affine = np.eye(4)
    affine[:3, 3] = 900
    nib.save(nib.Nifti1Image(labels, affine), tmp_path / "elsewhere.nii.gz")
    file = write(tmp_path / "c.json", entries)
    out = tmp_path / "out"
    assert main([str(folder / "raw"), str(out), "participant", "--corrections", str(file)]) == code
    (line,) = capsys.readouterr().err.splitlines()
    for word in (file.name, *words):
        assert word in line
    assert not list(out.rglob("*.nii.gz"))


def test_a_correction_of_an_image_that_is_left_out_is_left_aside(folder, tmp_path, capsys):
    entry = {"Features": {"nose": {"Absent": True}}}
    file = write(tmp_path / "c.json", {T1W: entry, T1MAP: entry})
    arguments = ["participant", "--dry-run", "-m", "T1w", "--corrections", str(file)]
    assert main([str(folder / "raw"), str(tmp_path / "out"), *arguments]) == 0
    told = capsys.readouterr()
    assert f"no part of this run: {T1MAP}" in told.err
    assert told.out.count("corrected by a reviewer: nose") == 1


def test_one_file_with_painted_labels(folder, painted, tmp_path, capsys):
    source, target = folder / "raw" / T1W, tmp_path / "out.nii.gz"
    assert deface_one([str(source), str(target), "--corrections", str(painted)]) == 0
    assert "regions corrected by a reviewer: left ear" in capsys.readouterr().err
    assert target.is_file()
    other = tmp_path / "sub-2_T1w.nii.gz"
    other.write_bytes(source.read_bytes())
    with pytest.raises(UsageError, match=r"no correction of sub-2_T1w.*sub-1_T1w"):
        deface_image(other, tmp_path / "x.nii.gz", corrections=painted)


def test_nodes_heed_a_correction(folder, painted, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text, source = read_corrections(painted)[T1W].as_text(), str(folder / "raw" / T1W)
    out = DetectFeatures(in_file=source, correction=text).run(cwd=str(tmp_path)).outputs
    known = load_features(out.out_features)
    assert [r.index for r in known.regions if r.corrected] == [LEFT_EAR]
    lost = text.replace("ear.nii.gz", "gone.nii.gz")
    out = Deface(in_file=source, source=T1W, correction=lost).run(cwd=str(tmp_path)).outputs
    told = json.loads(Path(out.out_result).read_text())
    assert told["Verdict"] == "FAIL"
    assert "cannot be read any more" in told["Reasons"][0]
    assert str(folder) not in json.dumps(told)
