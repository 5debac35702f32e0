"""What lies at the root of the dataset to share: description, README, CHANGES."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from bids_deface import __version__
from bids_deface.dataset.description import read_description

MAKER: Final = "bids-deface"
HEADING: Final = "De-identification"
README_NAMES: Final = ("README", "README.md", "README.rst", "README.txt")
CHANGES_NAMES: Final = ("CHANGES", "CHANGES.md")
#: Version of a dataset that has none.
FIRST: Final = "1.0.0"


def description_of(raw: Path) -> bytes:
    """Return the description of the dataset to share: the raw one, and how it was made.

    Raises
    ------
    InvalidBIDSError
        The raw dataset has none.
    """
    content = read_description(raw)
    makers = content.get("GeneratedBy")
    made: dict[str, Any] = {
        # Not the name of the derivatives' maker: the main command must not write in here.
        "Name": f"{MAKER}-export",
        "Version": __version__,
        "Description": "Copied from the raw dataset with each anatomical image in its defaced "
        "version; what identifies was taken out",
    }
    content["GeneratedBy"] = [*(makers if isinstance(makers, list) else []), made]
    content.setdefault("DatasetType", "raw")
    return _bytes(json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def readme_of(raw: Path, dates: str) -> tuple[str, bytes]:
    """Return name and content of the README: the raw one, and what was done.

    Parameters
    ----------
    raw
        The raw dataset.
    dates
        What became of dates, in words.
    """
    name = next((n for n in README_NAMES if (raw / n).is_file()), README_NAMES[0])
    text = _read(raw / name)
    line = "-" * len(HEADING)
    heading = f"## {HEADING}" if name.endswith(".md") else f"{HEADING}\n{line}"
    told = (
        f"Anatomical images were defaced by {MAKER} {__version__}: facial features are hidden, "
        "voxels of the brain are as they were. Their sidecars say how (DeidentificationMethod). "
        f"Images that could not be judged safe are not part of this dataset. {dates} "
        "Ages above 89 are given as 89. Fields that name persons, places, devices or times were "
        "removed from sidecars. Defacing makes recognition harder; it does not make a scan "
        "anonymous: do not try to find out who anyone is.\n"
    )
    return name, _bytes(f"{text.rstrip()}\n\n{heading}\n\n{told}".lstrip())


def changes_of(raw: Path, share: Path) -> tuple[str, bytes]:
    """Return name and content of CHANGES: one more entry, the date of the first export.

    Parameters
    ----------
    raw, share
        The dataset, and what an earlier run made of it.
    """
    name = next((n for n in CHANGES_NAMES if (raw / n).is_file()), CHANGES_NAMES[0])
    text = _read(raw / name)
    entry = f"  - Anatomical images replaced by their defaced versions ({MAKER} {__version__}).\n"
    before = _read(share / name)
    if entry in before and before.endswith(text):
        return name, _bytes(before)
    version = re.search(r"^#*\s*v?(\d+\.\d+\.\d+)", text, re.MULTILINE)
    number = _next(version[1]) if version else FIRST
    head = f"{number} {datetime.now(UTC):%Y-%m-%d}\n{entry}"
    return name, _bytes(f"{head}\n{text}" if text else head)


def _next(version: str) -> str:
    major, minor, _ = version.split(".")
    return f"{major}.{int(minor) + 1}.0"


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "backslashreplace")
