from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from bids_deface.cli import audit, export
from bids_deface.dataset.derivatives import check_output_dir
from bids_deface.errors import OutputError
from bids_deface.textfiles import read_json
from tests.conftest import tree
from tests.dataset.test_derivatives import validate
from tests.sharing import BOLD, OTHER, SECRETS, T1W, deface_into, write_raw

DEFACED = "sub-01/ses-1/anat/sub-01_ses-1_desc-defaced_T1w.nii.gz"
HOW = ("--shift-dates", "--trust", "fmap")
SIDECAR = T1W.replace(".nii.gz", ".json")


@pytest.fixture(scope="module")
def inputs(tmp_path_factory, detector) -> tuple[Path, Path]:
    """A raw dataset, and derivatives of one of its two heads."""
    raw = write_raw(tmp_path_factory.mktemp("export") / "raw")
    return raw, deface_into(raw, raw.with_name("out"), (T1W,), detector)


def run(inputs, share: Path, *options: str) -> int:
    return export.main([*map(str, (*inputs, share)), *options])


@pytest.fixture(scope="module")
def first(inputs) -> Path:
    """The dataset to share."""
    before = [tree(folder) for folder in inputs]
    share = inputs[0].with_name("share")
    assert run(inputs, share, "--masks", *HOW) == 0
    assert [tree(folder) for folder in inputs] == before, "the inputs are only read"
    return share


def test_the_image_is_the_defaced_one_under_its_raw_name(first, inputs):
    _, out = inputs
    assert (first / T1W).read_bytes() == (out / DEFACED).read_bytes()
    sidecar = read_json(first / SIDECAR)
    assert sidecar["EchoTime"] == 0.003
    assert any("bids-deface" in text for text in sidecar["DeidentificationMethod"])
    assert sidecar["DeidentificationMethodCodeSequence"][0]["CodeValue"] == "113102"
    assert "PatientName" not in sidecar
    assert sidecar["global"] == {"const": {}}


def test_what_may_not_go_is_left_out_and_listed(first):
    files = tree(first).keys()
    lists = first.with_name("share-private")
    listed = (lists / "export.tsv").read_text()
    for name, reason in {
        OTHER: "it was not defaced",
        BOLD: "it is not clean: eyes found",
        "sub-01/ses-1/func/sub-01_ses-1_task-rest_events.tsv": "belongs to images",
        "task-rest_bold.json": "belongs to images",
        "sourcedata/sub-01/photo.txt": "what the dataset was made from",
        "sub-01/portrait.jpg": "may be a photograph",
        "code/run.sh": "--code",
        "notes of 2019.docx": "BIDS knows no such file",
    }.items():
        assert name not in files
        line = next(text for text in listed.splitlines() if text.startswith(f"{name}\tleft out"))
        assert reason in line
    assert not any("private" in name or "export.tsv" in name for name in files)
    assert not {name for name in files if name.startswith("sub-02")}


def test_nothing_that_identifies_is_left(first):
    for name, content in tree(first).items():
        if not name.endswith(".nii.gz") and name != "CHANGES":
            for secret in SECRETS:
                assert secret not in content, (name, secret)


def test_tables_tell_no_more_than_they_may(first):
    assert (first / "participants.tsv").read_text() == (
        "participant_id\tage\tremarks\nsub-01\t89\tn/a\n"
    )
    name, scan = (first / "sub-01/ses-1/sub-01_ses-1_scans.tsv").read_text().split("\n")[1].split()
    assert name == "anat/sub-01_ses-1_T1w.nii.gz"
    assert scan.endswith("T10:11:12"), "the time of day stays"
    assert int(scan[:4]) < 1925
    session = (first / "sub-01/sub-01_sessions.tsv").read_text().split("\n")[1].split()[1]
    assert (int(scan[8:10]) - int(session[8:10])) % 28 in (0, 1, 2, 3), "one shift for both"
    fmap = read_json(first / "sub-01/ses-1/fmap/sub-01_ses-1_phasediff.json")
    assert fmap == {"EchoTime1": 0.004, "EchoTime2": 0.006}, "what is left out is not pointed to"


def test_the_root_says_what_was_done(first):
    makers = read_json(first / "dataset_description.json")["GeneratedBy"]
    assert makers[-1]["Name"] == "bids-deface-export"
    assert "De-identification" in (first / "README").read_text()
    changes = (first / "CHANGES").read_text()
    assert changes.startswith("1.3.0 20")
    assert "1.2.0 2020-01-02" in changes
    with pytest.raises(OutputError):
        check_output_dir(first.with_name("raw"), first)


