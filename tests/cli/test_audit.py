from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from bids_deface.cli import audit
from bids_deface.containers.load import load_volume
from bids_deface.containers.save import save_volume
from bids_deface.population import synthetic_head
from tests.conftest import command, tree
from tests.sharing import deface_into, write_head

T1W = "sub-01/anat/sub-01_T1w.nii.gz"


@pytest.fixture(scope="module")
def raw(tmp_path_factory) -> Path:
    """One head, its bare brain, noise, and a file that is none."""
    folder = tmp_path_factory.mktemp("audit") / "raw"
    volume = load_volume(write_head(folder / T1W, 0))
    (folder / "dataset_description.json").write_text('{"Name": "x", "BIDSVersion": "1.10.0"}')
    brain = synthetic_head(np.random.default_rng(0), zoom=2.0).dseg == 7
    bare = np.where(brain, volume.data, 0).astype(volume.data.dtype)
    save_volume(volume.with_data(bare), folder / "sub-02/anat/sub-02_T1w.nii.gz")
    noise = np.random.default_rng(0).integers(0, 900, volume.data.shape)
    other = volume.with_data(noise.astype(volume.data.dtype))
    save_volume(other, folder / "derivatives/x/hidden.nii.gz")
    broken = folder / "sub-03/anat/sub-03_T1w.nii.gz"
    broken.parent.mkdir(parents=True)
    broken.write_bytes((folder / T1W).read_bytes()[:50_000])
    (folder / "sub-03/func").mkdir()
    shutil.copy(folder / T1W, folder / "sub-03/func/sub-03_task-x_bold.nii.gz")
    return folder


@pytest.fixture(scope="module")
def out(raw, detector) -> Path:
    """What defacing made of the head."""
    return deface_into(raw, raw.with_name("out"), (T1W,), detector)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file, delimiter="\t"))


@pytest.fixture(scope="module")
def first(raw, tmp_path_factory):
    """Everything of the raw dataset, as a user sees it: the table and what was printed."""
    before, table = tree(raw), tmp_path_factory.mktemp("tables") / "deeper" / "a.tsv"
    done = command(raw, "--tsv", table, "--nprocs", "2", module="bids_deface.cli.audit")
    assert tree(raw) == before, "nothing is ever written into the dataset"
    return table, done


def test_an_untouched_head_is_found(first):
    table, done = first
    assert done.returncode == 1, done.stderr
    line = next(text for text in done.stdout.splitlines() if T1W in text)
    for word in ("eyes found", "nose found", "mouth found", "face found"):
        assert word in line
    statuses = {row["item"]: row["status"] for row in rows(table) if row["file"] == T1W}
    assert statuses.keys() == {"eyes", "nose", "ears", "mouth", "face"}
    assert "1 show a face or a feature; in 2 a face cannot be ruled out" in done.stdout
    assert done.stdout.rstrip().partition("\nwritten")[0].endswith("not clean")


def test_a_bare_brain_is_clean(first):
    _, done = first
    assert "sub-02/anat/sub-02_T1w.nii.gz: clean" in done.stdout


def test_what_cannot_be_judged_is_not_clean_and_images_are_found_wherever_they_are(first):
    table, done = first
    doubts = {row["file"]: row for row in rows(table) if row["status"] == "doubtful"}
    assert doubts.keys() == {"sub-03/anat/sub-03_T1w.nii.gz", "derivatives/x/hidden.nii.gz"}
    assert all("a face cannot be ruled out" in row["reason"] for row in doubts.values())
    assert "bold" not in done.stdout, "other datatypes on request only"


def test_the_table_has_a_dictionary_and_no_paths_of_this_machine(first, raw):
    table, done = first
    dictionary = json.loads(table.with_suffix(".json").read_text())
    assert list(dictionary) == list(rows(table)[0])
    known = dictionary["status"]["Levels"].keys()
    assert {row["status"] for row in rows(table)} <= known
    assert str(raw) not in table.read_text() + done.stdout


def test_a_defaced_image_is_clean(out, capsys):
    assert audit.main([str(out)]) == 1, "the private folder is there"
    printed = capsys.readouterr().out
    assert "desc-defaced_T1w.nii.gz: clean" in printed
    assert "1 images looked at: 0 show a face or a feature; in 0" in printed


def test_the_private_folder_is_told(out, tmp_path, capsys):
    shared = Path(shutil.copytree(out, tmp_path / "out"))
    assert audit.main([str(shared), "--skip-images"]) == 1
    assert "private: folder: holds pictures and images from before" in capsys.readouterr().out
    shutil.rmtree(shared / "private")
    assert audit.main([str(shared), "--skip-images"]) == 0
    assert "0 images looked at" in capsys.readouterr().out


def test_other_datatypes_on_request(raw, tmp_path, capsys):
    only = ["--participant-label", "sub-03", "--include", "func"]
    assert audit.main([str(raw), *only]) == 1
    printed = capsys.readouterr().out
    assert "sub-03_task-x_bold.nii.gz: eyes found" in printed
    assert T1W not in printed


def test_what_a_person_accepts_does_not_count(tmp_path, capsys):
    folder = tmp_path / "raw"
    (folder / "sub-1").mkdir(parents=True)
    (folder / "sub-1" / "portrait.jpg").write_text("x")
    (folder / "sub-1" / "x.json").write_text('{"InstitutionName": "Clinic"}')
    table = tmp_path / "found.tsv"
    assert audit.main([str(folder), "--tsv", str(table)]) == 1
    assert audit.main([str(folder), "--accept", str(table)]) == 0
    printed = capsys.readouterr().out
    assert "accepted: sub-1/portrait.jpg" in printed
    assert "note: sub-1/x.json: InstitutionName" in printed
    assert "Clinic" not in printed
    (folder / "sub-1" / "portrait.jpg").unlink()
    assert audit.main([str(folder)]) == 0
    assert audit.main([str(folder), "--strict"]) == 1


def test_exit_codes(tmp_path, capsys):
    folder = tmp_path / "raw"
    folder.mkdir()
    assert audit.main([str(tmp_path / "none")]) == 66
    assert audit.main([]) == 64
    assert audit.main([str(folder), "--include", "anat"]) == 64
    assert audit.main([str(folder), "--participant-label", "9"]) == 18
    assert audit.main([str(folder), "--model", str(tmp_path / "none.safetensors")]) == 69
    capsys.readouterr()
    assert audit.main([str(folder), "--tsv", str(folder / "audit.tsv")]) == 73
    assert "into which an audit never writes" in capsys.readouterr().err
    assert audit.main([str(folder), "--tsv", str(tmp_path / "audit.csv")]) == 73
    (tmp_path / "odd.tsv").write_text("a\tb\n")
    assert audit.main([str(folder), "--accept", str(tmp_path / "odd.tsv")]) == 64
    assert not any(folder.iterdir())
