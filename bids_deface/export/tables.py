"""Tables of the dataset to share: participants, phenotype, sessions, scans."""

from __future__ import annotations

import csv
import io
import re
import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import Final

from bids_deface.audit.metadata import identifies
from bids_deface.audit.tables import ACQ_TIME, COLUMNS
from bids_deface.audit.wording import FIRST_REAL_YEAR, is_real_date, telling_forms
from bids_deface.dataset.ages import capped, is_age, years_per_unit
from bids_deface.errors import InvalidBIDSError
from bids_deface.export.item import Dates
from bids_deface.textfiles import read_json, table_text

FILENAME: Final = "filename"
#: BIDS for a value that is not there.
MISSING: Final = "n/a"
#: Shifted dates lie within so many days before 1925.
SPAN_DAYS: Final = 365 * 24
Rows = list[list[str]]


def read_table(path: Path) -> Rows:
    """Return header and rows of a table.

    Raises
    ------
    InvalidBIDSError
        It is no table.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        rows = list(csv.reader(io.StringIO(text), delimiter="\t"))
    except (OSError, ValueError, csv.Error) as error:
        raise InvalidBIDSError(f"{path} is no table ({error}).") from error
    return [row for row in rows if row]


def clean_table(
    root: Path,
    file: str,
    keep_row: Callable[[Mapping[str, str]], bool],
    date_of: Callable[[str], str],
    name_of: Callable[[str], str] = str,
) -> tuple[bytes | None, tuple[str, ...]]:
    """Return new bytes of a table, and what was changed in it.

    Parameters
    ----------
    root, file
        Raw dataset, and path within it.
    keep_row
        Tells of a row, by column, whether what it is about is shared.
    date_of
        From a date in ``acq_time`` to the one that may be told.
    name_of
        From a ``filename`` to what the file is called in the dataset to share.

    Returns
    -------
    bytes or None
        None where the file may stay as it is.
    notes
        Names of columns and numbers of rows, never cells.
    """
    rows = read_table(root / file)
    if not rows:
        return None, ()
    header, body = rows[0], rows[1:]
    kept = [row for row in body if keep_row(dict(zip(header, row, strict=False)))]
    notes = [f"{len(body) - len(kept)} rows of what is left out"] if len(kept) < len(body) else []
    units = read_json((root / file).with_suffix(".json"))
    columns: dict[str, list[str]] = {}
    for number, name in enumerate(header):
        cells = [row[number] if number < len(row) else MISSING for row in kept]
        if name == FILENAME:
            new: list[str] | None = [name_of(cell) for cell in cells]
        else:
            new = _column(name, cells, years_per_unit(units, name), date_of)
        if new is None:
            notes.append(f"column {name} removed")
            continue
        columns[name] = new
        changed = sum(a != b for a, b in zip(cells, new, strict=True))
        if changed:
            notes.append(f"{changed} cells of {name} changed")
    if not notes:
        return None, ()
    text = table_text(columns, zip(*columns.values(), strict=True))
    return text.encode("utf-8", "backslashreplace"), tuple(notes)


def _column(
    name: str, cells: Sequence[str], years: float, date_of: Callable[[str], str]
) -> list[str] | None:
    """Return what of a column may be told; None for nothing of it."""
    if name == ACQ_TIME:
        return [date_of(cell) for cell in cells]
    if is_age(name):
        return [capped(cell, years) for cell in cells]
    if identifies(name) or COLUMNS.search(name):
        return None
    return [MISSING if telling_forms(cell) else cell for cell in cells]


def dropped(cell: str) -> str:
    """Return a date as nothing, unless it was shifted before."""
    return MISSING if is_real_date(cell) else cell


def shifter(days: int) -> Callable[[str], str]:
    """Return a function that moves dates by some days into the past; others stay.

    Parameters
    ----------
    days
        More than none.
    """

    def shift(cell: str) -> str:
        if not is_real_date(cell):
            return cell
        try:
            # BIDS allows any number of digits of a second, Python six.
            moment = datetime.fromisoformat(re.sub(r"(\.\d{1,6})\d*", r"\1", cell.strip()))
        except ValueError:
            return MISSING
        return (moment - timedelta(days=days)).isoformat()

    return shift


def days_of_subject(dates: Collection[str], before: Collection[tuple[str, str]]) -> int:
    """Return by how many days a subject's dates are shifted: all to before 1925, by chance.

    Nothing keeps the number. Whoever has both datasets can tell it from them, as this function
    does, so that what is added later is shifted alike.

    Parameters
    ----------
    dates
        All of the subject, as in the raw dataset.
    before
        Raw date and the one an earlier run made of it.
    """
    for raw, shared in before:
        first, second = _day(raw), _day(shared)
        if first and second and second.year < FIRST_REAL_YEAR <= first.year:
            return (first - second).days
    days = [day for day in map(_day, dates) if day and day.year >= FIRST_REAL_YEAR]
    if not days:
        return 0
    least = (max(days) - date(FIRST_REAL_YEAR, 1, 1)).days + 1
    return least + secrets.randbelow(SPAN_DAYS)


def _day(cell: str) -> date | None:
    try:
        return date.fromisoformat(cell.strip()[:10])
    except ValueError:
        return None


def date_tables(files: Sequence[str]) -> dict[str, list[str]]:
    """Return the tables with dates of each subject, by ``sub-`` label; ``""`` for none's."""
    out: dict[str, list[str]] = {}
    for file in files:
        if re.search(r"(^|_)(scans|sessions)\.tsv$", PurePosixPath(file).name):
            top = PurePosixPath(file).parts[0]
            out.setdefault(top if top.startswith("sub-") else "", []).append(file)
    return out


def dates_in(path: Path) -> dict[str, str]:
    """Return the dates of a table by what they are of; empty where there are none."""
    if not path.is_file():
        return {}
    rows = read_table(path)
    if not rows or ACQ_TIME not in rows[0]:
        return {}
    at = rows[0].index(ACQ_TIME)
    return {row[0]: row[at] for row in rows[1:] if len(row) > at}


def choose_dates(
    raw: Path, share: Path, files: Sequence[str], dates: Dates
) -> dict[str, Callable[[str], str]]:
    """Return what becomes of the dates in each table.

    Parameters
    ----------
    raw, share
        The dataset, and what earlier runs made of it.
    files
        All files of the raw dataset.
    dates
        Drop or shift.
    """
    out: dict[str, Callable[[str], str]] = {}
    for subject, tables in date_tables(files).items():
        change: Callable[[str], str] = dropped
        if dates is Dates.SHIFT and subject:
            known = {table: dates_in(raw / table) for table in tables}
            both = [
                (known[table][key], cell)
                for table in tables
                for key, cell in dates_in(share / table).items()
                if key in known[table]
            ]
            every = [cell for cells in known.values() for cell in cells.values()]
            change = shifter(days_of_subject(every, both))
        out.update(dict.fromkeys(tables, change))
    return out
