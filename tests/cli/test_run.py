from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from bids_deface.cli.main import main
from bids_deface.containers.load import load_volume
from bids_deface.dataset.demo import nifti_bytes
from bids_deface.population import synthetic_head
from tests.conftest import ROOT, command, tree
from tests.dataset.test_derivatives import validate

README = ROOT / "README.md"
T1W = "sub-01/anat/sub-01_T1w.nii.gz"
T2W = "sub-02/ses-1/anat/sub-02_ses-1_T2w.nii.gz"


@pytest.fixture(scope="module")
def dataset(tmp_path_factory, head_file):
    """Two heads, one of them FLAIR-like, and one broken file."""
    raw = tmp_path_factory.mktemp("run") / "raw"
    flair = synthetic_head(np.random.default_rng(3), contrast="T2w")
    files = {
        "dataset_description.json": b'{"Name": "test", "BIDSVersion": "1.10.0"}',
        "README": b"test " * 40,
        T1W: head_file.read_bytes(),
        T1W.replace(".nii.gz", ".json"): b'{"EchoTime": 0.003, "PatientName": "Somebody"}',
        T2W: nifti_bytes(flair),
        "sub-02/ses-1/anat/sub-02_ses-1_T1w.nii.gz": head_file.read_bytes()[:90_000],
    }
    for name, content in files.items():
        (raw / name).parent.mkdir(parents=True, exist_ok=True)
        (raw / name).write_bytes(content)
    return raw


@pytest.fixture(scope="module")
def first_run(dataset):
    out = dataset.parent / "derivatives"
    before = tree(dataset)
    done = command(dataset, out, "participant", "--nprocs", "2", "-w", dataset.parent / "work")
    assert tree(dataset) == before, "the input is never changed"
    return out, done


def test_good_images_are_done_though_one_is_broken(first_run):
    out, done = first_run
    assert done.returncode == 1, done.stderr
    assert "2 of 3 images passed" in done.stdout
    assert f"{T1W}: PASS" in done.stdout
    broken = next(line for line in done.stdout.splitlines() if "ses-1_T1w.nii.gz: FAIL" in line)
    assert "truncated" in broken
    assert "Get the file again" in broken
    log = next((out / "logs").glob("run-*.log")).read_text()
    assert broken in log, "what the terminal says is kept"
    assert log.count("\n") == 3
    for page in ("sub-01.html", "private/sub-01.html"):
        assert "Content-Security-Policy" in (out / page).read_text()
    assert not list(out.rglob("*ses-1_desc-defaced_T1w*"))
    assert not list(out.rglob("*.part"))


def test_outputs_are_as_promised(first_run, dataset):
    out, _ = first_run
    raw = load_volume(dataset / T1W)
    defaced = load_volume(out / "sub-01/anat/sub-01_desc-defaced_T1w.nii.gz")
    mask = load_volume(out / "sub-01/anat/sub-01_mod-T1w_desc-face_defacemask.nii.gz").data
    assert defaced.prefix == raw.prefix
    assert defaced.data.dtype == raw.data.dtype
    changed = defaced.data != raw.data
    assert changed.any()
    assert not changed[mask == 0].any()
    sidecar = json.loads((out / "sub-01/anat/sub-01_desc-defaced_T1w.json").read_text())
    assert sidecar["EchoTime"] == 0.003
    assert "PatientName" not in sidecar
    assert sidecar["Sources"] == [f"bids:raw:{T1W}"]
    for name in (
        "sub-01.html",
        "sub-02.html",
        "group_deface.html",
        "logs/CITATION.md",
        ".bidsignore",
    ):
        assert (out / name).is_file(), name
    page = (out / "group_deface.html").read_text()
    thumbnail = "figures/group/sub-01_desc-defaced_T1w.jpg"
    assert thumbnail in page
    assert (out / thumbnail).is_file()
    assert "sub-01.html#image-1" in page


def test_derivatives_pass_the_validator(first_run):
    out, _ = first_run
    assert validate(out) == []


