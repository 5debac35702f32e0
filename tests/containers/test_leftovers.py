from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from bids_deface.containers import leftovers
from bids_deface.containers.leftovers import drop_leftovers
from tests.conftest import ROOT

WRITER = """
import sys, time
from pathlib import Path
from bids_deface.containers.files import write_together

def write(file):
    print("writing", flush=True)
    time.sleep(60)

write_together({Path(sys.argv[1]): write})
"""


@pytest.fixture
def writer(tmp_path):
    """A process that is at the middle of a file."""
    command = [sys.executable, "-c", WRITER, str(tmp_path / "sub-1" / "image.nii.gz")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout.readline() == "writing\n"
    time.sleep(leftovers.JUST_MADE_S + 0.2)
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_what_is_being_written_stays_what_a_killed_process_left_goes(writer, tmp_path):
    drop_leftovers(tmp_path, deep=True)
    (part,) = tmp_path.rglob("*.part")
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    drop_leftovers(tmp_path)
    assert part.exists(), "it lies deeper"
    drop_leftovers(tmp_path, deep=True)
    assert not part.exists()


def test_without_locks_only_what_is_old_goes(tmp_path, monkeypatch):
    monkeypatch.setattr(leftovers, "hold", lambda handle: None)
    for name, age in (("new", 60), ("old", 2 * leftovers.LONG_AGO_S)):
        path = tmp_path / f".tmp-{name}.part"
        path.write_text("")
        os.utime(path, (time.time() - age,) * 2)
    drop_leftovers(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [".tmp-new.part"]
