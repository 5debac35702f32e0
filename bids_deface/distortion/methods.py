"""The registry: which method hides which feature."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np

from bids_deface.anatomy import ALL_FEATURES, FacialFeature
from bids_deface.distortion.jeong2020 import (
    noise_auricle,
    overwrite_eye_surface,
    zero_nose_box,
)
from bids_deface.distortion.scene import Change, Scene
from bids_deface.distortion.surface import flatten_surface, remove_outward

#: A method takes the scene, the outward axis and direction, and a random generator.
Method = Callable[[Scene, int, int, np.random.Generator], Change]


@dataclass(frozen=True)
class Protocol:
    """A named set of methods.

    Attributes
    ----------
    name
        As given to ``--protocol``.
    methods
        Feature to method.
    descriptions
        Feature to a sentence for sidecars and reports.
    """

    name: str
    methods: Mapping[FacialFeature, Method]
    descriptions: Mapping[FacialFeature, str]

    @property
    def features(self) -> tuple[FacialFeature, ...]:
        """Features this protocol can hide, in the order of :class:`FacialFeature`."""
        return tuple(f for f in ALL_FEATURES if f in self.methods)


DEFAULT_PROTOCOL: Final = Protocol(
    name="default",
    methods=MappingProxyType(
        {
            FacialFeature.EYES: flatten_surface,
            FacialFeature.NOSE: remove_outward,
            FacialFeature.EARS: remove_outward,
            FacialFeature.MOUTH: flatten_surface,
        }
    ),
    descriptions=MappingProxyType(
        {
            FacialFeature.EYES: "surface flattened to one local skin intensity",
            FacialFeature.NOSE: "removed and replaced by air noise of the scan",
            FacialFeature.EARS: "auricles replaced by air noise of the scan",
            FacialFeature.MOUTH: "surface flattened to one local skin intensity",
        }
    ),
)

JEONG2020: Final = Protocol(
    name="jeong2020",
    methods=MappingProxyType(
        {
            FacialFeature.EYES: overwrite_eye_surface,
            FacialFeature.NOSE: zero_nose_box,
            FacialFeature.EARS: noise_auricle,
        }
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
