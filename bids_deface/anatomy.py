"""Words of the project: facial features, label tables and anatomical limits."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class FacialFeature(StrEnum):
    """A facial feature that can be chosen for defacing."""

    EYES = "eyes"
    NOSE = "nose"
    EARS = "ears"
    MOUTH = "mouth"


ALL_FEATURES: Final = tuple(FacialFeature)
#: Features that stick out of the head: the whole region shows them, not its skin alone.
PROTRUDING: Final = (FacialFeature.NOSE, FacialFeature.EARS)


@dataclass(frozen=True)
class Label:
    """One row of a BIDS ``dseg.tsv`` look-up table.

    Attributes
    ----------
    index
        Voxel value in the segmentation.
    name
        Region name; left and right are the subject's.
    color
        Display colour as ``#rrggbb``.
    feature
        Facial feature the region belongs to, or None for the brain.
    """

    index: int
    name: str
    color: str
    feature: FacialFeature | None


#: Colours after Okabe and Ito, which those who see red and green alike can tell apart.
LABELS: Final = (
    Label(1, "left eye", "#0072b2", FacialFeature.EYES),
    Label(2, "right eye", "#56b4e9", FacialFeature.EYES),
    Label(3, "nose", "#d55e00", FacialFeature.NOSE),
    Label(4, "left ear", "#009e73", FacialFeature.EARS),
    Label(5, "right ear", "#7fe0c0", FacialFeature.EARS),
    Label(6, "mouth", "#f0e442", FacialFeature.MOUTH),
    Label(7, "brain", "#cc79a7", None),
)
#: Their indices.
LEFT_EYE, RIGHT_EYE, NOSE, LEFT_EAR, RIGHT_EAR, MOUTH, BRAIN = (row.index for row in LABELS)
#: Where regions meet, later ones are drawn over earlier ones; the brain over all.
PRIORITY: Final = (4, 5, 6, 1, 2, 3, BRAIN)

#: Classes of the detector's softmax, in channel order.
CLASSES: Final = ("background", "eyes", "nose", "ears", "mouth", "brain")
BRAIN_CLASS: Final = CLASSES.index("brain")
FACE_CLASSES: Final = tuple(feature.value for feature in FacialFeature)

#: Class channel of each label index (left and right share a class).
CLASS_OF_LABEL: Final[Mapping[int, int]] = MappingProxyType(
    {
        label.index: CLASSES.index(label.feature.value if label.feature else "brain")
        for label in LABELS
    }
)


def labels_of(feature: FacialFeature) -> tuple[int, ...]:
    """Return the label indices that make up ``feature``, left before right."""
    return tuple(label.index for label in LABELS if label.feature is feature)


def name_of(index: int) -> str:
    """Return the region name of a label index."""
    return next(label.name for label in LABELS if label.index == index)


#: Axis (right, anterior, superior) and direction in which each region sticks out of the head.
OUTWARD: Final[Mapping[int, tuple[int, int]]] = MappingProxyType(
    {1: (1, 1), 2: (1, 1), 3: (1, 1), 4: (0, -1), 5: (0, 1), 6: (1, 1)}
)


@dataclass(frozen=True)
class Limits:
    """What a human head can be, in millimetres and millilitres.

    The bounds are wide on purpose: they hold from toddlers to large adults and reject what
    is not anatomy. They were set around the ranges seen on the training heads
    (see the model card), widened by half for other ages and by the detector's own error.
    """

    brain_ml: tuple[float, float] = (250.0, 2300.0)
    #: Least volume of a region that counts as found.
    eye_ml: tuple[float, float] = (3.0, 45.0)
    nose_ml: tuple[float, float] = (2.0, 80.0)
    ear_ml: tuple[float, float] = (0.9, 45.0)
    mouth_ml: tuple[float, float] = (2.0, 60.0)
    #: Distance kept free around the predicted brain.
    brain_margin_mm: float = 3.0


LIMITS: Final = Limits()

#: Mean centroid of each region relative to the brain's (right, anterior, superior; mm), for a
#: brain of 1400 ml. From the 75 training heads on which every feature is fully visible.
REFERENCE_OFFSETS_MM: Final[Mapping[int, tuple[float, float, float]]] = MappingProxyType(
    {
        1: (-31.4, 84.3, -29.2),
        2: (31.4, 84.3, -29.2),
        3: (0.0, 114.0, -56.9),
        4: (-74.5, -9.3, -53.9),
        5: (74.5, -9.3, -53.9),
        6: (0.0, 109.7, -96.3),
    }
)
REFERENCE_BRAIN_ML: Final = 1400.0


def head_scale(brain_ml: float) -> float:
    """Return the size of a head in relation to the reference, from the volume of its brain."""
    return math.cbrt(brain_ml / REFERENCE_BRAIN_ML)
