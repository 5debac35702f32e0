"""What a person decided about each image: ``private/review.tsv``."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any, Final

from bids_deface.containers.files import write_whole
from bids_deface.errors import UsageError
from bids_deface.kinds import PRIVATE
from bids_deface.textfiles import read_rows, table_text

ACCEPT, REJECT = "accept", "reject"
#: Of a table of accepted images.
SOURCE = "source"
HINT = "It takes the rows of group_deface.tsv that were looked at and found to be good."


@dataclass(frozen=True)
class ReviewDecision:
    """One row of the table.

    Attributes
    ----------
    source
        Raw image by its place in the dataset.
    decision
        ``accept`` or ``reject``.
    stamp
        Of the result that was looked at (`stamp_of`); "" where it is not known.
    reviewer, reason, time
        Who decided, why, and when (ISO 8601); for people.
    """

    source: str
    decision: str = ACCEPT
    stamp: str = ""
    reviewer: str = ""
    reason: str = ""
    time: str = ""


COLUMNS: Final = tuple(field.name for field in fields(ReviewDecision))


def review_table(output_dir: Path) -> Path:
    """Return where the decisions on a derivatives folder are kept."""
    return output_dir / PRIVATE / "review.tsv"


def stamp_of(record: Mapping[str, Any]) -> str:
    """Return a short hash of an image's record: another result has another one."""
    text = json.dumps(record, sort_keys=True)
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:16]


def read_decisions(path: Path) -> list[ReviewDecision]:
    """Read a table of decisions, or of accepted images alone (no column ``decision``).

    Rows without an image or with an empty decision are left out.

    Raises
    ------
    NoInputError
        It cannot be read.
    UsageError
        It has no column ``source``, or a decision is no word that is known.
    """
    found = []
    for row in read_rows(path, [SOURCE], HINT, COLUMNS[1:]):
        word = row.get("decision", ACCEPT).lower()
        if not (row[SOURCE] and word):
            continue
        one = ReviewDecision(**{**row, "decision": word})
        if one.decision not in {ACCEPT, REJECT}:
            raise UsageError(
                f"{path} has an unknown decision {one.decision!r} on {one.source}.",
                f"Write {ACCEPT} or {REJECT}.",
            )
        found.append(one)
    return found


def known_decisions(output_dir: Path) -> dict[str, ReviewDecision]:
    """Return the decisions on a derivatives folder, by source; the last of an image counts."""
    path = review_table(output_dir)
    return {one.source: one for one in read_decisions(path)} if path.exists() else {}


def keep_decisions(path: Path, decisions: Mapping[str, ReviewDecision]) -> None:
    """Write a table of decisions, sorted by source."""
    rows = (astuple(one) for _, one in sorted(decisions.items()))
    write_whole(path, table_text(COLUMNS, rows).encode("utf-8", "backslashreplace"))
