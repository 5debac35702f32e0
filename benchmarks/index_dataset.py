"""Time to plan a large dataset of empty files, without a database, while making one, with one.

Usage: python benchmarks/index_dataset.py [subjects] [sessions]
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

from bids_deface.cli.main import main

IMAGES = (
    "anat/{}_T1w",
    "anat/{}_T2w",
    "func/{}_task-rest_run-1_bold",
    "func/{}_task-rest_run-2_bold",
    "dwi/{}_dir-AP_dwi",
    "fmap/{}_magnitude1",
    "fmap/{}_phasediff",
)


def make_dataset(folder: Path, subjects: int, sessions: int) -> None:
    """Write empty images, each with a sidecar of its own."""
    description = {"Name": "large", "BIDSVersion": "1.10.0"}
    (folder / "dataset_description.json").write_text(json.dumps(description))
    for subject in range(1, subjects + 1):
        for session in range(1, sessions + 1):
            stem = f"sub-{subject:04}_ses-{session}"
            for image in IMAGES:
                path = folder / stem.replace("_", "/") / image.format(stem)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.with_name(f"{path.name}.nii.gz").touch()
                path.with_name(f"{path.name}.json").write_text('{"EchoTime": 0.003}')


def seconds(*args: str | Path) -> float:
    """Return the time of a dry run."""
    began = time.monotonic()
    if main([*map(str, args), "participant", "--dry-run"]) != 0:
        sys.exit("the dry run failed")
    return time.monotonic() - began


if __name__ == "__main__":
    subjects, sessions = (int(n) for n in (*sys.argv[1:], "500", "2")[:2])
    with tempfile.TemporaryDirectory() as work:
        raw, out, database = (Path(work) / name for name in ("raw", "out", "database"))
        raw.mkdir()
        make_dataset(raw, subjects, sessions)
        cases = {
            "without database": (raw, out),
            "making a database": (raw, out, "--bids-database-dir", database),
            "with that database": (raw, out, "--bids-database-dir", database),
        }
        for name, args in cases.items():
            sys.stderr.write(f"{name}: {seconds(*args):.1f} s\n")
