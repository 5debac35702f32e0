"""The names and numbers that a file gives for persons, to be looked for in all else."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from pydicom.dataset import Dataset

from bids_deface.dicom.attributes import attributes
from bids_deface.dicom.values import values_of

#: Identifiers of so many letters are looked for anywhere in a text, shorter ones as whole words.
LEAST_LETTERS: Final = 4
_SEPARATORS: Final = re.compile(r"[\W_]+")


@dataclass(frozen=True)
class Identifiers:
    """Names and numbers, folded: lower case, without separators.

    Attributes
    ----------
    parts
        Looked for anywhere in a text: of four letters and more, or not of the Latin alphabet.
    words
        Shorter ones, looked for as whole words.
    """

    parts: frozenset[str]
    words: frozenset[str]

    def are_in(self, text: str) -> bool:
        """Tell whether any of them stands in a text, however it is written."""
        whole = _folded(text)
        if any(part in whole for part in self.parts):
            return True
        return not self.words.isdisjoint(_SEPARATORS.split(text.casefold()))


def identifiers_of(dataset: Dataset) -> Identifiers:
    """Collect names and numbers from all depths of a data set."""
    found: set[str] = set()
    for element in dataset.iterall():
        if element.VR == "PN":
            for value in values_of(element):
                found |= set(_name_parts(value))
        elif element.keyword in attributes("identifiers"):
            found |= {_folded(value) for value in values_of(element)}
    found.discard("")
    # A single letter or digit is in every text.
    short = {one for one in found if one.isascii() and len(one) < LEAST_LETTERS}
    return Identifiers(frozenset(found - short), frozenset(one for one in short if len(one) > 1))


def _name_parts(value: str) -> Iterable[str]:
    """Yield the parts of a person's name, and the name as it is written in one."""
    for group in value.split("="):
        parts = [part for part in map(_folded, re.split(r"[\^ ,]+", group)) if part]
        yield from parts
        yield "".join(parts[:2])
        yield "".join(parts[1::-1])


def _folded(text: str) -> str:
    return _SEPARATORS.sub("", text.casefold())
