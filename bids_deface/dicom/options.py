"""What becomes of the headers: profile and options of DICOM PS3.15 Annex E."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Profile(StrEnum):
    """Which rules hold for the headers."""

    BASIC = "basic"
    JEONG2020 = "jeong2020"


class Dates(StrEnum):
    """What becomes of dates and times."""

    NONE = "none"
    SHIFTED = "shifted"
    ORIGINAL = "original"


@dataclass(frozen=True, order=True)
class PrivateRule:
    """A private element that is safe: group, last byte of the element, creator."""

    group: int
    element: int
    creator: str


@dataclass(frozen=True)
class HeaderOptions:
    """Profile and options, as in PS3.15 E.3.

    Attributes
    ----------
    profile
        ``basic``: the Basic Application Level Confidentiality Profile. ``jeong2020``: the 20
        fields that the paper empties, which is less than the standard asks for.
    dates
        Retain Longitudinal Temporal Information: with modified dates, full dates, or not at all.
    keep_uids, keep_device, keep_institution, keep_patient_characteristics
        The standard's options of that name.
    private
        Retain Safe Private Option: these elements are kept.
    clean_descriptors
        Clean Descriptors Option: of descriptions, the words are kept that are on a list of
        terms of the field (``descriptors.py``).
    """

    profile: Profile = Profile.BASIC
    dates: Dates = Dates.NONE
    keep_uids: bool = False
    keep_device: bool = False
    keep_institution: bool = False
    keep_patient_characteristics: bool = False
    private: tuple[PrivateRule, ...] = ()
    clean_descriptors: bool = False
