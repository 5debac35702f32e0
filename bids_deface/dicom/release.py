"""Release what a person reviewed."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Final

from bids_deface.assurance.verdict import Decision
from bids_deface.dicom.outcome import Ledger, Outcome
from bids_deface.dicom.writing import UNFINISHED
from bids_deface.errors import OutputError, UsageError
from bids_deface.textfiles import read_rows

COLUMNS: Final = ("series", "stamp")


def accept(table: Path, ledger: Ledger, known: Iterable[Outcome | None]) -> dict[str, Outcome]:
    """Move accepted series from the review folder to the output.

    Parameters
    ----------
    table
        TSV with the columns ``series`` and ``stamp``, as in ``results.tsv``.
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
        It has no such columns, or names a series that does not await review.
    OutputError
        A folder cannot be moved.
    """
    waiting = {
        (one.place, one.stamp): one
        for one in known
        if one and one.verdict == Decision.REVIEW.value
    }
    rows = read_rows(table, COLUMNS, "Take the rows of results.tsv.")
    wanted = list(dict.fromkeys((row["series"], row["stamp"]) for row in rows))
    for place, stamp in wanted:
        # All are looked at before the first is moved.
        if (place, stamp) not in waiting:
            raise UsageError(
                f"{table} names {place}, which does not await review with this stamp.",
                "Only what was reviewed as it is now can be released; take the rows of "
                "results.tsv.",
            )
    return {row[0]: _release(waiting[row], ledger) for row in wanted}


def _release(outcome: Outcome, ledger: Ledger) -> Outcome:
    target = ledger.out / outcome.place
    draft = target.with_name(f"{UNFINISHED}{target.name}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        # The private folder may lie on another disk, where renaming alone would not do.
        shutil.move(ledger.review / outcome.place, draft)
        draft.rename(target)
    except OSError as error:
        raise OutputError(f"{outcome.place} cannot be released ({error.strerror}).") from error
    notes = (*outcome.notes, "released by a person who reviewed it")
    return replace(outcome, verdict=Decision.PASS.value, notes=notes)
