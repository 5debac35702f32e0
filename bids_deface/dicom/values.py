"""Values of DICOM elements: read, replaced, and held against what their kind allows."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from pydicom.dataelem import DataElement
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import UID

from bids_deface.dicom.pseudonyms import Pseudonyms

TIMES: Final = ("DA", "TM", "DT")
TEXTS: Final = ("LO", "SH", "LT", "ST", "UT", "UC", "AE", "UR")
BYTES: Final = ("OB", "OW", "OF", "OD", "OL", "OV", "UN", "OB or OW")
NUMBERS: Final = ("FD", "FL", "SS", "US", "SL", "UL", "SV", "UV", "US or SS")
#: What values of a kind look like (PS3.5, table 6.2-1): whatever else stands there is a text.
GRAMMAR: Final = {
    "DS": re.compile(r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*"),
    "IS": re.compile(r"\s*[-+]?\d+\s*"),
    "DA": re.compile(r"\d{8}"),
    "TM": re.compile(r"\d{2}(\d{2}(\d{2}(\.\d{1,6})?)?)?\s*"),
    "DT": re.compile(r"\d{4}(\d{2}){0,5}(\.\d{1,6})?([-+]\d{4})?\s*"),
    "UI": re.compile(r"[0-9.]{1,64}"),
    "AS": re.compile(r"\d{3}[DWMY]"),
    "CS": re.compile(r"[A-Z0-9 _]{0,16}"),
}
_DUMMIES: Final = {
    "DA": "19000101",
    "DT": "19000101000000",
    "TM": "000000",
    "AS": "000Y",
    "UR": "http://removed.invalid",
    "DS": "0",
    "IS": "0",
}
#: Oldest age that is told; above it, all are of this age (HIPAA, 45 CFR 164.514(b)(2)(i)(C)).
OLDEST_YEARS: Final = 90


def values_of(element: DataElement) -> Iterator[str]:
    """Yield the values of an element as text; empty ones are left out."""
    value = element.value
    for one in value if element.VM > 1 else [value]:
        if one not in (None, ""):
            yield str(one)


def is_well_formed(element: DataElement) -> bool:
    """Tell whether all values are of the kind that the element says they are."""
    grammar = GRAMMAR.get(element.VR)
    return grammar is None or all(grammar.fullmatch(value) for value in values_of(element))


def nothing(vr: str) -> Any:
    """Return a value of no length."""
    if vr == "SQ":
        return DicomSequence([])
    return b"" if vr in BYTES else None


def dummy(element: DataElement, pseudonyms: Pseudonyms) -> Any:
    """Return a value that says nothing, of the element's kind (PS3.15, E.1.1, action D)."""
    vr = element.VR
    if vr == "UI":
        return each(element, pseudonyms.uid)
    if vr == "SQ":
        return nothing(vr)
    if vr in NUMBERS:
        return 0
    return b"\0\0" if vr in BYTES else _DUMMIES.get(vr, "REMOVED")


def each(element: DataElement, replace: Callable[[str], str]) -> Any:
    """Return all values of an element, each replaced."""
    values = [replace(value) for value in values_of(element)]
    if element.VR == "UI":
        values = [UID(value) for value in values]
    if not values:
        return nothing(element.VR)
    return values if len(values) > 1 else values[0]


def told_age(value: str) -> str:
    """Return an age of which the oldest are not told apart."""
    match = re.fullmatch(r"(\d{3})([DWMY])", value)
    if match is None:
        return ""
    return f"{OLDEST_YEARS:03d}Y" if match[2] == "Y" and int(match[1]) >= OLDEST_YEARS else value
