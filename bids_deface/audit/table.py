"""The table of an audit, the dictionary of its columns, and findings that were accepted."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from bids_deface.audit.finding import Finding
from bids_deface.containers.files import write_together
from bids_deface.errors import OutputError
from bids_deface.textfiles import read_rows, table_text

COLUMNS: Final = ("file", "kind", "item", "status", "weight", "reason")
KEY: Final = COLUMNS[:3]
DICTIONARY: Final = {
    "file": {"Description": "Path within the dataset"},
    "kind": {
        "Description": "What the row is about",
        "Levels": {
            "face": "what an image shows of a face",
            "text": "identifying text in a header, sidecar or table",
            "file": "a file or folder that is risky by its kind",
        },
    },
    "item": {
        "Description": "Facial feature; face (what face detectors find); image (an image that "
        "cannot be judged); field of a header or sidecar; column of a table; kind of file"
    },
    "status": {
        "Description": "What was found",
        "Levels": {
            "found": "it is there",
            "cut_off": "a part of the feature is there, at the border of the field of view",
            "doubtful": "it cannot be ruled out",
            "outside": "the feature lies outside the field of view",
            "absent": "it is not there; of a feature: its place holds air or smooth skin",
            "unreadable": "the file cannot be read",
        },
    },
    "weight": {
        "Description": "What it means for sharing",
        "Levels": {
            "problem": "speaks against sharing: exit code 1",
            "note": "look at it; with --strict a problem",
            "fine": "speaks for sharing",
        },
    },
    "reason": {"Description": "Why, in words; never what stands in the file"},
}


def write_table(path: Path, findings: Iterable[Finding]) -> None:
    """Write the table and its data dictionary beside it, both or none.

    Parameters
    ----------
    path
        Ends in ``.tsv``.
    findings
        One row each.
    """
    rows = [[getattr(finding, column) for column in COLUMNS] for finding in findings]
    text, dictionary = table_text(COLUMNS, rows), json.dumps(DICTIONARY, indent=2) + "\n"
    write_together(
        {
            path: lambda file: file.write(text.encode("utf-8", "backslashreplace")),
            path.with_suffix(".json"): lambda file: file.write(dictionary.encode()),
        }
    )


def check_target(path: Path, dataset: Path) -> None:
    """Raise unless a table can be written where it does not touch the dataset.

    Raises
    ------
    OutputError
        It lies in the dataset, or is called otherwise.
    """
    if path.suffix != ".tsv":
        raise OutputError(f"The table {path} must end in .tsv.")
    if dataset.resolve() in path.resolve().parents:
        raise OutputError(
            f"The table {path} lies inside the dataset, into which an audit never writes.",
            "Choose a place outside of it.",
        )


def read_accepted(path: Path) -> frozenset[tuple[str, str, str]]:
    """Read which findings a person has looked at and found to be good.

    Parameters
    ----------
    path
        Rows of an audit's table.

    Raises
    ------
    NoInputError
        It cannot be read.
    UsageError
        It has other columns.
    """
    hint = "It takes the rows of an audit's table that were looked at and found to be good."
    rows = read_rows(path, KEY, hint)
    return frozenset((row["file"], row["kind"], row["item"]) for row in rows)
