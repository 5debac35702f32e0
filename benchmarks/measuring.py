"""What the benchmarks share: made-up heads, fresh processes, seconds and memory."""

from __future__ import annotations

import multiprocessing
import os
import platform
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any


def made_up_head(path: Path, zoom_mm: float, shape: tuple[int, int, int], seed: int = 1) -> Path:
    """Write a head made from the population average, int16, with noise in its air."""
    import nibabel as nib
    import numpy as np
    from scipy import ndimage

    from bids_deface.population import synthetic_head

    head = synthetic_head(np.random.default_rng(seed))
    affine = np.diag([zoom_mm, zoom_mm, zoom_mm, 1.0])
    middle = head.affine[:3, :3] @ (np.array(head.data.shape) / 2) + head.affine[:3, 3]
    affine[:3, 3] = middle - zoom_mm * np.array(shape) / 2
    matrix = np.linalg.inv(head.affine) @ affine
    data = ndimage.affine_transform(head.data, matrix[:3, :3], matrix[:3, 3], shape, order=1)
    noise = np.random.default_rng(seed + 1).rayleigh(12, data.shape)
    nib.save(nib.Nifti1Image((data + noise).astype(np.int16), affine), path)
    return path


def apart(function: Callable[..., Any], *args: Any) -> Any:
    """Call a function in a fresh process: a process inherits its parent's peak memory."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *args).result()


def cold(command: list[str]) -> tuple[float, float]:
    """Return seconds and peak MiB of a command in a process of its own."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{command[:4]} failed")
    return time.perf_counter() - began, usage.ru_maxrss / 1024


def forget_peak() -> None:
    """Let :func:`peak_mib` begin anew (Linux)."""
    Path("/proc/self/clear_refs").write_text("5")


def peak_mib() -> float:
    """Return the most memory this process has held since :func:`forget_peak` (Linux)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return float(next(line.split()[1] for line in lines if line.startswith("VmHWM"))) / 1024


def session_mib(leader: int) -> float:
    """Return the memory that a session's processes hold just now, in MiB (Linux)."""
    pages = 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            # After the name, which may hold anything: state, parent, group, session.
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            pages += int(fields[21]) if int(fields[3]) == leader else 0
        except OSError:
            continue
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def machine() -> str:
    """Describe this machine: processor, cores, memory, versions."""
    import torch

    info = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.partition(": ")[2] for line in info if line.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    cores = len(os.sched_getaffinity(0))
    return (
        f"{names[0] if names else platform.processor()}, {cores} cores, {memory:.0f} GiB, "
        f"Python {platform.python_version()}, torch {torch.__version__.partition('+')[0]}"
    )
