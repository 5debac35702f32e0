"""Clean Descriptors Option: of a description, only words of the field are kept."""

from __future__ import annotations

import re
from typing import Final

from bids_deface.dicom.attributes import words

#: Sizes and b-values; numbers alone may be parts of dates and of patients' numbers.
_MEASURE: Final = re.compile(r"\d{1,2}(\.\d{1,2})?(mm|iso|t|ch)|b(\d{1,2}00|\d{0,2}50|0)")
_TOKEN: Final = re.compile(r"[A-Za-z0-9.]+")


def clean_text(text: str) -> str:
    """Return the words of a description that are on the list, and sizes with their unit.

    Parameters
    ----------
    text
        For example ``t1_mprage_sag 1mm Miller``.

    Returns
    -------
    str
        For example ``t1 mprage sag 1mm``.
    """
    return " ".join(token for token in _TOKEN.findall(text) if _is_known(token.strip(".")))


def _is_known(token: str) -> bool:
    word = token.lower()
    return word in words() or _MEASURE.fullmatch(word) is not None
