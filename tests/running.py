"""Runs of the command line that are watched, killed, or short of something."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bids_deface.dataset.demo import nifti_bytes
from bids_deface.population import SyntheticHead, synthetic_head

PROC = Path("/proc")


def coarse_dataset(folder: Path, zooms: dict[str, float]) -> Path:
    """Write a BIDS dataset with a T1w scan of each subject, coarser by a factor each."""
    folder.mkdir(parents=True)
    (folder / "dataset_description.json").write_text('{"Name": "x", "BIDSVersion": "1.10.0"}')
    (folder / "README").write_text("test")
    for number, (subject, zoom) in enumerate(zooms.items()):
        head = synthetic_head(np.random.default_rng(number), zoom=zoom)
        path = folder / t1w(subject)
        path.parent.mkdir(parents=True)
        path.write_bytes(nifti_bytes(head))
    return folder


def doubtful_head() -> SyntheticHead:
    """Return a head, 3 mm, whose nose was painted over with tissue: it awaits review."""
    head = synthetic_head(np.random.default_rng(0), zoom=2.0)
    data = head.data.copy()
    low, high = (f(np.argwhere(head.dseg == 3), axis=0) for f in (np.min, np.max))
    box = tuple(slice(max(0, a - 5), b + 6) for a, b in zip(low, high, strict=True))
    data[box] = 400
    return SyntheticHead(data, head.dseg, head.affine)


def t1w(subject: str) -> str:
    """Return the path of a subject's scan within the dataset."""
    return f"sub-{subject}/anat/sub-{subject}_T1w.nii.gz"


def start(
    *arguments: str | Path, cwd: Path | None = None, **environment: str
) -> subprocess.Popen[str]:
    """Start the command line in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "bids_deface", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=cwd,
        env={**os.environ, **environment},
        start_new_session=True,
    )


def wait_for(condition: Callable[[], bool], seconds: float = 180) -> None:
    """Wait until something is so; fail where it does not come to be."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            pytest.fail("what was waited for did not happen")
        time.sleep(0.02)


def wait_while_running(run: subprocess.Popen[str], condition: Callable[[], bool]) -> None:
    """Wait until something is so; fail, and say what the run said, where the run ends before."""
    try:
        wait_for(lambda: run.poll() is not None or condition())
        assert run.poll() is None, "".join(run.communicate())
    except BaseException:
        run.kill()
        run.communicate()
        raise


def living(group: int) -> list[int]:
    """Return the processes of a group that still run."""
    found = []
    for path in PROC.glob("[0-9]*/stat"):
        try:
            state, _, process_group = path.read_text().rpartition(")")[2].split()[:3]
        except OSError:
            continue
        if int(process_group) == group and state != "Z":
            found.append(int(path.parent.name))
    return found


def kill_those_in(folder: Path) -> None:
    """Kill the processes that work in a folder, as the kernel does when memory runs out."""
    for path in PROC.glob("[0-9]*/cwd"):
        try:
            if folder in path.readlink().parents or path.readlink() == folder:
                os.kill(int(path.parent.name), signal.SIGKILL)
        except OSError:
            continue
