"""Runs: started as processes of their own, found again by their folders."""

from __future__ import annotations

import os
import re
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from bids_deface.containers.leftovers import is_left
from bids_deface.dataset.derivatives import write_json
from bids_deface.errors import NoInputError, OutputError
from bids_deface.review.commands import Command, Kind
from bids_deface.review.keeper import CANCEL, END, JOB, LOCK, MESSAGES, OUT
from bids_deface.review.roots import Roots
from bids_deface.textfiles import read_json

NAME = re.compile(r"\d{8}T\d{6}-[0-9a-f]{8}")
#: Until then a process that was just started may not hold its lock yet.
STARTING_S = 15.0
#: A keeper touches its lock more often than that.
SILENT_S = 30.0


class State(StrEnum):
    """How a run stands."""

    RUNNING = "running"
    FINISHED = "finished"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"


def default_state_dir() -> Path:
    """Return where runs are remembered: the user's folder for such things."""
    given = os.environ.get("LOCALAPPDATA" if sys.platform == "win32" else "XDG_STATE_HOME")
    return (Path(given) if given else Path.home() / ".local" / "state") / "bids-deface"


@dataclass(frozen=True)
class Run:
    """One run.

    Attributes
    ----------
    folder
        Holds all that is known of it.
    """

    folder: Path

    @property
    def name(self) -> str:
        """Its name, in the order of starts."""
        return self.folder.name

    @property
    def job(self) -> dict[str, Any]:
        """What was started: see `Runs.start`."""
        return read_json(self.folder / JOB)

    @property
    def end(self) -> dict[str, Any]:
        """How it ended; empty until then."""
        return read_json(self.folder / END)

    @property
    def state(self) -> State:
        """How it stands now."""
        # Asked first: what ends in between has ended.
        lives = self._lives()
        end = self.end
        if end:
            return State.CANCELLED if end.get("Cancelled") else State.FINISHED
        return State.RUNNING if lives else State.INTERRUPTED

    def _lives(self) -> bool:
        try:
            return not is_left(self.folder / LOCK, unlocked_s=SILENT_S)
        except OSError:
            return time.time() - float(self.job.get("Started", 0)) < STARTING_S

    def cancel(self) -> None:
        """Ask it to end; what is done stays done."""
        (self.folder / CANCEL).touch()

    def output(self) -> bytes:
        """Return what it has said so far."""
        return _content(self.folder / OUT)

    def messages(self) -> str:
        """Return its warnings and errors so far, the last of them where there are many."""
        return _content(self.folder / MESSAGES)[-20_000:].decode("utf-8", "replace").strip()

    def summary(self) -> dict[str, Any]:
        """Return what a list of runs shows."""
        job, end = self.job, self.end
        keys = ("Kind", "Title", "Source", "Output", "Command", "Started", "Review")
        return {
            "name": self.name,
            "state": str(self.state),
            "exit_code": end.get("ExitCode"),
            "ended": end.get("Ended"),
            **{key.lower(): job.get(key) for key in keys},
        }


@dataclass(frozen=True)
class Runs:
    """All runs whose places the page may see.

    Attributes
    ----------
    folder
        Where they are remembered; only the user can read it.
    roots
        What the page may see.
    """

    folder: Path
    roots: Roots

    def all(self) -> list[Run]:
        """Return the runs, newest first."""
        if not self.folder.is_dir():
            return []
        found = [Run(path) for path in self.folder.iterdir() if NAME.fullmatch(path.name)]
        found.sort(key=lambda run: run.name, reverse=True)
        return [run for run in found if self._may_be_seen(run)]

    def find(self, name: str) -> Run:
        """Return one run; raise `NoInputError` where there is none of this name."""
        run = Run(self.folder / name) if NAME.fullmatch(name) else None
        if run is None or not self._may_be_seen(run):
            raise NoInputError("There is no such run.", "Look at the list of runs.")
        return run

    def _may_be_seen(self, run: Run) -> bool:
        job = run.job
        places = [str(job.get(key) or "") for key in ("Source", "Output")]
        return all(place and self.roots.holds(Path(place)) for place in places)

    def start(
        self,
        command: Command,
        *,
        title: str = "run",
        plan: Sequence[str] = (),
        files: Mapping[str, bytes] | None = None,
    ) -> Run:
        """Start a command in a process of its own that outlives the server.

        Parameters
        ----------
        command
            What to run; ``{run}`` in its options stands for the run's folder.
        title
            ``run``, ``release`` or ``redo``.
        plan
            Lines that were shown before.
        files
            Put into the run's folder before it starts.

        Raises
        ------
        OutputError
            Another run writes to the same folder, or there is no place for the run.
        """
        busy = [run for run in self.all() if run.job.get("Output") == str(command.folder)]
        if any(run.state is State.RUNNING for run in busy):
            raise OutputError(
                f"Another run writes to {command.folder}.", "Wait for its end, or cancel it."
            )
        run = Run(self.folder / f"{time.strftime('%Y%m%dT%H%M%S')}-{secrets.token_hex(4)}")
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            run.folder.mkdir(mode=0o700)
            for name, content in (files or {}).items():
                (run.folder / name).write_bytes(content)
        except OSError as error:
            raise OutputError(f"{self.folder} cannot be written.", "See --state-dir.") from error
        arguments = [text.replace("{run}", str(run.folder)) for text in command.arguments]
        review = command.kind is Kind.DATASET
        job = {
            "Kind": str(command.kind), "Title": title, "Module": command.module,
            "Arguments": arguments, "Command": command.shown, "Plan": list(plan),
            "Options": list(command.options), "Source": str(command.source),
            "Output": str(command.folder), "Started": time.time(), "Review": review,
        }  # fmt: skip
        write_json(run.folder / JOB, job)
        let_go(run.folder)
        return run


def let_go(folder: Path) -> None:
    """Start the keeper of a run's folder; it lives on when this process ends."""
    keeper = subprocess.Popen(  # noqa: S603 this program itself, in a folder of its own
        [sys.executable, "-P", "-m", "bids_deface.review.keeper", str(folder)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    # Takes notice of its end; nobody waits for this thread.
    threading.Thread(target=keeper.wait, daemon=True).start()


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
