"""Time and memory of one scan, step by step, against a plain nibabel load and save.

    python benchmarks/scan_time.py [SCAN.nii.gz ...] [--runs 5]

Without a scan, two made-up heads are used, int16: 1 mm, 176 x 256 x 256, and 0.7 mm,
256 x 320 x 320. All is measured in the same run, turn by turn; the ratios hold better than the
seconds. The steps run in a process that has loaded libraries and weights, as a worker of a batch
has; ``cold`` is a new process from its start to the defaced file.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from measuring import apart, cold, forget_peak, machine, made_up_head, peak_mib

HEADS = {"1 mm": (1.0, (176, 256, 256)), "0.7 mm": (0.7, (256, 320, 320))}
NIBABEL = """
import sys, nibabel as nib, numpy as np
image = nib.load(sys.argv[1])
copy = image.__class__(np.asanyarray(image.dataobj), image.affine, image.header)
nib.save(copy, sys.argv[2])
"""
#: Functions of the job that are timed where they are called: module, name, step.
STEPS = (
    ("deface_file", "load_volume", "load"),
    ("detection.looks", "interpret", "regions on the detector's grid"),
    ("detection.detector", "conform", "to the detector's grid"),
    ("detection.detector", "predict_array", "network"),
    ("detection.detector", "paint", "regions in the scan's grid"),
    ("case", "guard_brain", "shape of the brain"),
    ("deface", "_edits", "hide"),
    ("deface", "count_changes", "compare with the input"),
    ("deface", "_inspect", "look for a face and residues"),
)


def nibabel_copy(source: Path, target: Path) -> None:
    """Load every voxel with nibabel and save it again."""
    import nibabel as nib
    import numpy as np

    image = nib.load(source)
    nib.save(image.__class__(np.asanyarray(image.dataobj), image.affine, image.header), target)


class Watch:
    """Adds up the seconds of steps, and keeps the most memory that each has seen."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.peak: dict[str, float] = defaultdict(float)

    def watched(self, step: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function that does the same and is timed."""

        def call(*args: Any, **kwargs: Any) -> Any:
            forget_peak()
            began = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                self.seconds[step] += time.perf_counter() - began
                self.peak[step] = max(self.peak[step], peak_mib())

        return call


def watch_steps() -> Watch:
    """Time the steps of every job of this process from now on."""
    from importlib import import_module

    watch = Watch()
    for module, name, step in STEPS:
        there = import_module(f"bids_deface.{module}")
        setattr(there, name, watch.watched(step, getattr(there, name)))
    return watch


def steps(scan: Path, folder: Path, runs: int) -> dict[str, tuple[float, float]]:
    """Return seconds (median) and peak MiB of each step; the first run warms up."""
    from bids_deface.checked_save import save_defaced
    from bids_deface.containers.save import save_volume
    from bids_deface.deface_file import deface_file
    from bids_deface.detection.detector import FeatureDetector
    from bids_deface.reports.pictures import draw_pictures
    from bids_deface.settings import DefaceSettings

    watch = watch_steps()
    detector, settings = FeatureDetector(), DefaceSettings.of()
    rows: dict[str, list[float]] = defaultdict(list)
    files = {name: folder / f"{name}.nii.gz" for name in ("defaced", "mask", "dseg")}
    for run in range(runs + 1):
        watch.seconds.clear()
        watch.watched("nibabel load and save", nibabel_copy)(scan, folder / "n.nii.gz")
        began = time.perf_counter()
        result = deface_file(scan, settings, detector)
        saved = watch.watched("save and read back", save_defaced)
        saved(result, files["defaced"], scan)
        watch.seconds["whole job"] = time.perf_counter() - began
        masks = watch.watched("save mask and regions", save_volume)
        masks(result.mask_volume, files["mask"])
        masks(result.dseg_volume, files["dseg"])
        drawn = watch.watched("pictures and mesh", draw_pictures)
        drawn(
            scan, *files.values(), threshold=result.features.threshold,
            turn=result.features.turn, folder=folder, regions=result.features.dseg,
        )  # fmt: skip
        watch.seconds["whole job with report"] = time.perf_counter() - began
        for step, seconds in watch.seconds.items():
            rows[step] += [seconds] if run else []
    return {step: (statistics.median(s), watch.peak[step]) for step, s in rows.items()}


def main() -> None:
    """Print a table for each scan."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("scans", nargs="*", type=Path)
    parser.add_argument("--runs", type=int, default=5)
    args = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        scans = {scan.name: scan for scan in args.scans} or {
            f"{title}, {' x '.join(map(str, shape))}": apart(
                made_up_head, folder / f"{zoom}.nii.gz", zoom, shape
            )
            for title, (zoom, shape) in HEADS.items()
        }
        for title, scan in scans.items():
            found = apart(steps, scan, folder, args.runs)
            out = folder / "cold.nii.gz"
            ours = [sys.executable, "-m", "bids_deface.cli.image", str(scan), str(out)]
            plain = [sys.executable, "-c", NIBABEL, str(scan), str(folder / "n.nii.gz")]
            pairs = [(cold(ours), cold(plain)) for _ in range(args.runs)]
            for side, what in ((1, "cold: nibabel"), (0, "cold: new process to defaced file")):
                found[what] = (
                    statistics.median(pair[side][0] for pair in pairs),
                    max(pair[side][1] for pair in pairs),
                )
            report(title, found)


def report(title: str, found: dict[str, tuple[float, float]]) -> None:
    """Print one scan's steps as a table."""
    base, network = found["nibabel load and save"][0], found["network"][0]
    print(f"\n{title}; medians\n")
    print("| step | seconds | x nibabel | x network | peak MiB |\n|---|---|---|---|---|")
    for step, (seconds, peak) in found.items():
        ratios = f"{seconds / base:.1f} | {seconds / network:.1f}"
        print(f"| {step} | {seconds:.2f} | {ratios} | {f'{peak:.0f}' if peak else ''} |")


if __name__ == "__main__":
    main()
