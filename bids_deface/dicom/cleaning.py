"""De-identify the header of one file, at every depth."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pydicom.datadict import keyword_for_tag
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import UID, CTImageStorage, MRImageStorage

from bids_deface.dicom.actions import TIMES, Action, action_table, date_action, repeating_action
from bids_deface.dicom.attributes import attributes
from bids_deface.dicom.descriptors import clean_text
from bids_deface.dicom.options import HeaderOptions, PrivateRule, Profile
from bids_deface.dicom.pixels import PIXELS
from bids_deface.dicom.pseudonyms import Pseudonyms, shifted

TEXTS: Final = ("LO", "SH", "LT", "ST", "UT", "UC", "AE", "UR")
BYTES: Final = ("OB", "OW", "OF", "OD", "OL", "OV", "UN", "OB or OW")
#: Code systems whose codes and meanings are public; those of a site may be anything.
PUBLIC_CODES: Final = ("DCM", "SCT", "SRT", "SNM3", "UCUM", "LN", "RADLEX", "FMA", "UMLS", "NCIt")
CODE_KEYWORDS: Final = ("CodeValue", "LongCodeValue", "URNCodeValue", "CodeMeaning")
#: Texts and codes that are searched for the patient's names; what a viewer needs is not.
SWEPT: Final = (*TEXTS, "CS", "PN")
STRUCTURE: Final = ("ImageType", "Modality", "PhotometricInterpretation", "PatientPosition")
#: Oldest age that is told; above it, all are of this age (HIPAA, 45 CFR 164.514(b)(2)(i)(C)).
OLDEST_YEARS: Final = 90
#: Shorter identifiers are too common to be looked for in other texts.
LEAST_LETTERS: Final = 4


@dataclass(frozen=True)
class Cleaner:
    """De-identifies data sets by one set of rules.

    Attributes
    ----------
    options
        Profile and options.
    pseudonyms
        What stands for UIDs, names and dates.
    """

    options: HeaderOptions
    pseudonyms: Pseudonyms
    _table: Mapping[int, Action] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Look up the table once."""
        object.__setattr__(self, "_table", action_table(self.options))

    def clean(self, dataset: Dataset) -> None:
        """De-identify a data set in place; its pixels stay.

        Parameters
        ----------
        dataset
            Of one file, with its pixels or without.
        """
        if self.options.profile is Profile.JEONG2020:
            self._clean_as_published(dataset)
            return
        known = _identifiers(dataset)
        person = str(dataset.get("PatientID", "") or ""), str(dataset.get("PatientName", "") or "")
        # In these two, none of the attributes in question is of type 1 (PS3.3, A.3 and A.4).
        spare = dataset.get("SOPClassUID", "") in (MRImageStorage, CTImageStorage)
        job = _Job(self, self.pseudonyms.shift_days(*person), known, spare)
        job.clean(dataset, is_outermost=True)
        alias = self.pseudonyms.patient(*person)
        dataset.PatientName, dataset.PatientID = alias, alias

    def _clean_as_published(self, dataset: Dataset) -> None:
        for keyword in attributes("jeong2020"):
            if keyword in dataset:
                dataset[keyword].value = "" if dataset[keyword].VR != "PN" else None
        for keyword in attributes("pictures"):
            if keyword in dataset:
                delattr(dataset, keyword)


def _identifiers(dataset: Dataset) -> re.Pattern[str] | None:
    """Return what matches the names and numbers of a file; None where it has none."""
    words: set[str] = set()
    for element in dataset.iterall():
        if element.keyword in attributes("identifiers") or element.VR == "PN":
            for value in _values(element):
                # Names are looked for part by part, numbers as a whole.
                parts = re.split(r"[\^= ,]+", value) if element.VR == "PN" else [value]
                words |= {part for part in parts if len(part) >= LEAST_LETTERS}
    if not words:
        return None
    return re.compile("|".join(map(re.escape, sorted(words, key=len, reverse=True))), re.I)


def _values(element: DataElement) -> Iterator[str]:
    value = element.value
    for one in value if element.VM > 1 else [value]:
        if one not in (None, ""):
            yield str(one)


