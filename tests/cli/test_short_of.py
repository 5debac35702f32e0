"""No space, no memory, a folder that cannot be written: said in words, and the rest goes on."""

from __future__ import annotations

import resource
import shutil
import subprocess
import sys
import time

import pytest

from tests.conftest import command
from tests.running import coarse_dataset, kill_those_in, start, t1w

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc, mounts")


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    """A dataset with a small and a large scan."""
    return coarse_dataset(tmp_path_factory.mktemp("short") / "raw", {"1": 2.5, "2": 1})


@pytest.fixture
def small_disk(tmp_path):
    """Return a function that mounts a file system of a few megabytes."""
    mounted = []

    def make(name: str, options: str):
        folder = tmp_path / name
        folder.mkdir()
        mount = shutil.which("mount")
        made = mount and subprocess.run(
            [mount, "-t", "tmpfs", "-o", options, "tmpfs", folder], check=False
        )
        if not made or made.returncode:
            pytest.skip("no file system can be mounted here")
        mounted.append(folder)
        return folder

    yield make
    for folder in mounted:
        subprocess.run(["umount", "-l", folder], check=True)


def test_a_full_work_folder_costs_what_does_not_fit(raw, small_disk, tmp_path):
    work = small_disk("work", "size=2500k")
    out = tmp_path / "out"
    done = command(raw, out, "participant", "-w", work, "--nprocs", "1", "--clean-workdir")
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"{t1w('1')}: PASS" in done.stdout
    (line,) = (line for line in done.stdout.splitlines() if t1w("2") in line)
    assert "no result" in line
    assert "No space left on device" in line
    assert "Traceback" not in done.stderr
    (log,) = (out / "logs").glob("run-*.log")
    assert f"{t1w('2')}: no result\n" in log.read_text(), "and no place on this machine"
    assert list(work.iterdir()) == [], "what was begun is removed, too"


def test_a_full_output_folder_is_told_and_shows_nothing_half_written(raw, tmp_path):
    """A limit of file sizes stands for the disk: it needs no rights."""
    out = tmp_path / "out"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, before[1]))
    try:
        run = start(raw, out, "participant", "--participant-label", "2")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    told, errors = run.communicate(timeout=300)
    assert run.returncode == 1, told + errors
    assert "no result: Cannot write" in told
    assert "Make space, then run the same command again" in told
    assert "Traceback" not in errors
    assert not list((out / "sub-2").rglob("*.nii.gz"))
    assert not list(out.rglob("*.part"))


def test_an_output_folder_that_is_full_from_the_start(raw, small_disk):
    done = command(raw, small_disk("out", "size=8k"), "participant")
    assert done.returncode == 73
    assert "bids-deface: Cannot write" in done.stderr
    assert "No space left on device. Make space" in done.stderr


@pytest.mark.parametrize("kind", ["below a file", "read-only"])
def test_a_work_folder_that_cannot_be_written(raw, small_disk, tmp_path, kind):
    if kind == "read-only":
        work = small_disk("work", "size=1m,ro")
    else:
        (tmp_path / "file").write_text("x")
        work = tmp_path / "file" / "work"
    done = command(raw, tmp_path / "out", "participant", "-w", work)
    assert done.returncode == 73
    assert f"The work folder {work} cannot be written: " in done.stderr
    assert "Choose another -w" in done.stderr


def test_a_worker_that_is_killed_costs_its_image(raw, tmp_path):
    out, work = tmp_path / "out", tmp_path / "work"
    run = start(raw, out, "participant", "-w", work, "--nprocs", "1")
    while run.poll() is None:
        for folder in work.glob("*/sub_2_wf/deface_sub_2_T1w_wf/deface"):
            kill_those_in(folder)
        time.sleep(0.05)
    told, errors = run.communicate()
    assert run.returncode == 1, told + errors
    assert f"{t1w('1')}: PASS" in told
    assert f"{t1w('2')}: no result: The worker process was killed" in told
    assert "fewer --nprocs" in told
    assert "Traceback" not in errors
    assert len(list((out / "private" / "logs").glob("crash-*.txt"))) == 1
    assert any((out / "sub-1" / "anat").iterdir())
