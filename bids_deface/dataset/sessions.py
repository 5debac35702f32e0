"""A session is one head: which image may lend its regions to which."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum

from bids_deface.dataset.query import ImageRecord
from bids_deface.dataset.suffixes import describe

#: More references than this are not tried for one image.
MOST_REFERENCES = 3


class Regions(StrEnum):
    """Where the regions of one image come from."""

    OWN = "its own"
    FAMILY = "its family's"
    INHERITED = "the session's"


def find_references(
    records: Sequence[ImageRecord],
) -> Iterator[tuple[ImageRecord, Regions, tuple[ImageRecord, ...]]]:
    """Yield each image, where its regions come from, and from which images they may come.

    Nothing is ever lent across sessions or subjects.

    Parameters
    ----------
    records
        Images, best reference of each session first.
    """
    leaders: dict[tuple[str, str, str], ImageRecord] = {}
    for record in sorted(records, key=_fitness_to_lead):
        leaders.setdefault((*_session(record), record.family), record)
    lenders: dict[tuple[str, str], list[ImageRecord]] = {}
    for record in records:
        if leaders[(*_session(record), record.family)] is record and record.shows_tissue:
            lenders.setdefault(_session(record), []).append(record)
    for record in records:
        leader = leaders[(*_session(record), record.family)]
        others = [r for r in lenders.get(_session(record), []) if r is not record]
        # Anatomical images show the face best: a T1w never asks a BOLD image.
        others = [r for r in others if r.datatype == "anat" or record.datatype != "anat"]
        if leader.shows_tissue and leader is not record:
            rest = [r for r in others if r is not leader]
            yield record, Regions.FAMILY, (leader, *rest[:MOST_REFERENCES])
        elif record.shows_tissue:
            yield record, Regions.OWN, tuple(others[:MOST_REFERENCES])
        else:
            yield record, Regions.INHERITED, tuple(others[:MOST_REFERENCES])


def is_one_scan(record: ImageRecord, leader: ImageRecord) -> bool:
    """Tell whether two members of a family came out of one acquisition: echoes, parts, inversions.

    Flip angles and magnetisation transfers are scanned one after the other: the head may move.
    """
    apart = ("echo", "part", *(("inv",) if "MP2RAGE" in record.family else ()))

    def scan(of: ImageRecord) -> dict[str, str]:
        return {key: label for key, label in of.entities.items() if key not in apart}

    return record.family == leader.family and scan(record) == scan(leader)


def _session(record: ImageRecord) -> tuple[str, str]:
    return record.subject, record.session


def _fitness_to_lead(record: ImageRecord) -> tuple[bool, bool, bool, int, str]:
    """Order the members of a family: the one that shows skin and dark air best comes first."""
    rank = describe(record.datatype, record.suffix).rank
    # UNIT1 has salt-and-pepper air; the second inversion shows more skin than the first.
    noisy, dim = record.suffix == "UNIT1", record.entities.get("inv") == "1"
    return not record.shows_tissue, noisy, dim, rank, record.relative
