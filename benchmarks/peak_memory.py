"""Peak memory of the whole job on one scan, from file to file, as a multiple of its voxels.

    python benchmarks/peak_memory.py [SCAN.nii] [--zoom 0.5]

Without a scan, a made-up head of 0.5 mm, int16, is used (about 200 MB). Counted is what comes on
top of a process that has loaded libraries and weights: the scan's own voxels are the first 1.0.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

from measuring import apart, made_up_head

#: Field of view of the made-up head, mm.
FIELD_MM = (186.0, 258.0, 258.0)


def peak_mb() -> float:
    """Return the greatest memory this process has held, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def measure(path: Path) -> dict[str, float]:
    """Return MB and seconds of the job on one scan."""
    import cv2
    from scipy.sparse import linalg
    from skimage import feature

    from bids_deface.checked_save import save_defaced
    from bids_deface.deface_file import deface_file
    from bids_deface.detection.detector import FeatureDetector
    from bids_deface.settings import DefaceSettings

    assert None not in (cv2, linalg, feature)
    detector, base = FeatureDetector(), peak_mb()
    began = time.perf_counter()
    result = deface_file(path, DefaceSettings.of(random_seed=1), detector)
    save_defaced(result, path.with_name("defaced.nii"), path)
    seconds = time.perf_counter() - began
    return {
        "base": base,
        "voxels": result.volume.data.nbytes / 1e6,
        "peak": peak_mb() - base,
        "seconds": seconds,
        "changed": result.changes.changed,
    }


def main() -> None:
    """Print the ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("scan", nargs="?", type=Path, help="uncompressed NIfTI")
    parser.add_argument("--zoom", type=float, default=0.5, help="voxel size, mm")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        scan = args.scan or Path(folder) / "head.nii"
        if args.scan is None:
            i, j, k = (round(side / args.zoom) for side in FIELD_MM)
            apart(made_up_head, scan, args.zoom, (i, j, k))
        seen = apart(measure, scan)
    print(f"{scan.name}: {seen['voxels']:.0f} MB of voxels, {seen['seconds']:.0f} s")
    print(f"peak {seen['peak']:.0f} MB above {seen['base']:.0f} MB of libraries and weights:")
    print(f"{seen['peak'] / seen['voxels']:.2f} x the voxels")


if __name__ == "__main__":
    main()
