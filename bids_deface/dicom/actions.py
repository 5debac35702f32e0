"""What the standard says becomes of each attribute: PS3.15, table E.1-1, and its options.

The table comes from dicom-anonymizer, which takes it from the standard's own text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum, auto
from functools import cache
from importlib import import_module
from typing import Final

from pydicom.datadict import dictionary_VR, keyword_for_tag, tag_for_keyword
from pydicom.tag import BaseTag

from bids_deface.dicom.attributes import attributes
from bids_deface.dicom.options import Dates, HeaderOptions
from bids_deface.dicom.values import TIMES

#: Edition of the standard.
EDITION: Final = "2026c"


class Action(Enum):
    """What becomes of an attribute."""

    REMOVE = auto()
    EMPTY = auto()
    DUMMY = auto()
    REMOVE_OR_DUMMY = auto()
    EMPTY_OR_DUMMY = auto()
    UID = auto()
    KEEP = auto()
    CLEAN = auto()
    SHIFT = auto()
    AGE = auto()
    ENTER = auto()


#: Column "Basic Profile". Where it leaves a choice, what keeps any object valid is taken: an empty
#: value for X/Z (type 2); a dummy only in kinds of objects that may need one (type 1).
_BASIC: Final = {
    "X_TAGS": Action.REMOVE,
    "X_Z_TAGS": Action.EMPTY,
    "X_D_TAGS": Action.REMOVE_OR_DUMMY,
    "X_Z_D_TAGS": Action.EMPTY_OR_DUMMY,
    "X_Z_U_STAR_TAGS": Action.ENTER,
    "Z_TAGS": Action.EMPTY,
    "Z_D_TAGS": Action.EMPTY_OR_DUMMY,
    "D_TAGS": Action.DUMMY,
    "U_TAGS": Action.UID,
}
#: Dates that no option keeps, and a time zone that goes with those that are kept.
NEVER_DATES: Final = ("PatientBirthDate", "PatientBirthTime", "GPSTimeStamp")
TIME_ZONE: Final = "TimezoneOffsetFromUTC"


@cache
def basic_profile() -> Mapping[int, Action]:
    """Return the table: tag to action; repeating groups are in :func:`repeating_action`."""
    table = import_module(f"dicomanonymizer.dicom_anonymization_databases.dicomfields_{EDITION}")
    return {
        tag[0] << 16 | tag[1]: action
        for name, action in _BASIC.items()
        for tag in getattr(table, name)
        if len(tag) == 2
    }


def repeating_action(tag: BaseTag) -> Action | None:
    """Return what becomes of curves and overlays: no pictures within the picture are kept."""
    first = tag.group >> 8
    return Action.REMOVE if first in (0x50, 0x60) else None


def action_table(options: HeaderOptions) -> Mapping[int, Action]:
    """Return the basic profile with what the options change in it."""
    table = dict(basic_profile())
    if options.clean_descriptors:
        table |= _all(attributes("descriptors"), Action.CLEAN)
    if options.keep_uids:
        uids = (Action.UID, Action.ENTER)
        table |= {tag: Action.KEEP for tag, action in table.items() if action in uids}
    if options.keep_device:
        table |= _all(attributes("device"), Action.KEEP)
    if options.dates is not Dates.NONE or options.keep_device:
        # Dates of a device follow all others: one that is true would tell by how much they lie.
        dates = [tag for tag in table if _is_date(tag)]
        gone = options.dates is Dates.NONE
        kept = dates if not gone else [tag for tag in dates if table[tag] is Action.KEEP]
        table |= dict.fromkeys(kept, date_action(options))
        table |= {} if gone else _all([TIME_ZONE], Action.KEEP)
    if options.keep_institution:
        table |= _all(attributes("institution"), Action.KEEP)
    if options.keep_patient_characteristics:
        table |= _all(attributes("patient"), Action.KEEP) | _all(["PatientAge"], Action.AGE)
        table |= _all(attributes("patient_texts"), Action.CLEAN)
    return table


def date_action(options: HeaderOptions) -> Action:
    """Return what becomes of a date that may be kept."""
    kept = {Dates.SHIFTED: Action.SHIFT, Dates.ORIGINAL: Action.KEEP, Dates.NONE: Action.EMPTY}
    return kept[options.dates]


def _is_date(tag: int) -> bool:
    try:
        vr = dictionary_VR(tag)
    except KeyError:
        return False
    return vr in TIMES and keyword_for_tag(tag) not in NEVER_DATES


def _all(keywords: Iterable[str], action: Action) -> dict[int, Action]:
    return {int(tag): action for word in keywords if (tag := tag_for_keyword(word)) is not None}
