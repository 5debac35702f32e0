from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

import pytest

from bids_deface.cli.work_dir import LOCK, PREFIX, WORKFLOW, work_folder
from bids_deface.containers.leftovers import hold
from bids_deface.dataset.plan import make_plan
from bids_deface.dataset.query import ImageRecord


@pytest.fixture
def plan(tmp_path):
    records = [
        ImageRecord(tmp_path / "x", f"sub-{s}/anat/sub-{s}_T1w.nii.gz", s, "", "T1w") for s in "12"
    ]
    return make_plan(tmp_path / "raw", tmp_path / "out", records, {})


def args(folder: Path, **options) -> argparse.Namespace:
    given = {"work_dir": None, "clean_workdir": False, "verbose": 0, **options}
    return argparse.Namespace(bids_dir=folder / "raw", output_dir=folder / "out", **given)


def fill(work: Path) -> None:
    """Write what nipype writes for two subjects of this run, and one of another's."""
    for subject in ("1", "2", "3"):
        (work / WORKFLOW / f"sub_{subject}_wf" / "deface").mkdir(parents=True)
        batch = work / WORKFLOW / "batch" / f"node_1_x.sub_{subject}_wf_deface.pklz"
        batch.parent.mkdir(exist_ok=True)
        batch.write_text("")


def left(work: Path) -> set[str]:
    return {path.relative_to(work).as_posix() for path in work.glob("*/*")} | {
        path.name for path in work.glob("*/batch/*")
    }


def test_a_folder_is_cleaned_of_this_run_and_no_other(plan, tmp_path):
    work = tmp_path / "work"
    with work_folder(args(tmp_path, work_dir=work, clean_workdir=True), plan) as folder:
        fill(work)
        folder.image_done("1")
        assert not (work / WORKFLOW / "sub_1_wf").exists(), "as soon as its images are stored"
        assert (work / WORKFLOW / "sub_2_wf").exists()
    assert left(work) == {
        f"{WORKFLOW}/sub_3_wf",
        f"{WORKFLOW}/batch",
        "node_1_x.sub_3_wf_deface.pklz",
    }


def test_a_folder_is_kept_for_the_next_run_unless_asked(plan, tmp_path):
    work = tmp_path / "work"
    with work_folder(args(tmp_path, work_dir=work), plan) as folder:
        fill(work)
        folder.image_done("1")
    assert {f"{WORKFLOW}/sub_{subject}_wf" for subject in "123"} <= left(work)
    assert not list(work.glob("nipype-*")), "but for the settings of this run"


def test_what_a_killed_run_left_in_the_temporary_folder_is_removed(plan, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    old = time.time() - 100
    for name in ("killed", "running"):
        folder = tmp_path / f"{PREFIX}{name}"
        folder.mkdir()
        (folder / LOCK).write_text("")
        os.utime(folder / LOCK, (old, old))
    with (tmp_path / f"{PREFIX}running" / LOCK).open("r+b") as lock:
        hold(lock.fileno())
        with work_folder(args(tmp_path), plan) as folder:
            assert folder.path.parent == tmp_path
        names = {path.name for path in tmp_path.glob(f"{PREFIX}*")}
    assert names == {f"{PREFIX}running"}
