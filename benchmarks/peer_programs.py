"""Programs that hide faces: how each is called, what it needs, and one run of it, measured."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from measuring import session_mib


@dataclass(frozen=True)
class Job:
    """One scan for one program.

    Attributes
    ----------
    scan, brain_mask
        The scan, and the brain that our detector sees in it.
    out
        Where the defaced scan is to go.
    atlases
        Folder of mri_deface's two atlases.
    """

    scan: Path
    brain_mask: Path
    out: Path
    atlases: Path


@dataclass(frozen=True)
class Peer:
    """One program.

    Attributes
    ----------
    name
        As its authors write it.
    needs
        Programs that must be on PATH, its own first.
    command
        Returns its command line.
    needs_files
        Of the folder of atlases.
    """

    name: str
    needs: tuple[str, ...]
    command: Callable[[Job], list[str]]
    needs_files: tuple[str, ...] = ()

    def missing(self, atlases: Path) -> str:
        """Return in words what is not installed; empty if nothing is missing."""
        programs = [name for name in self.needs if shutil.which(name) is None]
        files = [name for name in self.needs_files if not (atlases / name).is_file()]
        return ", ".join(programs + files)


@dataclass(frozen=True)
class Run:
    """What became of one job.

    Attributes
    ----------
    seconds, peak_mib
        Wall time; most memory of the program or one of those it started.
    problem
        In words; empty where there is a result.
    """

    seconds: float
    peak_mib: float
    problem: str = ""


ATLASES = ("talairach_mixed_with_skull.gca", "face.gca")
OURS = Peer(
    "bids-deface",
    (),
    lambda job: [
        *(sys.executable, "-m", "bids_deface.cli.image"),
        *(str(job.scan), str(job.out), "--accept-doubt"),
    ],
)
PEERS = (
    OURS,
    Peer(
        "pydeface",
        ("pydeface", "flirt"),
        lambda job: ["pydeface", str(job.scan), "--outfile", str(job.out), "--force"],
    ),
    Peer(
        "quickshear",
        ("quickshear",),
        lambda job: ["quickshear", str(job.scan), str(job.brain_mask), str(job.out)],
    ),
    Peer(
        "mri_deface",
        ("mri_deface",),
        lambda job: [
            "mri_deface",
            str(job.scan),
            *(str(job.atlases / name) for name in ATLASES),
            str(job.out),
        ],
        ATLASES,
    ),
    Peer(
        "MiDeFace",
        ("mideface",),
        lambda job: ["mideface", "--i", str(job.scan), "--o", str(job.out)],
    ),
    Peer(
        "afni_refacer",
        ("@afni_refacer_run",),
        lambda job: [
            *("@afni_refacer_run", "-input", str(job.scan), "-mode_deface"),
            *("-prefix", str(job.out)),
        ],
    ),
    Peer("fsl_deface", ("fsl_deface",), lambda job: ["fsl_deface", str(job.scan), str(job.out)]),
)


def run(peer: Peer, job: Job, timeout: float) -> Run:
    """Run a program in a folder of its own; it may fail, and it may hang."""
    job.out.parent.mkdir(parents=True, exist_ok=True)
    log = job.out.parent / "log.txt"
    began = time.perf_counter()
    with log.open("wb") as said:
        try:
            process = subprocess.Popen(
                peer.command(job), cwd=job.out.parent, stdin=subprocess.DEVNULL,
                stdout=said, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            return Run(0.0, 0.0, f"cannot be started: {error.strerror}")
    status, peak = _wait(process, began + timeout)
    seconds = time.perf_counter() - began
    if status is None:
        return Run(seconds, peak, f"not done after {timeout:.0f} s")
    if status != 0:
        return Run(seconds, peak, f"exit code {status}: {_last_line(log)}")
    problem = _settle(job.out)
    return Run(seconds, peak, problem)


def _wait(process: subprocess.Popen[bytes], end: float) -> tuple[int | None, float]:
    """Return exit code (None if it had to be killed) and peak MiB, its children's included."""
    killed, peak = False, 0.0
    # What the system accounts to a process begins with its parent's memory: it is watched instead.
    while process.poll() is None:
        peak = max(peak, session_mib(process.pid))
        if time.perf_counter() > end and not killed:
            killed = True
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        time.sleep(0.02)
    return None if killed else process.returncode, peak


def _settle(out: Path) -> str:
    """See that the result lies where it was asked for; some programs add to the name."""
    if out.is_file():
        return ""
    stem = out.name.partition(".")[0]
    found = [p for p in sorted(out.parent.glob(f"{stem}*.nii*")) if p.is_file()]
    if not found:
        return "it wrote no result"
    found[0].rename(out)
    return ""


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1][:120] if lines else "nothing was said"