@dataclass(frozen=True)
class _Job:
    """The cleaning of one file."""

    rules: Cleaner
    shift_days: int
    known: re.Pattern[str] | None
    spare: bool

    def clean(self, dataset: Dataset, *, is_outermost: bool) -> None:
        """Clean a data set and what is nested in it."""
        kept = _kept_private(dataset, self.rules.options.private)
        _drop_local_codes(dataset)
        for tag in list(dataset.keys()):
            if tag.is_private:
                if tag not in kept:
                    del dataset[tag]
                elif dataset[tag].VR == "SQ":
                    self._enter(dataset[tag])
                continue
            element = dataset[tag]
            if element.keyword in PIXELS:
                if not is_outermost:
                    del dataset[tag]
                continue
            action = self._action(element)
            if action is Action.REMOVE:
                del dataset[tag]
            else:
                self._apply(element, action)
                self._sweep(element)

    def _action(self, element: DataElement) -> Action:
        """Return what becomes of an element that is not private."""
        if element.keyword in attributes("pictures"):
            return Action.REMOVE
        listed = self.rules._table.get(int(element.tag)) or repeating_action(element.tag)
        if listed is None:
            return self._unlisted(element)
        if listed is Action.REMOVE_OR_DUMMY:
            return Action.REMOVE if self.spare else Action.DUMMY
        if listed is Action.EMPTY_OR_DUMMY:
            return Action.EMPTY if self.spare else Action.DUMMY
        return listed

    def _unlisted(self, element: DataElement) -> Action:
        """Return what becomes of what the table does not name: kept only if surely harmless."""
        vr = element.VR
        if vr == "SQ":
            return Action.ENTER
        if vr == "UI":
            return Action.KEEP if self.rules.options.keep_uids else Action.UID
        if vr in TIMES:
            return date_action(self.rules.options)
        is_known = bool(keyword_for_tag(element.tag))
        if not is_known or (vr in BYTES and element.keyword not in attributes("tables")):
            return Action.REMOVE
        if vr in ("PN", "AS") or (vr in TEXTS and element.keyword not in attributes("technique")):
            return Action.EMPTY
        return Action.KEEP

    def _apply(self, element: DataElement, action: Action) -> None:
        if action is Action.ENTER or (element.VR == "SQ" and action is Action.KEEP):
            self._enter(element)
        elif action is Action.EMPTY:
            element.value = _nothing(element.VR)
        elif action is Action.DUMMY:
            element.value = _dummy(element, self.rules.pseudonyms)
        elif action is Action.UID:
            element.value = _each(element, self.rules.pseudonyms.uid)
        elif action is Action.CLEAN:
            element.value = (
                _each(element, clean_text) if element.VR in TEXTS else _nothing(element.VR)
            )
        elif action is Action.SHIFT:
            element.value = _each(element, self._shifted) if element.VR != "TM" else element.value
        elif action is Action.AGE:
            element.value = _each(element, _told_age)

    def _shifted(self, value: str) -> str:
        return shifted(value, self.shift_days)

    def _enter(self, element: DataElement) -> None:
        for item in element.value or ():
            self.clean(item, is_outermost=False)

    def _sweep(self, element: DataElement) -> None:
        """Empty what still holds a name or number that this file gives for its patient."""
        if self.known is None or element.VR not in SWEPT or element.keyword in STRUCTURE:
            return
        if any(self.known.search(value) for value in _values(element)):
            element.value = _nothing(element.VR)


def _kept_private(dataset: Dataset, rules: tuple[PrivateRule, ...]) -> set[int]:
    """Return the private elements that a list of safe ones names, and their creators."""
    kept: set[int] = set()
    for tag in dataset.keys() if rules else ():
        if not tag.is_private or tag.element < 0x1000:
            continue
        creator = tag.group << 16 | tag.element >> 8
        name = str(dataset[creator].value).strip() if creator in dataset else ""
        if PrivateRule(tag.group, tag.element & 0xFF, name) in rules:
            kept |= {int(tag), creator}
    return kept


def _drop_local_codes(dataset: Dataset) -> None:
    """Empty codes of a site's own: their meanings are free text."""
    if dataset.get("CodingSchemeDesignator", "DCM") in PUBLIC_CODES:
        return
    for keyword in (*CODE_KEYWORDS, "CodingSchemeDesignator"):
        if keyword in dataset:
            dataset[keyword].value = None


def _nothing(vr: str) -> Any:
    """Return a value of no length."""
    if vr == "SQ":
        return DicomSequence([])
    return None if vr not in BYTES else b""


_DUMMIES: Final = {
    "DA": "19000101",
    "DT": "19000101000000",
    "TM": "000000",
    "AS": "000Y",
    "UR": "http://removed.invalid",
    "PN": "REMOVED",
    "SQ": DicomSequence([]),
}


def _dummy(element: DataElement, pseudonyms: Pseudonyms) -> Any:
    """Return a value that says nothing, of the element's kind (PS3.15, E.1.1, action D)."""
    vr = element.VR
    if vr == "UI":
        return _each(element, pseudonyms.uid)
    if vr in ("DS", "IS", "FD", "FL", "SS", "US", "SL", "UL", "SV", "UV"):
        return 0
    if vr in BYTES:
        return b"\0\0"
    return _DUMMIES.get(vr, "REMOVED")


def _each(element: DataElement, replace: Any) -> Any:
    """Return all values of an element, each replaced."""
    values = [replace(value) for value in _values(element)]
    if element.VR == "UI":
        values = [UID(value) for value in values]
    if not values:
        return _nothing(element.VR)
    return values if len(values) > 1 else values[0]


def _told_age(value: str) -> str:
    """Return an age of which the oldest are not told apart."""
    match = re.fullmatch(r"(\d{3})([DWMY])", value)
    if match is None:
        return ""
    return f"{OLDEST_YEARS:03d}Y" if match[2] == "Y" and int(match[1]) >= OLDEST_YEARS else value
