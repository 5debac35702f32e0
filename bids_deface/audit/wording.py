"""What identifies a person in free text: found by its form, told by its kind, never quoted."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

#: Dates before this year are shifted ones, by BIDS' own rule.
FIRST_REAL_YEAR: Final = 1925
_YEAR = r"(?:19(?:2[5-9]|[3-9]\d)|20\d\d)"
_MONTH, _DAY = r"(?:0?[1-9]|1[0-2])", r"(?:0?[1-9]|[12]\d|3[01])"
_MONTHS = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
#: No number or version goes on before or after.
_FREE, _END = r"(?<![\w.\-])", r"(?![\w\-])"
FORMS: Final[Mapping[str, re.Pattern[str]]] = MappingProxyType(
    {
        "a date": re.compile(
            rf"{_FREE}(?:{_YEAR}([-/.]){_MONTH}\1{_DAY}(?:T[\d:.]+Z?)?"
            rf"|{_DAY}([-/.]){_MONTH}\2{_YEAR}|{_MONTH}/{_DAY}/{_YEAR}"
            rf"|{_YEAR}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:\d{{6}}(?:\.\d+)?)?"
            rf"|{_DAY}[- ]{_MONTHS}[- ]{_YEAR}|{_MONTHS} {_DAY},? {_YEAR}){_END}",
            re.IGNORECASE,
        ),
        "a name as DICOM writes it": re.compile(r"[^\W\d_]{2,}\^+[^\W\d_]{1,}"),
        "an e-mail address": re.compile(r"[\w.+-]+@[\w-]+\.[a-z]{2,}", re.IGNORECASE),
        "a UID": re.compile(r"(?<![\w.])(?!1\.2\.840\.10008\.)[0-2](?:\.\d+){5,}(?![\w.])"),
        "a user's folder": re.compile(r"/(?:home|Users)/[^/\s]+|[A-Z]:\\Users\\[^\\\s]+"),
    }
)


def telling_forms(text: str) -> tuple[str, ...]:
    """Return in words what in a text can tell who or when: ``("a date",)``.

    Parameters
    ----------
    text
        Of a header, a field or a cell.
    """
    return tuple(name for name, form in FORMS.items() if form.search(text))


def is_real_date(text: str) -> bool:
    """Tell whether a date and time as BIDS writes them may be a true one: not before 1925."""
    year = re.match(r"\s*(\d{4})\b", text)
    return int(year[1]) >= FIRST_REAL_YEAR if year else bool(text.strip("na/ "))
