"""Runs that are killed at some moment end, once they are started again, like one that was not.

Three moments by default; BIDS_DEFACE_KILLS=20 tries twenty.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from isal import igzip

from tests.conftest import command, tree
from tests.running import coarse_dataset, living, start, t1w, wait_for, wait_while_running

KILLS = int(os.environ.get("BIDS_DEFACE_KILLS", "3"))
#: Moments, as shares of a whole run; the first third is spent with imports.
MOMENTS = [0.3 + 0.7 * (n + np.random.default_rng(n).random()) / KILLS for n in range(KILLS)]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    return coarse_dataset(tmp_path_factory.mktemp("killed") / "raw", {"1": 2.5, "2": 2.5})


def options(raw, folder):
    return raw, folder / "out", "participant", "-w", folder / "work", "--random-seed", "5"


@pytest.fixture(scope="module")
def whole(raw, tmp_path_factory):
    """What a run that is left alone brings, and the seconds it takes."""
    folder = tmp_path_factory.mktemp("whole")
    began = time.monotonic()
    done = command(*options(raw, folder))
    assert done.returncode == 0, done.stdout + done.stderr
    return lasting(folder / "out"), time.monotonic() - began


def lasting(out: Path) -> dict[str, bytes]:
    """Return the files of a run without what may differ: its logs, and how long it took."""
    files = {name: text for name, text in tree(out).items() if not name.startswith("logs/run-")}
    return {name: without_times(name, text) for name, text in files.items()}


def without_times(name: str, text: bytes) -> bytes:
    """Take the seconds that an image took out of its record, its pages and the group's page."""
    if name.startswith("logs/images/"):
        return json.dumps({k: v for k, v in json.loads(text).items() if k != "Seconds"}).encode()
    if name == "group_deface.html":
        start, data, end = re.split(rb"(?<=json\">)(.*?)(?=</script>)", text, maxsplit=1)
        content = json.loads(data)
        column = content["fields"].index("seconds")
        content["rows"] = [[*row[:column], *row[column + 1 :]] for row in content["rows"]]
        return start + json.dumps(content).encode() + end
    return re.sub(rb"<td>[\d.]+ s</td>", b"", text) if name.endswith(".html") else text


def all_whole(out: Path) -> None:
    """Assert that no file is cut off: under its final name it is complete."""
    for path in out.rglob("*"):
        if not path.is_file() or path.suffix == ".part":
            continue
        content = path.read_bytes()
        if path.suffix == ".gz":
            igzip.decompress(content)
        elif path.suffix == ".json":
            json.loads(content)
        elif path.suffix == ".png":
            assert content.endswith(b"IEND\xaeB`\x82"), path
        elif path.suffix == ".html":
            assert content.rstrip().endswith(b"</html>"), path


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_killed_run_is_finished_by_the_next(raw, whole, tmp_path, moment):
    expected, seconds = whole
    run = start(*options(raw, tmp_path))
    time.sleep(moment * seconds)
    run.kill()
    run.communicate()
    wait_for(lambda: not living(run.pid), 10)
    out = tmp_path / "out"
    all_whole(out)
    finished = {}
    for path in (out / "logs" / "images").glob("*.json"):
        for name in json.loads(path.read_text())["Files"]:
            finished[out / name] = (out / name).stat().st_mtime_ns
    done = command(*options(raw, tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr
    assert {path: path.stat().st_mtime_ns for path in finished} == finished, "done again"
    again = lasting(out)
    assert again.keys() == expected.keys()
    assert [name for name in again if again[name] != expected[name]] == []


def test_a_run_that_is_asked_to_end_tidies_up(raw, tmp_path):
    # Longer than the path of a socket may be, as on clusters.
    temporary = tmp_path / ("tmp" * 30)
    temporary.mkdir()
    out = tmp_path / "out"
    run = start(raw, out, "participant", TMPDIR=str(temporary))
    wait_while_running(run, lambda: any(temporary.rglob("_0x*_unfinished.json")))
    run.send_signal(signal.SIGTERM)
    _, told = run.communicate(timeout=30)
    assert run.returncode == 143
    assert "terminated; run the same command again to go on" in told
    assert "Traceback" not in told
    wait_for(lambda: not living(run.pid), 10)
    assert list(temporary.glob("bids-deface-*")) == []
    assert not (out / t1w("1").replace("_T1w", "_desc-defaced_T1w")).exists()
