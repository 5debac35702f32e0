"""The identity test: how often a head is found among many, before and after defacing.

The gallery are the original heads. Each probe is matched against all of them, as in
Schwarz et al. 2019 (doi 10.1056/NEJMc1908881), by attackers who look at the face only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bids_deface.assurance.head_frame import FramedHead
from bids_deface.assurance.matching import (
    Rate,
    centred,
    cosine_distances,
    map_distances,
    match_rate,
)
from bids_deface.assurance.picture_attack import face_pictures, hog_descriptor, lbp_descriptor
from bids_deface.assurance.recogniser import recogniser_descriptor
from bids_deface.assurance.surface_attack import radius_map

#: Fewer heads tell nothing: one guess in five is right by chance, and all are among the top 5.
LEAST_HEADS: Final = 5
TOP: Final = 5


class Probe(StrEnum):
    """What the attacker holds against the original heads."""

    RESCAN = "rescan"
    DEFACED = "defaced"
    DEFACED_RESCAN = "defaced rescan"


@dataclass(frozen=True)
class HeadPrint:
    """What the attackers see of one image. It shows a face: kept in memory, never written.

    Attributes
    ----------
    radii
        Of :func:`bids_deface.assurance.surface_attack.radius_map`.
    descriptors
        Name to descriptor of the pictures.
    """

    radii: NDArray[np.float32]
    descriptors: Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Person:
    """One head: its original, what is matched with it, and where defacing touched it.

    Attributes
    ----------
    original
        In the gallery.
    probes
        Other images of the same head.
    touched
        bool, of the shape of ``HeadPrint.radii``.
    """

    original: HeadPrint
    probes: Mapping[Probe, HeadPrint]
    touched: NDArray[np.bool_]


@dataclass(frozen=True)
class Outcome:
    """How often one attacker matched one kind of probe.

    Attributes
    ----------
    attacker
        ``surface``, or a descriptor of pictures.
    area
        ``face``, or the part of it that defacing ``touched`` or left ``untouched``.
    probe
        What was matched with the originals.
    heads
        Number of probes, one for each person.
    rank_1, top_5
        The right person came first, or among the first five.
    """

    attacker: str
    area: str
    probe: Probe
    heads: int
    rank_1: Rate
    top_5: Rate


def head_print(head: FramedHead, recogniser: Any | None = None) -> HeadPrint:
    """Return what the attackers see of a head.

    Parameters
    ----------
    head
        In the common box.
    recogniser
        Of :func:`bids_deface.assurance.recogniser.load_recogniser`; None leaves it out.
    """
    pictures = face_pictures(head)
    descriptors = {"HOG": hog_descriptor(pictures), "LBP": lbp_descriptor(pictures)}
    if recogniser is not None:
        descriptors["ResNet"] = recogniser_descriptor(recogniser, pictures)
    return HeadPrint(radius_map(head), descriptors)


def identity_test(persons: Sequence[Person], strangers: Sequence[HeadPrint] = ()) -> list[Outcome]:
    """Match every probe of every person with all originals.

    Parameters
    ----------
    persons
        ``LEAST_HEADS`` or more, no one twice.
    strangers
        Originals of others, who are in the gallery and are never probes.
    """
    return [
        Outcome(attacker, area, probe, len(distances), match_rate(distances, 1),
                match_rate(distances, TOP))
        for probe in Probe
        for attacker, area, distances in _attacks(persons, strangers, probe)
    ]  # fmt: skip


def _attacks(
    persons: Sequence[Person], strangers: Sequence[HeadPrint], probe: Probe
) -> Iterator[tuple[str, str, NDArray[np.float64]]]:
    """Yield attacker, area and distances (probe by gallery)."""
    touched = np.stack([p.touched.ravel() for p in persons])
    originals = [*(p.original for p in persons), *strangers]
    probes = [p.probes[probe] for p in persons]
    gallery, held = (
        centred(np.stack([h.radii.ravel() for h in heads])) for heads in (originals, probes)
    )
    areas = {"face": np.ones_like(touched), "touched": touched, "untouched": ~touched}
    for area, where in areas.items():
        yield "surface", area, map_distances(held, gallery, where)
    for name in originals[0].descriptors:
        gallery, held = (
            centred(np.stack([h.descriptors[name] for h in heads]))
            for heads in (originals, probes)
        )
        yield f"picture, {name}", "face", cosine_distances(held, gallery)
