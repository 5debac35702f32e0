"""Time of a whole BIDS run, everything included, and the memory of all its processes.

    python benchmarks/batch_time.py [--scans 20] [--nprocs 2] [--different 4]

The dataset holds made-up heads of 1 mm, 176 x 256 x 256, int16, one for each participant; only so
many of them differ, the others are links to these. Memory is that of the processes together, twice
a second; what they share is counted once (Pss). The growth compares the last quarter of the run
with the second: a leak would show.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measuring import apart, machine, made_up_head

SHAPE = (176, 256, 256)


def dataset(folder: Path, scans: int, different: int) -> Path:
    """Make a BIDS dataset."""
    raw = folder / "raw"
    raw.mkdir()
    description = {"Name": "made-up heads", "BIDSVersion": "1.10.0", "DatasetType": "raw"}
    (raw / "dataset_description.json").write_text(json.dumps(description))
    heads = [
        apart(made_up_head, folder / f"{n}.nii.gz", 1.0, SHAPE, n + 1)
        for n in range(min(different, scans))
    ]
    for n in range(scans):
        place = raw / f"sub-{n + 1:03d}" / "anat" / f"sub-{n + 1:03d}_T1w.nii.gz"
        place.parent.mkdir(parents=True)
        place.hardlink_to(heads[n % len(heads)])
    return raw


def family(pid: int) -> list[int]:
    """Return a process and all below it."""
    out = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            out += family(int(child))
    return out


def memory_mib(pid: int) -> float:
    """Return the memory of a process and all below it, what they share counted once."""
    total = 0
    for member in family(pid):
        try:
            lines = Path(f"/proc/{member}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)
    return total / 1024


def main() -> None:
    """Print seconds for a scan, and memory."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scans", type=int, default=20)
    parser.add_argument("--nprocs", type=int, default=2)
    parser.add_argument("--different", type=int, default=4)
    args = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        raw = dataset(folder, args.scans, args.different)
        command = [sys.executable, "-m", "bids_deface.cli.main", str(raw), str(folder / "out")]
        command += ["participant", "--nprocs", str(args.nprocs), "-w", str(folder / "work")]
        began, samples = time.perf_counter(), []
        process = subprocess.Popen([*command, "--clean-workdir"], stdout=subprocess.DEVNULL)
        while process.poll() is None:
            samples.append(memory_mib(process.pid))
            time.sleep(0.5)
        seconds = time.perf_counter() - began
        if process.returncode:
            raise SystemExit(f"the run ended with {process.returncode}")
    quarter = max(1, len(samples) // 4)
    early, late = (
        statistics.median(q) for q in (samples[quarter : 2 * quarter], samples[-quarter:])
    )
    print(f"{args.scans} scans, --nprocs {args.nprocs}: {seconds:.0f} s in all,")
    print(f"{seconds / args.scans:.1f} s a scan; peak memory {max(samples):.0f} MiB in all,")
    print(f"{late / early:.2f} x as much in the last quarter of the run as in the second")


if __name__ == "__main__":
    main()
