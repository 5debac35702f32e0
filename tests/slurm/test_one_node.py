"""A real SLURM with one node: nipype's plugin, and job arrays."""

from __future__ import annotations

import csv
import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.pages import DOCS, blocks
from tests.running import coarse_dataset, start, t1w, wait_for

SCRIPT = Path(__file__).parent / "one_node.sh"
PROGRAMS = ("sbatch", "slurmctld", "slurmd", "munged")

pytestmark = pytest.mark.slurm


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    return coarse_dataset(tmp_path_factory.mktemp("cluster") / "raw", {"1": 2.5, "2": 2.5})


@pytest.fixture(scope="module")
def slurm(tmp_path_factory) -> Iterator[dict[str, str]]:
    """Start SLURM; yield the environment in which it is found."""
    path = f"{os.environ['PATH']}:/usr/sbin"
    if os.geteuid() or not all(shutil.which(name, path=path) for name in PROGRAMS):
        pytest.skip("needs root, slurm-wlm and munge")
    folder = tmp_path_factory.mktemp("slurm")
    subprocess.run(["/bin/sh", SCRIPT, "start", folder, str(two_free_ports())], check=True)
    yield {"SLURM_CONF": str(folder / "slurm.conf"), "PATH": path, "PYTHONPATH": str(ROOT)}
    subprocess.run(["/bin/sh", SCRIPT, "stop", folder], check=True)


def block(part: str) -> str:
    """Return the block of the page on clusters that holds a word."""
    (found,) = (text for text in blocks((DOCS / "cluster.md").read_text(), "sh") if part in text)
    return found


def placed(text: str, raw: Path, out: Path) -> str:
    """Put folders of the test in place of those of a page."""
    return re.sub(r"/out\b", str(out), re.sub(r"/data\b", str(raw), text))


def two_free_ports() -> int:
    """Return a port that is free, and the next one, too."""
    while True:
        with socket.socket() as one, socket.socket() as two:
            one.bind(("127.0.0.1", 0))
            port = int(one.getsockname()[1])
            try:
                two.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port


def ask(slurm: dict[str, str], *command: str | Path) -> str:
    done = subprocess.run(
        command, env={**os.environ, **slurm}, capture_output=True, text=True, check=True
    )
    return done.stdout


def jobs(slurm: dict[str, str]) -> dict[str, dict[str, str]]:
    """Return what SLURM knows of its jobs, by name."""
    found = {}
    for line in ask(slurm, "scontrol", "-o", "show", "job").splitlines():
        facts = dict(word.partition("=")[::2] for word in line.split())
        found[facts.get("JobName", "")] = facts
    return found


def test_each_image_is_a_job_and_a_killed_one_costs_itself_only(raw, slurm, tmp_path, monkeypatch):
    """The plugin of nipype needs LOGNAME, asks for nothing, and stops at a killed job."""
    monkeypatch.delenv("LOGNAME", raising=False)
    out, work = tmp_path / "out", tmp_path / "work"
    text = block("--nipype-plugin SLURM").replace("/scratch/work", str(work))
    name, *arguments = shlex.split(placed(text, raw, out))
    assert name == "bids-deface"
    run = start(*arguments, **slurm)
    wait_for(lambda: any(name.startswith("deface.deface_sub_2") for name in jobs(slurm)))
    doomed = next(name for name in jobs(slurm) if name.startswith("deface.deface_sub_2"))
    ask(slurm, "scancel", jobs(slurm)[doomed]["JobId"])
    told, errors = run.communicate(timeout=300)
    assert run.returncode == 1, told + errors
    assert f"{t1w('1')}: PASS" in told
    assert re.search(rf"{t1w('2')}: no result: SLURM job \d+ .*\(CANCELLED\)", told), told
    assert "Traceback" not in errors
    (done,) = (
        facts for name, facts in jobs(slurm).items() if name.startswith("deface.deface_sub_1")
    )
    assert done["NumCPUs"] == "1"
    assert "mem=" in done["TRES"], "what the node needs is asked for"
    assert int(re.search(r"mem=(\d+)M", done["TRES"])[1]) > 900
    assert not list(work.iterdir()), "pickled nodes and scripts are removed, too"
    for path in out.rglob("*"):
        assert "crash" not in path.name or "private" in path.relative_to(out).parts


def test_a_job_array_fills_one_output_folder(raw, slurm, tmp_path):
    """Two tasks at once, and the group level after both."""
    out = tmp_path / "out"
    environment = {
        **os.environ, **slurm, "BIDS_DEFACE": f"{sys.executable} -W ignore -m bids_deface",
        "SBATCH_MEM_PER_NODE": "1500", "SBATCH_OUTPUT": f"{tmp_path}/%A_%a.log",
    }  # fmt: skip
    commands = ["bash", "-eu", "-c", placed(block("sbatch --parsable"), raw, out)]
    subprocess.run(commands, check=True, env=environment, cwd=ROOT)
    end = time.monotonic() + 300
    while ask(slurm, "squeue", "-h") and time.monotonic() < end:
        time.sleep(0.2)
    said = "".join(path.read_text() for path in tmp_path.glob("*.log"))
    assert said.count("1 of 1 images passed") == 2, said
    assert "2 images summarised" in said
    with (out / "group_deface.tsv").open() as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert [row["verdict"] for row in rows] == ["PASS", "PASS"]
    assert json.loads((out / "dataset_description.json").read_text())["GeneratedBy"]
    page = (out / "group_deface.html").read_text()
    for subject in ("1", "2"):
        assert (out / f"sub-{subject}.html").is_file()
        assert t1w(subject) in page
    assert not list(out.rglob("*.part"))
