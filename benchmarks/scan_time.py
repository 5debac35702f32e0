"""Time and memory of the whole job on one scan, against a plain nibabel load and save.

    python benchmarks/scan_time.py [SCAN.nii.gz ...] [--runs 5]

Without a scan, a made-up head of 1 mm, 256 x 256 x 176, int16, is used. Both sides are measured in
the same run, turn by turn; the ratios hold better than the seconds. ``cold`` is a new process from
start to end, ``warm`` one that has loaded libraries and weights, as a worker of a batch has.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

NIBABEL = """
import sys, nibabel as nib, numpy as np
image = nib.load(sys.argv[1])
copy = image.__class__(np.asanyarray(image.dataobj), image.affine, image.header)
nib.save(copy, sys.argv[2])
"""


def nibabel_copy(source: Path, target: Path) -> None:
    """Load every voxel with nibabel and save it again."""
    import nibabel as nib
    import numpy as np

    image = nib.load(source)
    nib.save(image.__class__(np.asanyarray(image.dataobj), image.affine, image.header), target)


def timed(function, *args) -> float:
    """Return the seconds of one call."""
    began = time.perf_counter()
    function(*args)
    return time.perf_counter() - began


def cold(command: list[str]) -> tuple[float, float]:
    """Return seconds and peak MiB of a command in a process of its own."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{command[:4]} failed")
    return time.perf_counter() - began, usage.ru_maxrss / 1024


def made_up_head(path: Path) -> Path:
    """Write a 1 mm head, 256 x 256 x 176, int16."""
    import nibabel as nib
    import numpy as np
    from scipy import ndimage

    from bids_deface.population import synthetic_head

    head = synthetic_head(np.random.default_rng(1))
    affine = np.diag([1.0, 1.0, 1.0, 1.0])
    affine[:3, 3] = head.affine[:3, 3]
    matrix = np.linalg.inv(head.affine) @ affine
    data = ndimage.affine_transform(
        head.data, matrix[:3, :3], matrix[:3, 3], (176, 256, 256), order=1
    )
    noise = np.random.default_rng(2).rayleigh(12, data.shape)
    nib.save(nib.Nifti1Image((data + noise).astype(np.int16), affine), path)
    return path


def warm(scan: Path, folder: Path, runs: int) -> tuple[dict[str, list[float]], float]:
    """Time the steps in this process, turn by turn; return seconds and peak MiB."""
    from bids_deface.containers.load import load_volume
    from bids_deface.containers.save import save_volume
    from bids_deface.deface import deface_volume
    from bids_deface.detection.detector import FeatureDetector
    from bids_deface.reports.pictures import draw_pictures
    from bids_deface.settings import DefaceSettings
    from bids_deface.volume import canonical_affine, canonical_view, spatial_mean

    detector, settings = FeatureDetector(), DefaceSettings.of()
    names = ("nibabel load and save", "our load", "detection", "whole job", "our save", "pictures")
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for run in range(runs + 1):
        row = {"nibabel load and save": timed(nibabel_copy, scan, folder / "n.nii.gz")}
        row["our load"] = timed(load_volume, scan)
        volume = load_volume(scan)
        image = canonical_view(spatial_mean(volume), volume.affine)
        affine = canonical_affine(image.shape, volume.affine)
        row["detection"] = timed(detector.detect, image, affine)
        began = time.perf_counter()
        result = deface_volume(load_volume(scan), settings, detector)
        row["our save"] = timed(save_volume, result.volume, folder / "defaced.nii.gz")
        save_volume(result.mask_volume, folder / "mask.nii.gz")
        save_volume(result.dseg_volume, folder / "dseg.nii.gz")
        row["whole job"] = time.perf_counter() - began
        files = (scan, *(folder / f"{n}.nii.gz" for n in ("defaced", "mask", "dseg")))
        draw = partial(
            draw_pictures,
            threshold=result.features.threshold,
            turn=result.features.turn,
            folder=folder,
        )
        row["pictures"] = timed(draw, *files)
        if run:  # the first one warms up
            for name, value in row.items():
                seconds[name].append(value)
    return seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def apart(function, *args):
    """Call a function in a fresh process: a process inherits its parent's peak memory."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(function, *args).result()


def main() -> None:
    """Print a table for each scan."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("scans", nargs="*", type=Path)
    parser.add_argument("--runs", type=int, default=5)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for scan in args.scans or [apart(made_up_head, folder / "head_1mm.nii.gz")]:
            print(f"{scan.name}, {args.runs} runs, {os.cpu_count()} cores; medians")
            rows, peak = apart(warm, scan, folder, args.runs)
            base = statistics.median(rows["nibabel load and save"])
            for step, values in rows.items():
                middle = statistics.median(values)
                print(f"  {step:<24}{middle:7.2f} s  {middle / base:6.2f} x nibabel")
            print(f"  {'peak memory':<24}{peak:7.0f} MiB")
            out = folder / "cold.nii.gz"
            ours = [sys.executable, "-m", "bids_deface.cli.image", str(scan), str(out)]
            plain = [sys.executable, "-c", NIBABEL, str(scan), str(folder / "n.nii.gz")]
            pairs = [(cold(ours), cold(plain)) for _ in range(args.runs)]
            one = statistics.median(a[0] for a, _ in pairs)
            two = statistics.median(b[0] for _, b in pairs)
            ratio = statistics.median(a[0] / b[0] for a, b in pairs)
            memory = [max(p[side][1] for p in pairs) for side in (0, 1)]
            print(f"  {'cold, one process':<24}{one:7.2f} s  {ratio:6.2f} x nibabel ({two:.2f} s)")
            print(f"  {'cold, peak memory':<24}{memory[0]:7.0f} MiB, nibabel {memory[1]:.0f} MiB")


if __name__ == "__main__":
    main()
