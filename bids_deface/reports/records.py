"""Read the records of all images of a derivatives folder, and what follows from them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any

from bids_deface.anatomy import ALL_FEATURES, labels_of, name_of

#: In the record of an image that may be shared.
PASS = "PASS"  # noqa: S105


def read_records(output_dir: Path) -> list[dict[str, Any]]:
    """Return the records in ``logs/images``, sorted by source; unreadable ones are left out."""
    records = []
    for path in sorted((output_dir / "logs" / "images").glob("*.json")):
        try:
            records.append(json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, FileNotFoundError):
            # Another run may be at it: it writes the pages anew when it is done.
            continue
    return sorted(records, key=lambda record: str(record["Source"]))


def by_subject(records: Iterable[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Return the records of each subject, by label without ``sub-``, in their order."""
    subjects: dict[str, list[dict[str, Any]]] = {}
    for record in records:
        label = str(record["Source"]).partition("/")[0].removeprefix("sub-")
        subjects.setdefault(label, []).append(record)
    return subjects


def page_of(subject: str) -> str:
    """Return the name of a subject's page; the label has no ``sub-``."""
    return f"sub-{subject}.html"


def anchor_of(position: int) -> str:
    """Return where an image is on its subject's page; the first has position 0."""
    return f"image-{position + 1}"


def shareable_pictures(record: dict[str, Any]) -> list[str]:
    """Return the pictures of an image that may be seen by all, relative to the derivatives."""
    # A head in doubt may still show its face: its pictures are private.
    if record.get("Verdict") != PASS:
        return []
    return sorted(str(name) for name in record.get("Files", []) if _may_be_seen(str(name)))


def _may_be_seen(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return len(parts) == 3 and parts[0].startswith("sub-") and parts[1] == "figures"


def feature_names(records: Iterable[dict[str, Any]]) -> tuple[str, ...]:
    """Return the standard features, and after them what else some weights knew."""
    own = (row["Feature"] for record in records for row in record.get("ExtraLabels", []))
    return tuple(dict.fromkeys((*(f.value for f in ALL_FEATURES), *map(str, own))))


def _regions_of(record: dict[str, Any]) -> dict[str, list[str]]:
    """Return the names of the regions of each feature, left before right."""
    names = {f.value: [name_of(index) for index in labels_of(f)] for f in ALL_FEATURES}
    for row in record.get("ExtraLabels", []):
        names.setdefault(str(row["Feature"]), []).append(str(row["Name"]))
    return names


def feature_statuses(record: dict[str, Any]) -> dict[str, str]:
    """Return what is known of each feature in words: ``found``, ``left found, right cut off``.

    Features of an image that could not be judged are left out.
    """
    regions = record.get("Regions", {})
    statuses = {}
    for feature, names in _regions_of(record).items():
        words = {n: str(regions[n]["Status"]).replace("_", " ") for n in names if n in regions}
        if len(set(words.values())) == 1:
            statuses[feature] = next(iter(words.values()))
        elif words:
            sides = (f"{name.partition(' ')[0]} {status}" for name, status in words.items())
            statuses[feature] = ", ".join(sides)
    return statuses
