"""Runs: started, watched, cancelled, found again."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path

import pytest

from bids_deface.dataset.names import OutputNames
from bids_deface.dataset.plan import Action, PlannedImage
from bids_deface.dataset.query import ImageRecord
from bids_deface.dataset.sessions import Regions
from bids_deface.errors import NoInputError, UsageError
from bids_deface.review.commands import Command, Kind, command_of
from bids_deface.review.progress import image_done, planned
from bids_deface.review.roots import Roots
from bids_deface.review.runs import Run, Runs, State, default_state_dir, let_go
from tests.running import wait_for

unix = pytest.mark.skipif("sys.platform == 'win32'", reason="there are no such signals")


def job(folder: Path, module: str, *arguments: str, root: Path) -> Run:
    """Start some module as a run."""
    folder.mkdir(parents=True)
    content = {
        "Module": module, "Arguments": arguments, "Source": str(root / "raw"),
        "Output": str(root / "out"), "Started": time.time(), "Kind": "dataset", "Title": "run",
    }  # fmt: skip
    (folder / "job.json").write_text(json.dumps(content))
    let_go(folder)
    return Run(folder)


def endless(folder: Path, root: Path) -> Run:
    """Start a run that ends by itself never, and wait until it is at work."""
    run = job(folder, "http.server", "0", "--bind", "127.0.0.1", root=root)
    wait_for(lambda: b"Serving" in run.output(), 30)
    return run


@pytest.fixture
def runs(place, tmp_path):
    """All runs of a page."""
    return Runs(tmp_path / "state" / "runs", Roots.of([place]))


def name(n: int) -> str:
    return f"20260101T00000{n}-00000000"


def test_a_run_ends_and_is_remembered(runs, place, user):
    run = job(runs.folder / name(1), "this", root=place)
    assert run.state is State.RUNNING
    wait_for(lambda: run.state is not State.RUNNING, 30)
    assert run.state is State.FINISHED
    assert run.end["ExitCode"] == 0
    (found,) = user.get("/api/runs").json()
    assert (found["state"], found["exit_code"], found["source"]) == (
        "finished", 0, str(place / "raw"),
    )  # fmt: skip
    with user.stream("GET", f"/api/runs/{name(1)}/events") as stream:
        told = "".join(stream.iter_text())
    assert "Beautiful is better than ugly." in told
    assert told.index("event: lines") < told.index("event: state") < told.index("event: end")
    offset = len(run.output())
    assert f"id: {offset}" in told
    head = {"last-event-id": str(offset)}
    with user.stream("GET", f"/api/runs/{name(1)}/events", headers=head) as stream:
        assert "event: lines" not in "".join(stream.iter_text()), "what is known is not repeated"


def test_python_files_among_the_data_are_not_run(runs, place, monkeypatch):
    (place / "json.py").write_text("raise SystemExit(99)")
    (place / "this.py").write_text("raise SystemExit(99)")
    monkeypatch.chdir(place)
    run = job(runs.folder / name(1), "this", root=place)
    wait_for(lambda: run.state is not State.RUNNING, 30)
    assert run.end["ExitCode"] == 0


@unix
def test_a_run_is_cancelled(runs, place, user):
    run = endless(runs.folder / name(1), place)
    assert user.get(f"/api/runs/{name(1)}").json()["state"] == "running"
    user.post(f"/api/runs/{name(1)}/cancel", json={}).raise_for_status()
    wait_for(lambda: run.state is State.CANCELLED, 30)


@unix
def test_a_killed_run_is_interrupted_and_a_keeper_s_death_is_not_the_run_s(runs, place):
    run = endless(runs.folder / name(1), place)
    keeper, child = (holders(run, word) for word in ("review.keeper", "http.server"))
    os.kill(keeper, signal.SIGKILL)
    time.sleep(1.5)
    assert run.state is State.RUNNING, "the command goes on and holds the lock"
    os.kill(child, signal.SIGKILL)
    wait_for(lambda: run.state is State.INTERRUPTED, 30)


def holders(run: Run, word: str) -> int:
    """Return the process of a run that was started with a word."""
    inode = (run.folder / "lock").stat().st_ino
    for place in Path("/proc").glob("[0-9]*"):
        try:
            is_it = word in (place / "cmdline").read_text()
            if is_it and any(fd.stat().st_ino == inode for fd in (place / "fd").iterdir()):
                return int(place.name)
        except OSError:
            continue
    raise AssertionError(word)


def test_runs_outside_the_roots_are_not_shown(runs, place, user, tmp_path):
    for n, folder in enumerate((place.parent, place / ".." / "outside")):
        job(runs.folder / name(n), "this", root=folder)
    wait_for(lambda: all((f / "end.json").exists() for f in runs.folder.iterdir()), 30)
    assert user.get("/api/runs").json() == []
    for wild in (name(0), "..", "%2e%2e", "x", name(5)):
        answer = user.get(f"/api/runs/{wild}")
        assert answer.status_code in {404, 307}
    with pytest.raises(NoInputError):
        runs.find("../runs")


def test_two_runs_do_not_write_to_one_folder(runs, place):
    folder = runs.folder / name(1)
    folder.mkdir(parents=True)
    content = {"Source": str(place / "raw"), "Output": str(place / "out"), "Started": time.time()}
    (folder / "job.json").write_text(json.dumps(content))
    with pytest.raises(Exception, match="Another run writes"):
        runs.start(Command(Kind.DATASET, place / "raw", place / "out"))
    (folder / "job.json").write_text(json.dumps({**content, "Started": 0}))
    assert runs.find(name(1)).state is State.INTERRUPTED


def test_only_what_was_planned_is_started(user, both):
    assert user.post("/api/runs", json={"plan": "x"}).status_code == 400
    form = {"kind": "dataset", "source": both["out"], "output": both["raw"] + "-new"}
    answer = user.post("/api/plan", json=form).json()
    assert answer["exit_code"] != 0
    assert "bids-deface:" in answer["messages"]
    assert user.post("/api/runs", json={"plan": answer["plan"]}).status_code == 400


def form(place, **options):
    return {
        "kind": "dataset", "source": str(place / "raw"), "output": str(place / "new"),
        "options": options,
    }  # fmt: skip


def test_a_form_becomes_a_command(place):
    roots = Roots.of([place])
    chosen = {"features": ["nose", "ears"], "on_doubt": "strict", "nprocs": "2", "force": True,
              "modalities": [], "keep_extensions": False, "session_label": None}  # fmt: skip
    command = command_of(form(place, **chosen), roots)
    assert command.shown.endswith(
        "participant --features nose ears --on-doubt strict --nprocs 2 --force"
    )
    scan = {"kind": "image", "source": str(place / "raw" / "x.nii.gz"), "output": str(place)}
    command = command_of(scan, roots)
    assert command.output.name == "x_defaced.nii.gz"
    assert command.folder == place.resolve()


@pytest.mark.parametrize(
    "options",
    [
        {"use_plugin": "/x"}, {"model": "/x"}, {"work_dir": "/"}, {"accept": "x"},
        {"features": ["chin"]}, {"features": ["--use-plugin"]}, {"participant_label": ["-w", "/"]},
        {"level": "--force"}, {"level": "none"}, {"nprocs": "0"}, {"protocol": "x"},
        {"level": "face", "features": ["nose"]}, {"modalities": [["x"]]}, {"modalities": ["a\0"]},
        {"include": ["anat", "moon"]}, "force",
    ],
)  # fmt: skip
def test_options_that_the_page_does_not_offer_are_refused(place, options):
    with pytest.raises(UsageError):
        command_of({**form(place), "options": options}, Roots.of([place]))


def test_the_private_folder_of_dicom_must_lie_in_a_root_too(place):
    asked = {"kind": "dicom", "source": str(place / "raw"), "output": str(place)}
    with pytest.raises(Exception, match="nothing may be written"):
        command_of(asked, Roots.of([place]))


def test_lines_of_the_program_are_understood(tmp_path):
    records = [
        ImageRecord(
            tmp_path / f"sub-1_{s}.nii.gz", f"sub-1/anat/sub-1_{s}.nii.gz", "1", None, s, {}
        )
        for s in ("T1w", "T2w")
    ]
    names = [OutputNames.of(record, tmp_path) for record in records]
    images = [
        PlannedImage(records[0], Action.DEFACE, names[0], ""),
        PlannedImage(records[1], Action.SKIP, names[1], "", Regions.INHERITED, (records[0],)),
    ]
    lines = [*map(str, images), "1 of 2 images to deface"]
    assert planned(lines) == [
        {"action": "deface", "name": "sub-1/anat/sub-1_T1w.nii.gz",
         "target": "sub-1/anat/sub-1_desc-defaced_T1w.nii.gz", "note": ""},
        {"action": "skip (done before)", "name": "sub-1/anat/sub-1_T2w.nii.gz",
         "target": "sub-1/anat/sub-1_desc-defaced_T2w.nii.gz", "note": "regions of sub-1_T1w"},
    ]  # fmt: skip
    done = image_done("[2/3] a b/c.nii.gz: REVIEW, 9.3 s: an ear: cut off Look.")
    assert (done.done, done.total, done.name, done.verdict) == (2, 3, "a b/c.nii.gz", "REVIEW")
    assert done.text == "9.3 s: an ear: cut off Look."
    assert image_done("[1/1] x: no result: killed").verdict == "no result"
    assert image_done("[1/1] x: no result").text == ""
    assert image_done("2 of 4 images passed") is None


def test_what_can_be_chosen_is_what_the_parsers_know(user, place):
    choices = user.get("/api/choices").json()
    assert choices["roots"] == [str(place)]
    offered = {one["name"]: one for one in choices["options"]["dataset"]}
    assert offered["features"]["choices"] == ["eyes", "nose", "ears", "mouth"]
    assert offered["level"]["choices"] == ["features", "face"]
    assert offered["level"]["default"] == "features"
    assert offered["nprocs"]["kind"] == "number"
    assert offered["force"]["kind"] == "switch"
    assert set(choices["protocols"]["jeong2020"]) == {"eyes", "nose", "ears"}
    assert all(one["help"] for group in choices["options"].values() for one in group)
    assert {"features", "include_other"} <= {one["name"] for one in choices["options"]["dicom"]}


def test_the_state_folder_is_the_user_s(monkeypatch, tmp_path):
    monkeypatch.setenv(
        "LOCALAPPDATA" if sys.platform == "win32" else "XDG_STATE_HOME", str(tmp_path)
    )
    assert default_state_dir() == tmp_path / "bids-deface"
