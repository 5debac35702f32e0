"""Records of all images to the rows of the group page: pure data, no files."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, Final

from bids_deface.reports.outliers import outliers_among
from bids_deface.reports.records import (
    anchor_of,
    by_subject,
    feature_names,
    feature_statuses,
    page_of,
)

#: Columns whose distribution is drawn, and what they are called there.
DISTRIBUTIONS: Final[Mapping[str, str]] = {
    "changed": "Changed share of the image (%)",
    "brain": "Brain volume (ml)",
    "seconds": "Time (s)",
    "nose_left": "Height left of the nose (mm)",
}

Row = dict[str, Any]


def group_rows(records: Sequence[dict[str, Any]]) -> list[Row]:
    """Return one row for each image, in the order of the records.

    Parameters
    ----------
    records
        Of all images, sorted by source.

    Returns
    -------
    list of dict
        Names, verdict and numbers (None where there is none), where the image is on its subject's
        page (``link``), and in ``outliers`` the columns of ``DISTRIBUTIONS`` in which the image
        stands out from those of the same suffix.
    """
    links = {
        str(record["Source"]): f"{page_of(subject)}#{anchor_of(position)}"
        for subject, own in by_subject(records).items()
        for position, record in enumerate(own)
    }
    features = feature_names(records)
    rows = [{**_row(record, features), "link": links[str(record["Source"])]} for record in records]
    # A slab of BOLD is no outlier among whole heads, nor the other way round.
    kinds = [row["suffix"] for row in rows]
    for name in DISTRIBUTIONS:
        # A failed image took no time: next to it all others would stand out.
        values = [None if row["verdict"] == "FAIL" else row[name] for row in rows]
        for row, stands_out in zip(rows, outliers_among(values, kinds), strict=True):
            if stands_out:
                row["outliers"].append(name)
    return rows


def _row(record: dict[str, Any], features: Sequence[str]) -> Row:
    return {
        **_names(str(record["Source"])),
        "verdict": str(record.get("Verdict", "FAIL")),
        "reasons": [str(reason) for reason in record.get("Reasons", [])],
        "hint": str(record.get("Hint", "")),
        "notes": _notes(record),
        "statuses": _statuses(record, features),
        **_numbers(record),
        "outliers": [],
    }


def _names(source: str) -> Row:
    """Return what a raw image's name says: subject, session ("" for none), suffix."""
    path = PurePosixPath(source)
    stem = path.name.partition(".")[0]
    session = next((p[4:] for p in path.parts[:-1] if p.startswith("ses-")), "")
    subject = path.parts[0].removeprefix("sub-")
    suffix = stem.rpartition("_")[2]
    return {
        "source": source, "name": stem, "subject": subject, "session": session, "suffix": suffix,
    }  # fmt: skip


def _notes(record: dict[str, Any]) -> list[str]:
    notes = [str(note) for note in record.get("Notes", [])]
    if record.get("RegionsFrom"):
        notes.insert(0, f"regions taken from {record['RegionsFrom']}")
    return notes


def _statuses(record: dict[str, Any], features: Sequence[str]) -> list[str]:
    """Return the status of each feature, "" where the image could not be judged."""
    known = feature_statuses(record)
    chosen = record.get("Features", list(features))
    return [
        f"{known.get(f, '')}{'' if f in chosen or f not in known else '; not to be hidden'}"
        for f in features
    ]


def _numbers(record: dict[str, Any]) -> Row:
    share = _finite(record.get("ChangedShare"))
    residues = record.get("Residues") or {}
    before, after = record.get("FaceViewsBefore"), record.get("FaceViewsAfter")
    height, height_at = _largest(residues, "HeightMm")
    relief, relief_at = _largest(residues, "ReliefMm")
    return {
        "changed": None if share is None else round(100 * share, 4),
        "in_brain": record.get("ChangedVoxelsInBrain"),
        "spared": record.get("VoxelsSparedForBrain"),
        "faces_before": None if before is None else sum(before.values()),
        "faces_after": None if after is None else sum(after.values()),
        "height": height,
        "height_at": height_at,
        "relief": relief,
        "relief_at": relief_at,
        "nose_left": _finite(residues.get("nose", {}).get("HeightMm")),
        "brain": _finite(record.get("BrainMl")),
        "seconds": _finite(record.get("Seconds")),
    }


def _largest(residues: dict[str, dict[str, float]], key: str) -> tuple[float | None, str]:
    """Return the largest value over all regions, and the region that has it."""
    known = {name: _finite(residue.get(key)) for name, residue in residues.items()}
    values = {name: value for name, value in known.items() if value is not None}
    if not values:
        return None, ""
    name = max(values, key=lambda one: values[one])
    return values[name], name


def _finite(value: float | None) -> float | None:
    """Return a number that JSON can hold, None for any other."""
    return value if value is not None and math.isfinite(value) else None
