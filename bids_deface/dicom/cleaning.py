"""De-identify the header of one file, at every depth."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pydicom.datadict import dictionary_VR, keyword_for_tag
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag
from pydicom.uid import CTImageStorage, MRImageStorage

from bids_deface.dicom.actions import Action, action_table, date_action, repeating_action
from bids_deface.dicom.attributes import attributes
from bids_deface.dicom.descriptors import clean_text
from bids_deface.dicom.identifiers import Identifiers, identifiers_of
from bids_deface.dicom.options import HeaderOptions, PrivateRule, Profile
from bids_deface.dicom.pixels import PIXELS
from bids_deface.dicom.pseudonyms import Pseudonyms, shifted
from bids_deface.dicom.values import (
    BYTES,
    TEXTS,
    TIMES,
    dummy,
    each,
    is_well_formed,
    nothing,
    told_age,
    values_of,
)

#: Code systems whose codes and meanings are public; those of a site may be anything.
PUBLIC_CODES: Final = ("DCM", "SCT", "SRT", "SNM3", "UCUM", "LN", "RADLEX", "FMA", "UMLS", "NCIt")
CODE_KEYWORDS: Final = ("CodeValue", "LongCodeValue", "CodeMeaning", "CodingSchemeDesignator")
#: Codes that no program can do without; they are not searched for names.
STRUCTURE: Final = ("ImageType", "Modality", "PhotometricInterpretation", "PatientPosition")
#: UIDs of kinds and of code systems, which name no object.
KINDS: Final = ("SOPClassUID", "ReferencedSOPClassUID", "CodingSchemeUID")
#: Groups below are of file meta information and of messages: a data set has none of them.
FIRST_GROUP: Final = 0x0008
#: Unparsed private values are kept up to this length only: longer ones may hold anything, bytes.
LONGEST_UNKNOWN: Final = 64
#: Start of an item within a sequence that nobody parsed (PS3.5, 7.5).
ITEM: Final = b"\xfe\xff\x00\xe0"


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
        for tag in _tags(dataset):
            if tag.group < FIRST_GROUP:
                del dataset[tag]
        if self.options.profile is Profile.JEONG2020:
            _clean_as_published(dataset)
            return
        _drop_private(dataset, self.options.private)
        person = str(dataset.get("PatientID", "") or ""), str(dataset.get("PatientName", "") or "")
        # In these two, none of the attributes in question is of type 1 (PS3.3, A.3 and A.4).
        spare = dataset.get("SOPClassUID", "") in (MRImageStorage, CTImageStorage)
        days = self.pseudonyms.shift_days(*person)
        _Job(self, days, identifiers_of(dataset), spare).clean(dataset, is_outermost=True)
        alias = self.pseudonyms.patient(*person)
        dataset.PatientName, dataset.PatientID = alias, alias

    def action(self, element: DataElement, *, spare: bool) -> Action:
        """Return what becomes of an element that is not private; ``spare``: dummies are needless.

        What the table does not name is kept only if it is surely harmless.
        """
        if element.keyword in attributes("pictures"):
            return Action.REMOVE
        if element.keyword in KINDS:
            return Action.KEEP
        listed = self._table.get(int(element.tag)) or repeating_action(element.tag)
        if listed is Action.REMOVE_OR_DUMMY:
            return Action.REMOVE if spare else Action.DUMMY
        if listed is Action.EMPTY_OR_DUMMY:
            return Action.EMPTY if spare else Action.DUMMY
        return listed or self._unlisted(element)

    def _unlisted(self, element: DataElement) -> Action:
        # A text does not get harmless by calling itself a code.
        kinds = {element.VR, _standard_vr(element.tag)}
        if element.VR == "SQ":
            return Action.ENTER
        if "UI" in kinds:
            return Action.KEEP if self.options.keep_uids else Action.UID
        if kinds & set(TIMES):
            return date_action(self.options)
        if "" in kinds or (kinds & set(BYTES) and element.keyword not in attributes("tables")):
            return Action.REMOVE
        is_text = bool(kinds & set(TEXTS)) and element.keyword not in attributes("technique")
        kept = self.options.keep_patient_characteristics
        is_body = element.keyword in attributes("body") and not kept
        return Action.EMPTY if is_text or is_body or kinds & {"PN", "AS"} else Action.KEEP


def _clean_as_published(dataset: Dataset) -> None:
    for keyword in attributes("jeong2020"):
        if keyword in dataset:
            dataset[keyword].value = nothing(dataset[keyword].VR)
    for keyword in attributes("pictures"):
        if keyword in dataset:
            delattr(dataset, keyword)


@dataclass(frozen=True)
class _Job:
    """The cleaning of one file."""

    rules: Cleaner
    shift_days: int
    known: Identifiers
    spare: bool

    def clean(self, dataset: Dataset, *, is_outermost: bool) -> None:
        """Clean a data set and what is nested in it."""
        _drop_local_codes(dataset)
        for tag in _tags(dataset):
            element = dataset[tag]
            if element.keyword in PIXELS and is_outermost:
                continue
            if tag.is_private:
                action = self._private_action(element)
            elif element.keyword in PIXELS:
                action = Action.REMOVE
            else:
                action = self.rules.action(element, spare=self.spare)
            if action is Action.REMOVE:
                del dataset[tag]
            else:
                self._apply(element, action)
                self._sweep(element)

    def _private_action(self, element: DataElement) -> Action:
        """Return what becomes of a private element that is on the list of the safe ones."""
        if element.tag.is_private_creator:
            return Action.KEEP
        if element.VR == "UN":
            raw = element.value if isinstance(element.value, bytes) else b""
            is_short = len(raw) <= LONGEST_UNKNOWN and ITEM not in raw
            named = self.known.are_in(raw.decode("utf-8", "replace"))
            return Action.KEEP if is_short and not named else Action.REMOVE
        if element.VR in TIMES:
            return date_action(self.rules.options)
        by_kind = {"SQ": Action.ENTER, "PN": Action.EMPTY, "UI": Action.UID}
        return by_kind.get(element.VR, Action.KEEP)

    def _apply(self, element: DataElement, action: Action) -> None:
        if action is Action.ENTER or (element.VR == "SQ" and action is Action.KEEP):
            for item in element.value or ():
                self.clean(item, is_outermost=False)
            return
        if not is_well_formed(element) and element.keyword not in STRUCTURE:
            action = Action.EMPTY
        replace: dict[Action, Callable[[], Any]] = {
            Action.EMPTY: lambda: nothing(element.VR),
            Action.DUMMY: lambda: dummy(element, self.rules.pseudonyms),
            Action.UID: lambda: each(element, self.rules.pseudonyms.uid),
            Action.CLEAN: lambda: self._cleaned(element),
            Action.SHIFT: lambda: self._shifted(element),
            Action.AGE: lambda: each(element, told_age),
        }
        if action in replace:
            element.value = replace[action]()

    def _cleaned(self, element: DataElement) -> Any:
        if element.VR not in TEXTS:
            return nothing(element.VR)
        left = each(element, clean_text)
        return left if left or self.spare else dummy(element, self.rules.pseudonyms)

    def _shifted(self, element: DataElement) -> Any:
        if element.VR == "TM":
            return element.value
        return each(element, lambda value: shifted(value, self.shift_days))

    def _sweep(self, element: DataElement) -> None:
        """Empty what still holds a name or number that this file gives for its patient."""
        if element.VR not in (*TEXTS, "CS", "PN") or element.keyword in STRUCTURE:
            return
        if any(self.known.are_in(value) for value in values_of(element)):
            element.value = nothing(element.VR)


def _tags(dataset: Dataset) -> list[BaseTag]:
    """Return all tags of a data set, without decoding a value."""
    return list(dataset.keys())


def _standard_vr(tag: BaseTag) -> str:
    """Return the kind of value that the standard gives an attribute; nothing for unknown ones."""
    return dictionary_VR(tag) if keyword_for_tag(tag) else ""


def _drop_private(dataset: Dataset, rules: tuple[PrivateRule, ...]) -> None:
    """Remove private elements that no rule names, at every depth, whatever they hold."""
    kept: set[int] = set()
    for tag in _tags(dataset) if rules else ():
        if not tag.is_private or tag.element < 0x1000:
            continue
        creator = tag.group << 16 | tag.element >> 8
        name = str(dataset[creator].value).strip() if creator in dataset else ""
        if PrivateRule(tag.group, tag.element & 0xFF, name) in rules:
            kept |= {int(tag), creator}
    for tag in _tags(dataset):
        if tag.is_private and tag not in kept:
            del dataset[tag]
        elif dataset[tag].VR == "SQ":
            for item in dataset[tag].value or ():
                _drop_private(item, rules)


def _drop_local_codes(dataset: Dataset) -> None:
    """Empty codes of a site's own: their meanings are free text."""
    is_code = any(keyword in dataset for keyword in CODE_KEYWORDS)
    if is_code and dataset.get("CodingSchemeDesignator") not in PUBLIC_CODES:
        for keyword in CODE_KEYWORDS:
            if keyword in dataset:
                dataset[keyword].value = None
