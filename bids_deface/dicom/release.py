"""Release what a person reviewed."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Final

from bids_deface.assurance.verdict import Decision
from bids_deface.dicom.outcome import Ledger, Outcome
from bids_deface.errors import NoInputError, OutputError, UsageError

COLUMN: Final = "series"


def accept(table: Path, ledger: Ledger, known: Iterable[Outcome | None]) -> dict[str, Outcome]:
    """Move accepted series from the review folder to the output.

    Parameters
    ----------
    table
        TSV with a column ``series``, as in ``results.tsv``.
    ledger
        Where things lie.
    known
        Outcomes of series that are as they were when they were reviewed.

    Returns
    -------
    dict
        Folder to new outcome.

    Raises
    ------
    NoInputError
        The table cannot be read.
    UsageError
        It has no such column, or names a series that does not await review.
    OutputError
        A folder cannot be moved.
    """
    waiting = {one.place: one for one in known if one and one.verdict == Decision.REVIEW.value}
    released = {}
    for place in _places(table):
        if place not in waiting:
            raise UsageError(
                f"{table} names {place}, which does not await review.",
                "Only what was reviewed as it is now can be released; see results.tsv.",
            )
        target = ledger.out / place
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            (ledger.review / place).rename(target)
        except OSError as error:
            raise OutputError(f"{place} cannot be released ({error.strerror}).") from error
        note = "released by a person who reviewed it"
        released[place] = replace(
            waiting[place], verdict=Decision.PASS.value, notes=(*waiting[place].notes, note)
        )
    return released


def _places(table: Path) -> list[str]:
    try:
        with table.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t"))
    except (OSError, UnicodeDecodeError) as error:
        raise NoInputError(f"The table {table} cannot be read.") from error
    if any(COLUMN not in row for row in rows):
        raise UsageError(f"{table} has no column {COLUMN}.")
    return list(dict.fromkeys(row[COLUMN] for row in rows if row[COLUMN]))
