"""What an audit says of one file, and what that means for sharing."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a finding is about."""

    FACE = "face"
    TEXT = "text"
    FILE = "file"


class Weight(StrEnum):
    """What a finding means for sharing."""

    PROBLEM = "problem"
    NOTE = "note"
    FINE = "fine"


@dataclass(frozen=True)
class Finding:
    """One row of an audit.

    Attributes
    ----------
    file
        Path within the dataset, posix.
    kind
        What it is about.
    item
        Feature, field, column or kind of file.
    status
        Of a feature as in :class:`bids_deface.detection.plausibility.Status`; else what was found
        in a word. Never what stands in the file.
    weight
        What it means for sharing.
    reason
        In words.
    """

    file: str
    kind: Kind
    item: str
    status: str
    weight: Weight
    reason: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        """What tells a finding from others: a person who accepts it accepts this."""
        return self.file, self.kind.value, self.item


def problems_among(
    findings: Iterable[Finding], accepted: Collection[tuple[str, str, str]] = (), *, strict: bool
) -> list[Finding]:
    """Return the findings that speak against sharing.

    Parameters
    ----------
    findings
        Of an audit.
    accepted
        Keys of those that a person has looked at and found to be good.
    strict
        Whether notes count as well.
    """
    counted = (Weight.PROBLEM, Weight.NOTE) if strict else (Weight.PROBLEM,)
    return [f for f in findings if f.weight in counted and f.key not in accepted]
