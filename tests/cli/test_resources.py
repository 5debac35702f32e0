from __future__ import annotations

import os

import pytest

from bids_deface.cli.resources import usable_cores, usable_memory_gb


@pytest.fixture
def machine(tmp_path):
    """Return a function that asks for the memory on a machine with such control groups."""

    def ask(own: str, limits: dict[str, str], **environ: str) -> float:
        (tmp_path / "own").write_text(own)
        for name, limit in limits.items():
            path = tmp_path / "groups" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(limit)
        return usable_memory_gb(environ, tmp_path / "groups", tmp_path / "own")

    return ask


def test_cores_are_those_of_the_job():
    own = usable_cores({})
    assert own >= 1
    assert usable_cores({"SLURM_CPUS_PER_TASK": "1"}) == 1
    assert usable_cores({"SLURM_CPUS_ON_NODE": "1"}) == 1
    assert usable_cores({"SLURM_CPUS_ON_NODE": "9999"}) == own
    assert usable_cores({"SLURM_CPUS_ON_NODE": "two"}) == own


def test_memory_is_that_of_the_machine_where_nothing_limits_it(machine):
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    assert machine("0::/\n", {"memory.max": "max\n"}) == whole
    assert machine("", {}) == whole


def test_the_smallest_limit_around_the_process_counts(machine):
    limits = {"memory.max": f"{2**30}", "job/memory.max": f"{2**29}", "job/step/memory.max": "max"}
    assert machine("0::/job/step\n", limits) == 0.5
    old = {"memory/job/memory.limit_in_bytes": f"{2**28}"}
    assert machine("4:cpu,memory:/job\n1:name=systemd:/x\n", old) == 0.25


def test_memory_is_that_of_the_job(machine):
    assert machine("", {}, SLURM_MEM_PER_NODE="512") == 0.5
    assert machine("", {}, SLURM_MEM_PER_CPU="128", SLURM_CPUS_ON_NODE="2") == 0.25
    assert machine("", {}, SLURM_MEM_PER_NODE="0") > 0.5, "SLURM's word for all of it"
