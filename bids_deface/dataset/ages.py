"""Ages: which columns hold them, and which tell too much."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

#: BIDS writes 89 for everybody who is 89 or older; its validator refuses more.
CAP: Final = 89
_AGE: Final = re.compile(r"(^|_)age($|_)|^age\w*$", re.IGNORECASE)
_NOT_AGE: Final = re.compile(r"group|range|class|cat|unit|sd$|std$", re.IGNORECASE)
_PER_YEAR: Final = {"month": 12.0, "week": 365.25 / 7, "day": 365.25}


def is_age(column: str) -> bool:
    """Tell whether a column holds ages, by its name."""
    return bool(_AGE.search(column)) and not _NOT_AGE.search(column)


def years_per_unit(dictionary: Mapping[str, Any], column: str) -> float:
    """Return how many years one unit of a column is.

    Parameters
    ----------
    dictionary
        Data dictionary of the table: column to ``{"Units": ...}``.
    column
        Its name.
    """
    entry = dictionary.get(column)
    unit = str(entry.get("Units", "")).lower() if isinstance(entry, dict) else ""
    return next((1 / n for name, n in _PER_YEAR.items() if unit.startswith(name)), 1.0)


def is_above_cap(cell: str, years: float = 1.0) -> bool:
    """Tell whether an age is above what may be told; ``89+`` is not."""
    number = re.fullmatch(r"\s*[>~]?\s*(\d+(?:[.,]\d+)?)\s*\+?\s*(?:y\w*)?\s*", cell)
    return bool(number) and float(number[1].replace(",", ".")) * years > CAP if number else False


def capped(cell: str, years: float = 1.0) -> str:
    """Return an age as it may be told, in its own unit: no more than 89 years."""
    if not is_above_cap(cell, years):
        return cell
    return f"{CAP / years:.0f}"
