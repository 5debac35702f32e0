"""The registry: which method hides which feature."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np

from bids_deface.anatomy import ALL_FEATURES, FacialFeature, labels_of
from bids_deface.distortion.auricle import remove_auricle
from bids_deface.distortion.front import smooth_front
from bids_deface.distortion.jeong2020 import (
    noise_auricle,
    overwrite_eye_surface,
    zero_nose_box,
)
from bids_deface.distortion.scene import Change, Scene

#: A method takes the scene, the outward axis and direction, and a random generator.
Method = Callable[[Scene, int, int, np.random.Generator], Change]


@dataclass(frozen=True)
class Step:
    """Features that one method hides.

    Attributes
    ----------
    features
        What it can hide.
    method
        How.
    together
        Whether the chosen ones are hidden as one surface; else region by region.
    around_mm
        Surroundings the method sees.
    """

    features: tuple[FacialFeature, ...]
    method: Method
    together: bool = False
    around_mm: float = 20.0


@dataclass(frozen=True)
class Protocol:
    """A named set of methods.

    Attributes
    ----------
    name
        As given to ``--protocol``.
    steps
        What is hidden how, in order.
    descriptions
        Feature to a sentence for sidecars and reports.
    """

    name: str
    steps: tuple[Step, ...]
    descriptions: Mapping[FacialFeature, str]

    @property
    def features(self) -> tuple[FacialFeature, ...]:
        """Features this protocol can hide, in the order of :class:`FacialFeature`."""
        return tuple(f for f in ALL_FEATURES if f in self.descriptions)

    def tasks(self, chosen: Iterable[FacialFeature]) -> Iterator[tuple[tuple[int, ...], Step]]:
        """Yield the label indices that are hidden in one go, and how, in order."""
        wanted = set(chosen)
        for step in self.steps:
            labels = [i for f in step.features if f in wanted for i in labels_of(f)]
            for indices in [tuple(labels)] if step.together else [(i,) for i in labels]:
                if indices:
                    yield indices, step


DEFAULT_PROTOCOL: Final = Protocol(
    name="default",
    steps=(
        Step(
            (FacialFeature.EYES, FacialFeature.NOSE, FacialFeature.MOUTH),
            smooth_front,
            together=True,
        ),
        Step((FacialFeature.EARS,), remove_auricle),
    ),
    descriptions=MappingProxyType(
        {
            FacialFeature.EYES: "laid under randomly bumpy skin of one local intensity",
            FacialFeature.NOSE: "cut down to that surface; air noise of the scan in its place",
            FacialFeature.EARS: "auricles replaced by air noise of the scan",
            FacialFeature.MOUTH: "laid under randomly bumpy skin of one local intensity",
        }
    ),
)

JEONG2020: Final = Protocol(
    name="jeong2020",
    steps=(
        Step((FacialFeature.EYES,), overwrite_eye_surface),
        # The doubled box of a nose reaches half its height beyond it.
        Step((FacialFeature.NOSE,), zero_nose_box, around_mm=40.0),
        Step((FacialFeature.EARS,), noise_auricle),
    ),
    descriptions=MappingProxyType(
        {
            FacialFeature.EYES: "voxels within 2 voxels of the surface set to skin intensity",
            FacialFeature.NOSE: "bounding box, doubled, set to 0",
            FacialFeature.EARS: "auricle voxels set to random values in the range of air noise",
        }
    ),
)

PROTOCOLS: Final[Mapping[str, Protocol]] = MappingProxyType(
    {p.name: p for p in (DEFAULT_PROTOCOL, JEONG2020)}
)
