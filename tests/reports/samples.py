"""Made-up records and pictures: a dataset after defacing, without defacing anything."""

from __future__ import annotations

import io
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

NASTY = 'the file </script><img src=x onerror="alert(1)"> "ends" & isn\'t'
REGIONS = ("left eye", "right eye", "nose", "left ear", "right ear", "mouth")
DETECTORS = ("Haar frontal", "LBP frontal")
RESIDUES = {"HeightMm": 0.6, "ReliefMm": 0.3, "TissueMl": 0.0}


def passed(source: str, seed: int = 0, **more: Any) -> dict[str, Any]:
    """Return the record of an image that passed; numbers differ by seed."""
    rng = np.random.default_rng(seed)
    folder, name = source.rpartition("/")[::2]
    entities, _, suffix = name.removesuffix(".nii.gz").rpartition("_")
    subject = folder.partition("/")[0]
    picture = f"figures/{entities}_desc-%s_{suffix}.png"
    return {
        "Source": source,
        "Verdict": "PASS",
        "Reasons": [],
        "Hint": "",
        "Features": ["eyes", "nose", "ears", "mouth"],
        "Regions": {
            r: {"Status": "found", "VolumeMl": 9, "Confidence": 0.97} for r in REGIONS
        },
        "RegionsFrom": "",
        "Notes": [],
        "BrainMl": round(1400 + 90 * rng.standard_normal(), 1),
        "ChangedVoxels": 90_000,
        "ChangedShare": round(0.021 + 0.002 * rng.standard_normal(), 6),
        "ChangedVoxelsInBrain": 0,
        "ChangedVoxelsOutsideMask": 0,
        "VoxelsSparedForBrain": int(rng.integers(0, 400)),
        "FaceViewsBefore": dict.fromkeys(DETECTORS, 3),
        "FaceViewsAfter": dict.fromkeys(DETECTORS, 0),
        "Residues": {
            r: {**RESIDUES, "HeightMm": round(float(rng.uniform(-1, 1.5)), 1)} for r in REGIONS
        },
        "Seconds": round(9 + 1.5 * rng.standard_normal(), 2),
        "Files": [
            f"{folder}/{entities}_desc-defaced_{suffix}.nii.gz",
            f"{subject}/{picture % 'defaced'}",
            f"{subject}/{picture % 'regions'}",
            f"private/{subject}/{picture % 'originalcomparison'}",
        ],
        **more,
    }  # fmt: skip


def review(source: str, **more: Any) -> dict[str, Any]:
    """Return the record of an image that awaits review: all its pictures are private."""
    record = passed(source, 5)
    return {
        **record,
        "Verdict": "REVIEW",
        "Reasons": ["nose: the detector is not sure (confidence 0.41)", "a face is still found"],
        "Hint": "Look at the pictures in the private folder; nothing was released.",
        "Regions": {
            **record["Regions"],
            "nose": {"Status": "doubtful", "VolumeMl": 2, "Confidence": 0.41},
            "left ear": {"Status": "cut_off", "VolumeMl": 2, "Confidence": 0.8},
        },
        "FaceViewsAfter": {"Haar frontal": 1, "LBP frontal": 0},
        "Files": [f"private/{name}" for name in record["Files"] if name.startswith("sub-")],
        **more,
    }


def failed(source: str, reason: str = NASTY) -> dict[str, Any]:
    """Return the record of an image for which nothing was written."""
    return {
        "Source": source,
        "Verdict": "FAIL",
        "Reasons": [reason],
        "Hint": "Get the file again from its source.",
        "Features": ["eyes", "nose", "ears", "mouth"],
        "Seconds": 0.1,
        "Files": [],
    }


def a_map(source: str) -> dict[str, Any]:
    """Return the record of a map: nobody could look at its skin."""
    blind = dict.fromkeys(("FaceViewsBefore", "FaceViewsAfter", "Residues"))
    record = passed(source, 6, **blind, RegionsFrom="sub-01/anat/sub-01_T1w.nii.gz")
    files = [name for name in record["Files"] if "desc-defaced_T1map.png" not in name]
    return {**record, "Files": files}


def a_dataset() -> list[dict[str, Any]]:
    """Return records of everything that may happen; ``sub-07_ses-1`` took far too long."""
    records = []
    for subject in range(1, 13):
        for session in (1, 2):
            name = f"sub-{subject:02}/ses-{session}/anat/sub-{subject:02}_ses-{session}"
            records.append(passed(f"{name}_T1w.nii.gz", 10 * subject + session))
            records.append(passed(f"{name}_T2w.nii.gz", 1000 * subject + session))
    by_source = {record["Source"]: record for record in records}
    slow = "sub-07/ses-1/anat/sub-07_ses-1_T1w.nii.gz"
    small = "sub-03/ses-2/anat/sub-03_ses-2_T2w.nii.gz"
    by_source[slow] |= {"Seconds": 95.0, "Notes": ["the head is upside down"] * 2}
    by_source[small] |= {"BrainMl": 610.0}
    doubtful = "sub-04/ses-1/anat/sub-04_ses-1_T2w.nii.gz"
    by_source[doubtful] = review(doubtful)
    for source, record in (
        ("sub-02/ses-1/anat/sub-02_ses-1_FLAIR.nii.gz", failed),
        ("sub-01/ses-1/anat/sub-01_ses-1_T1map.nii.gz", a_map),
        ("sub-05/ses-2/anat/sub-05_ses-2_acq-high_run-1_T1w.nii.gz", review),
    ):
        by_source[source] = record(source)
    return [by_source[source] for source in sorted(by_source)]


def write_dataset(folder: Path, records: list[dict[str, Any]]) -> Path:
    """Write records, and a picture for every one that they name."""
    logs = folder / "logs" / "images"
    logs.mkdir(parents=True, exist_ok=True)
    for number, record in enumerate(records):
        (logs / f"{number:04}.json").write_text(json.dumps(record))
        for name in record["Files"]:
            if name.endswith(".png"):
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_bytes(_png())
    return folder


@lru_cache
def _png() -> bytes:
    """Return four balls side by side."""
    rows, columns = np.mgrid[0:261, 0:936]
    ball = 1 - np.hypot((columns % 234 - 117) / 80, (rows - 130) / 105)
    grey = np.clip(60 + 190 * ball, 16, 255) * (ball > 0)
    content = io.BytesIO()
    Image.fromarray(grey.astype(np.uint8)).save(content, "PNG")
    return content.getvalue()
