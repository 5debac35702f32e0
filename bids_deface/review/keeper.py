"""Keep one run: start its command, wait for it, note how it ended; outlives page and server."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from bids_deface.containers.files import write_whole
from bids_deface.containers.leftovers import hold
from bids_deface.textfiles import read_json

#: Files of a run's folder.
JOB, LOCK, CANCEL, END = "job.json", "lock", "cancel", "end.json"
OUT, MESSAGES = "stdout.txt", "stderr.txt"
POLL_S = 0.3


def keep(folder: Path) -> int:
    """Run the command of a folder; return its exit code.

    Parameters
    ----------
    folder
        Holds ``job.json`` (``Module`` and ``Arguments``); gets what the command says, and
        ``end.json`` once it has ended. While it runs, the lock is held, by the command, too.
    """
    job = read_json(folder / JOB)
    with (
        (folder / LOCK).open("w") as lock,
        (folder / OUT).open("wb") as out,
        (folder / MESSAGES).open("wb") as messages,
    ):
        hold(lock.fileno())
        # Where the keeper is killed, the command that goes on still holds the lock.
        shared = () if sys.platform == "win32" else (lock.fileno(),)
        # -P: Python files that lie where the server was started are data, not modules.
        command = [sys.executable, "-P", "-m", str(job["Module"]), *map(str, job["Arguments"])]
        with subprocess.Popen(  # noqa: S603 the server made the arguments and checked them
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=messages,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            pass_fds=shared,
        ) as run:
            signal.signal(signal.SIGTERM, lambda *_: (folder / CANCEL).touch())
            code = _waited_for(run, folder)
        cancelled = (folder / CANCEL).exists() and code != 0
        end = {"ExitCode": code, "Cancelled": cancelled, "Ended": time.time()}
        write_whole(folder / END, json.dumps(end).encode())
    return code


def _waited_for(run: subprocess.Popen[bytes], folder: Path) -> int:
    asked = False
    while True:
        try:
            return run.wait(POLL_S)
        except subprocess.TimeoutExpired:
            # Tells that the keeper lives where the file system knows no locks.
            os.utime(folder / LOCK)
        if not asked and (folder / CANCEL).exists():
            asked = True
            run.terminate()


if __name__ == "__main__":
    sys.exit(keep(Path(sys.argv[1])))