def test_the_result_is_valid_and_clean(first, capsys):
    assert (first / "sub-01/ses-1/anat/sub-01_ses-1_mod-T1w_defacemask.nii.gz").is_file()
    assert validate(first) == []
    assert audit.main([str(first), "--skip-images", "--strict"]) == 0
    table = (first.with_name("share-private") / "audit.tsv").read_text()
    assert f"{T1W}\tface\tface\tabsent\tfine" in table


def test_a_second_run_does_nothing(first, inputs, capsys):
    before = {path: path.stat().st_mtime_ns for path in first.rglob("*")}
    assert run(inputs, first, "--masks", *HOW) == 0
    assert {path: path.stat().st_mtime_ns for path in first.rglob("*")} == before
    printed = capsys.readouterr().out
    assert "[1/" not in printed, "nothing is looked at twice"
    assert "was there)" in printed


def test_a_killed_run_goes_on_and_what_may_no_longer_go_is_removed(
    first, inputs, tmp_path, capsys
):
    raw, out = inputs
    share = Path(shutil.copytree(first, tmp_path / "share"))
    shutil.copytree(first.with_name("share-private"), tmp_path / "share-private")
    (share / "dataset_description.json").unlink()
    (share / SIDECAR).unlink()
    for name in (".tmp-1.part", "sub-01/ses-1/anat/.tmp-2.part"):
        (share / name).write_text("half")
        os.utime(share / name, (0, 0))
    assert run((raw, out), share, *HOW) == 0, "and without masks now"
    assert "no longer to be shared" in capsys.readouterr().out
    names = {name for name in tree(first) if "defacemask" not in name}
    (share / ".git" / "refs").mkdir(parents=True)
    assert run((raw, out), share, *HOW) == 0
    assert (share / ".git" / "refs").is_dir(), "a repository in the folder is left alone"
    assert tree(share) == {name: (first / name).read_bytes() for name in names}
    (share / "mine.txt").write_text("x")
    assert run((raw, out), share, *HOW) == 1
    assert "problem: mine.txt: this program did not write it" in capsys.readouterr().out


def test_a_raw_image_that_changed_is_not_taken_for_the_defaced_one(inputs, tmp_path, capsys):
    raw = Path(shutil.copytree(inputs[0], tmp_path / "raw"))
    shutil.copy(raw / OTHER, raw / T1W)
    assert run((raw, inputs[1]), tmp_path / "share", "--dry-run") == 0
    printed = capsys.readouterr().out
    assert f"left out    {T1W} (the raw image is not the one that was defaced" in printed
    assert not (tmp_path / "share").exists()
    assert not (tmp_path / "share-private").exists()


def test_images_that_await_review_stay(inputs, tmp_path, capsys):
    out = Path(shutil.copytree(inputs[1], tmp_path / "out"))
    record = out / "logs/images/sub-01_ses-1_T1w.json"
    content = {**read_json(record), "Verdict": "REVIEW", "Reasons": ["the nose is odd"]}
    record.write_text(json.dumps(content))
    assert run((inputs[0], out), tmp_path / "share", "--dry-run") == 0
    assert "its verdict is REVIEW: the nose is odd" in capsys.readouterr().out


def test_copies_share_nothing_with_the_inputs_and_trust_takes_along(inputs, tmp_path):
    share = tmp_path / "share"
    assert run(inputs, share, "--copy", "--trust", "func", "--code") == 0
    assert (share / T1W).stat().st_nlink == 1
    assert (share / BOLD).read_bytes() == (inputs[0] / BOLD).read_bytes()
    assert (share / "task-rest_bold.json").is_file()
    assert (share / "code/run.sh").is_file()
    scans = (share / "sub-01/ses-1/sub-01_ses-1_scans.tsv").read_text().splitlines()
    assert [line.split("\t")[1] for line in scans] == ["acq_time", "n/a", "n/a"]


def test_exit_codes(first, inputs, tmp_path, capsys):
    raw, out = inputs
    assert export.main([str(raw), str(out)]) == 64
    assert run((tmp_path / "none", out), tmp_path / "share") == 66
    assert run((raw, raw), tmp_path / "share") == 66
    assert run((tmp_path, out), tmp_path / "share") == 16
    capsys.readouterr()
    for share in (raw / "share", raw.parent, out):
        assert run(inputs, share) == 73
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "thesis.txt").write_text("x")
    assert run(inputs, foreign) == 73
    assert "did not make" in capsys.readouterr().err
    assert tree(foreign) == {"thesis.txt": b"x"}
