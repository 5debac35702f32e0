"""``--level`` and ``--on-doubt``: what the command makes of them."""

from __future__ import annotations

import json
import tomllib

import numpy as np
import pytest

from bids_deface.cli.image import main as image_main
from bids_deface.cli.main import main
from bids_deface.dataset.demo import nifti_bytes
from bids_deface.population import synthetic_head
from tests.running import doubtful_head

T1W = "sub-1/anat/sub-1_T1w.nii.gz"


@pytest.fixture
def whole() -> bytes:
    """A head, 3 mm."""
    return nifti_bytes(synthetic_head(np.random.default_rng(0), zoom=2.0))


@pytest.fixture
def doubtful() -> bytes:
    """A head whose nose is there, and no nose."""
    return nifti_bytes(doubtful_head())


def test_the_level_is_told_and_part_of_the_plan(make_bids, whole, tmp_path, capsys):
    raw, out = make_bids({T1W: whole}), tmp_path / "out"
    face = [str(raw), str(out), "participant", "--level", "face"]
    assert main(face) == 0
    record = json.loads(next((out / "logs" / "images").glob("*.json")).read_text())
    assert record["Level"] == "face"
    assert list(record["Methods"]) == ["face"]
    sidecar = json.loads((out / "sub-1/anat/sub-1_desc-defaced_T1w.json").read_text())
    assert sidecar["Level"] == "face"
    assert any("whole facial surface" in text for text in sidecar["DeidentificationMethod"])
    log = tomllib.loads(next((out / "logs").glob("run-*.toml")).read_text())
    assert (log["level"], log["on_doubt"]) == ("face", "review")
    capsys.readouterr()
    for options, todo in ((face, 0), (face[:3], 1), ([*face, "--on-doubt", "strict"], 1)):
        assert main([*options, "--dry-run"]) == 0
        assert f"{todo} of 1 images to deface" in capsys.readouterr().out


def test_strict_writes_nothing_of_a_doubtful_image(make_bids, doubtful, tmp_path):
    raw, out = make_bids({T1W: doubtful}), tmp_path / "out"
    assert main([str(raw), str(out), "participant"]) == 1
    assert list((out / "private" / "review").rglob("*.nii.gz"))
    assert main([str(raw), str(out), "participant", "--on-doubt", "strict"]) == 1
    record = json.loads(next((out / "logs" / "images").glob("*.json")).read_text())
    assert record["Verdict"] == "FAIL"
    assert record["Reasons"]
    assert record["Files"] == []
    assert not list(out.rglob("*.nii.gz"))
    assert not list(out.rglob("*.png"))


def test_one_file_at_the_level_face(whole, tmp_path, capsys):
    (tmp_path / "in.nii.gz").write_bytes(whole)
    files = [str(tmp_path / "in.nii.gz"), str(tmp_path / "out.nii.gz")]
    assert image_main([*files, "--level", "face", "--features", "nose"]) == 64
    assert "Leave out --features" in capsys.readouterr().err
    assert not (tmp_path / "out.nii.gz").exists()
    assert image_main([*files, "--level", "face"]) == 0
    assert (tmp_path / "out.nii.gz").exists()


def test_a_doubtful_file_fails_where_doubt_is_failure(doubtful, tmp_path, capsys):
    (tmp_path / "in.nii.gz").write_bytes(doubtful)
    files = [str(tmp_path / "in.nii.gz"), str(tmp_path / "out.nii.gz")]
    assert image_main([*files, "--on-doubt", "strict", "--accept-doubt"]) != 0
    assert not (tmp_path / "out.nii.gz").exists()
    assert image_main([*files, "--on-doubt", "remove-face"]) == 0
    assert "taken off" in capsys.readouterr().err


def test_what_was_reviewed_is_released(make_bids, doubtful, tmp_path, capsys):
    raw, out = make_bids({T1W: doubtful}), tmp_path / "out"
    command = [str(raw), str(out), "participant"]
    accept = tmp_path / "accept.tsv"
    accept.write_text(f"source\n{T1W}\n")
    assert main([*command, "--accept", str(accept)]) == 64, "nobody has looked at it yet"
    assert "is to be done" in capsys.readouterr().err
    assert main(command) == 1
    assert not (out / "sub-1" / "anat").exists()
    assert main([*command, "--accept", str(accept)]) == 0
    assert "a person has looked at it" in capsys.readouterr().out
    assert (out / "sub-1/anat/sub-1_desc-defaced_T1w.nii.gz").exists()
    assert "in spite of" in (out / "sub-1/anat/sub-1_desc-defaced_T1w.json").read_text()
    assert main(command) == 0, "it stays released"
    assert main([*command, "--accept", str(tmp_path / "none.tsv")]) == 66
    for other in ("--dry-run", "--reports-only", "--boilerplate-only"):
        assert main([*command, "--accept", str(accept), other]) == 64, other
    assert main([*command[:2], "group", "--accept", str(accept)]) == 64
    assert "only a whole participant run" in capsys.readouterr().err
