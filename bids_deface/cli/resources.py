"""How many cores and how much memory this process may use: the machine's, or its job's."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

GIB = 2**30
#: Where the kernel tells its limits; a container has its own.
CGROUPS = Path("/sys/fs/cgroup")
OWN_GROUPS = Path("/proc/self/cgroup")


def usable_cores(environ: Mapping[str, str] = os.environ) -> int:
    """Return the number of cores: of the machine, of this process, of its SLURM job.

    Parameters
    ----------
    environ
        Environment variables; SLURM tells what the job was given.
    """
    own = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    told = _number(environ, "SLURM_CPUS_PER_TASK") or _number(environ, "SLURM_CPUS_ON_NODE")
    return max(1, min(own, int(told or own)))


def usable_memory_gb(
    environ: Mapping[str, str] = os.environ,
    cgroups: Path = CGROUPS,
    own_groups: Path = OWN_GROUPS,
) -> float:
    """Return the memory in GiB: of the machine, of the container, of the SLURM job.

    Parameters
    ----------
    environ
        Environment variables.
    cgroups
        Folder of the kernel's control groups, version 1 or 2.
    own_groups
        File that names those of this process.
    """
    limits = [_machine_gb(), *_group_limits_gb(cgroups, own_groups)]
    per_core = _number(environ, "SLURM_MEM_PER_CPU")
    of_node = _number(environ, "SLURM_MEM_PER_NODE")
    if of_node:
        limits.append(of_node / 1024)
    elif per_core:
        limits.append(per_core * (_number(environ, "SLURM_CPUS_ON_NODE") or 1) / 1024)
    return min(limits)


def _machine_gb() -> float:
    try:
        return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIB)
    except (AttributeError, ValueError, OSError):
        return 8.0


def _group_limits_gb(cgroups: Path, own_groups: Path) -> Iterator[float]:
    """Yield the limits of this process's control group and of all groups around it."""
    try:
        lines = own_groups.read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, place = line.split(":", 2)
        if controllers == "":
            root, name = cgroups, "memory.max"
        elif "memory" in controllers.split(","):
            root, name = cgroups / "memory", "memory.limit_in_bytes"
        else:
            continue
        group = root / place.lstrip("/")
        # In a container the path may be that of the machine outside: then the root counts.
        for folder in (group, *group.parents):
            with suppress(OSError, ValueError):
                yield int((folder / name).read_text(encoding="utf-8")) / GIB
            if folder == root:
                break


def _number(environ: Mapping[str, str], name: str) -> float:
    """Return a variable that holds a number above 0; 0 where there is none."""
    try:
        return max(0.0, float(environ[name]))
    except (KeyError, ValueError):
        return 0.0