def test_nothing_shareable_names_the_patient_or_shows_the_original(first_run, dataset):
    out, _ = first_run
    for path in out.rglob("*"):
        if path.is_file() and "private" not in path.relative_to(out).parts:
            content = path.read_bytes()
            assert b"Somebody" not in content, path
            assert str(dataset.parent).encode() not in content, path
    assert list((out / "private" / "sub-01" / "figures").glob("*originalhead*"))


def test_second_run_does_nothing_unless_forced(first_run, dataset):
    out, _ = first_run
    stamps = {p: p.stat().st_mtime_ns for p in (out / "sub-01" / "anat").iterdir()}
    done = command(dataset, out, "participant", "--nprocs", "1")
    assert done.returncode == 1, "one image is still broken"
    assert "[1/" not in done.stdout
    assert {p: p.stat().st_mtime_ns for p in stamps} == stamps
    plan = command(dataset, out, "participant", "--dry-run", "--force", "-m", "T1w")
    assert plan.returncode == 0
    assert "2 of 2 images to deface" in plan.stdout
    forced = command(
        dataset, out, "participant", "--force", "--participant-label", "sub-01", "--nprocs", "1"
    )
    assert forced.returncode == 0, forced.stdout + forced.stderr
    assert {p: p.stat().st_mtime_ns for p in stamps} != stamps


def test_group_table_lists_every_image(first_run, dataset):
    out, _ = first_run
    done = command(dataset, out, "group")
    assert done.returncode == 1
    with (out / "group_deface.tsv").open() as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert [row["verdict"] for row in rows].count("PASS") == 2
    assert len(rows) == 3


def test_reports_are_rebuilt_without_detection(first_run, dataset):
    out, _ = first_run
    (out / "sub-01.html").unlink()
    (out / "group_deface.html").unlink()
    done = command(dataset, out, "participant", "--reports-only")
    assert done.returncode == 1
    assert (out / "sub-01.html").is_file()
    assert T2W in (out / "group_deface.html").read_text()


@pytest.mark.parametrize("nprocs", ["1", "2"])
def test_relative_paths_lead_where_the_user_is(dataset, tmp_path, nprocs):
    (tmp_path / "raw").symlink_to(dataset)
    arguments = ["raw", "out", "participant", "-w", "work", "--participant-label", "01"]
    done = command(*arguments, "--nprocs", nprocs, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "out/sub-01/anat/sub-01_desc-defaced_T1w.nii.gz").is_file()
    assert {path.name for path in tmp_path.iterdir()} == {"raw", "out", "work"}
    group = command("raw", "out", "group", cwd=tmp_path)
    assert group.returncode == 0


def test_the_two_lines_of_the_readme_are_those_that_work(tmp_path):
    """What the first line runs after installing: demo dataset, then the main job, all passing."""
    lines = [line for line in README.read_text().splitlines() if line.startswith("python3.11 -m")]
    first, second = lines
    assert first.endswith(
        "bids-deface-demo demo && .venv/bin/bids-deface demo demo-defaced participant"
    )
    assert second.endswith("tools/check.py")
    assert command("demo", module="bids_deface.cli.demo", cwd=tmp_path).returncode == 0
    done = command("demo", "demo-defaced", "participant", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "6 of 6 images passed" in done.stdout
    assert "demo-defaced/sub-*.html" in done.stdout
    assert validate(tmp_path / "demo-defaced") == []


def test_dry_run_and_boilerplate_write_no_images(dataset, tmp_path, capsys):
    assert main([str(dataset), str(tmp_path / "o"), "participant", "--dry-run"]) == 0
    assert "3 of 3 images to deface" in capsys.readouterr().out
    assert not (tmp_path / "o").exists()
    assert main([str(dataset), str(tmp_path / "o"), "participant", "--boilerplate-only"]) == 0
    assert list(tree(tmp_path / "o")) == ["logs/CITATION.bib", "logs/CITATION.md"]
