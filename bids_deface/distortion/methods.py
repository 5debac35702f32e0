"""The registry: which method hides which feature."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np

from bids_deface.anatomy import ALL_FEATURES, OUTWARD, FacialFeature, labels_of
from bids_deface.distortion.auricle import remove_auricle
from bids_deface.distortion.erasure import erase
from bids_deface.distortion.front import smooth_front
from bids_deface.distortion.jeong2020 import (
    noise_auricle,
    overwrite_eye_surface,
    zero_nose_box,
)
from bids_deface.distortion.scene import Change, Scene
from bids_deface.feature_table import STANDARD, FeatureMethod, FeatureTable

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
class Hiding:
    """Regions that are hidden in one go.

    Attributes
    ----------
    labels
        Their indices.
    step
        How.
    outward
        Axis and direction in which they stick out of the head.
    """

    labels: tuple[int, ...]
    step: Step
    outward: tuple[int, int]


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

    def tasks(
        self, chosen: Iterable[FacialFeature], extras: FeatureTable = STANDARD
    ) -> Iterator[Hiding]:
        """Yield what is hidden in one go, in order.

        Parameters
        ----------
        chosen
            Standard features.
        extras
            Features of the weights' own table; what of them is flattened in front joins the
            surface of eyes, nose and mouth, if there is one.
        """
        wanted, joined = set(chosen), frozenset[int]()
        for step in self.steps:
            labels = [i for f in step.features if f in wanted for i in labels_of(f)]
            if step.together and labels:
                joined = frozenset(_flat_in_front(extras))
                yield Hiding((*labels, *sorted(joined)), step, OUTWARD[labels[0]])
            else:
                yield from (Hiding((i,), step, OUTWARD[i]) for i in labels)
        for feature in extras.features:
            step = Step((), METHODS[feature.method])
            for index in feature.label:
                if index not in joined:
                    yield Hiding((index,), step, feature.outward_of(index))


def _flat_in_front(extras: FeatureTable) -> Iterator[int]:
    """Yield the labels of features that are flattened in front."""
    for feature in extras.features:
        if feature.method is FeatureMethod.FLATTEN and feature.outward == "front":
            yield from feature.label


def _noise(scene: Scene, axis: int, sign: int, rng: np.random.Generator) -> Change:
    """Replace a region by air noise, whichever way it sticks out."""
    del axis, sign
    return erase(scene, rng)


#: How a feature of a table can be hidden.
METHODS: Final[Mapping[FeatureMethod, Method]] = MappingProxyType(
    {
        FeatureMethod.FLATTEN: smooth_front,
        FeatureMethod.REMOVE: remove_auricle,
        FeatureMethod.NOISE: _noise,
    }
)


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
