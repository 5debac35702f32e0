"""Tables (TSV) and JSON objects: read, and tables put into words."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bids_deface.errors import NoInputError, UsageError


def read_rows(
    path: Path, columns: Iterable[str], hint: str, optional: Iterable[str] = ()
) -> list[dict[str, str]]:
    """Return the rows of a table.

    Parameters
    ----------
    path
        Tab-separated values, UTF-8; a spreadsheet's byte order mark does no harm.
    columns
        Those it must have; their values are stripped, absent ones are empty.
    hint
        What to do where a column is missing.
    optional
        Columns that it may have; rows do not hold those that it has not.

    Raises
    ------
    NoInputError
        It cannot be read.
    UsageError
        A column is missing, or it is no table.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise NoInputError(f"The table {path} cannot be read.") from error
    try:
        return _rows(path, text, list(columns), hint, list(optional))
    except csv.Error as error:
        raise UsageError(f"{path} is no table ({error}).", hint) from error


def _rows(
    path: Path, text: str, wanted: list[str], hint: str, optional: list[str]
) -> list[dict[str, str]]:
    reader = csv.DictReader(io.StringIO(text), delimiter="\t")
    missing = [name for name in wanted if name not in (reader.fieldnames or ())]
    if missing:
        raise UsageError(f"{path} has no column {missing[0]!r}.", hint)
    names = [*wanted, *(name for name in optional if name in (reader.fieldnames or ()))]
    return [{name: (row[name] or "").strip() for name in names} for row in reader]


def table_text(columns: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """Return a table as tab-separated values.

    Parameters
    ----------
    columns
        Names, in order.
    rows
        One cell for each column.
    """
    text = io.StringIO()
    writer = csv.writer(text, delimiter="\t", lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue()


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object; empty where there is none that can be read."""
    try:
        content = parse_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def parse_json(text: str) -> Any:
    """Read JSON of any kind.

    Raises
    ------
    ValueError
        It is none, or nested deeper than Python can read.
    """
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("nested too deep") from error
