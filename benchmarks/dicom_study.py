"""Time and memory of bids-deface-dicom on a study of many slices.

    python benchmarks/dicom_study.py [--series 5] [--slices 200] [--nprocs 1]

Each series is a made-up head of 256 x 256 pixels, uint16, 1 mm, moved by some voxels; one file
a slice, all in one folder. Reported is the most memory that any one process held.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
WRITE = """
import sys
from pathlib import Path
import numpy as np
from bids_deface.population import synthetic_head
from tests.dicom.made import sagittal, write_series

folder, n_series, n_slices = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
data, affine = sagittal(synthetic_head(np.random.default_rng(7), zoom=2 / 3))
pads = [(max(0, n - size) // 2, n - size - max(0, n - size) // 2 if n > size else 0)
        for n, size in zip((256, 256, n_slices), data.shape)]
cuts = [max(0, size - n) // 2 for n, size in zip((256, 256, n_slices), data.shape)]
data = np.pad(data, pads, mode="wrap")
data = data[tuple(slice(cut, cut + n) for cut, n in zip(cuts, (256, 256, n_slices)))]
affine[:3, 3] += affine[:3, :3] @ [cut - pad[0] for cut, pad in zip(cuts, pads)]
for n in range(n_series):
    write_series(folder, np.roll(data, n, axis=1), affine, name=f"series{n}", SeriesNumber=n + 1)
"""


def main() -> None:
    """Make a study, run the command on it, print what it took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--series", type=int, default=5)
    parser.add_argument("--slices", type=int, default=200)
    parser.add_argument("--nprocs", type=int, default=1)
    args = parser.parse_args()
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with tempfile.TemporaryDirectory() as name:
        raw, out = Path(name) / "raw", Path(name) / "out"
        counts = [str(args.series), str(args.slices)]
        # In a process of its own: what it takes must not be counted.
        written = [sys.executable, "-c", WRITE, str(raw), *counts]
        subprocess.run(written, check=True, env=environment)
        files = list(raw.iterdir())
        size = sum(path.stat().st_size for path in files)
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        began = time.perf_counter()
        command = [sys.executable, "-m", "bids_deface.cli.dicom", str(raw), str(out)]
        done = subprocess.run(
            [*command, "--nprocs", str(args.nprocs)], check=False, env=environment
        )
        seconds = time.perf_counter() - began
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        n_written = len(list(out.rglob("*.dcm")))
    told = "at most " if peak == before else ""
    print(
        f"{len(files)} files of {args.series} series, {size / 1e6:.0f} MB; exit {done.returncode}"
    )
    print(f"{n_written} written in {seconds:.0f} s; largest process: {told}{peak / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
