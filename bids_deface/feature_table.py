"""Features that weights know beside the standard ones: a table that travels with the weights.

The table is written as TOML by who labels heads, and as JSON in the metadata of a weights file;
`bids_deface.feature_check` reads both.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from bids_deface.anatomy import CLASSES, LABELS, OUTWARD, Label, name_of

#: The first label index and the last one that a table may use.
FIRST_LABEL: Final = max(label.index for label in LABELS) + 1
LAST_LABEL: Final = 254


class FeatureMethod(StrEnum):
    """How a feature of the table is hidden."""

    FLATTEN = "flatten"
    REMOVE = "remove"
    NOISE = "noise"


#: Side of the head on which a feature lies to axis (right, anterior, superior) and direction of
#: its left (or only) region and of its right one.
SIDES: Final[Mapping[str, tuple[tuple[int, int], tuple[int, int]]]] = MappingProxyType(
    {
        "front": ((1, 1), (1, 1)),
        "back": ((1, -1), (1, -1)),
        "top": ((2, 1), (2, 1)),
        "bottom": ((2, -1), (2, -1)),
        "left": ((0, -1), (0, -1)),
        "right": ((0, 1), (0, 1)),
        "sides": ((0, -1), (0, 1)),
    }
)

DESCRIPTIONS: Final[Mapping[FeatureMethod, str]] = MappingProxyType(
    {
        FeatureMethod.FLATTEN: "laid under smooth skin of one local intensity",
        FeatureMethod.REMOVE: "cut down to the skin around; air noise of the scan in its place",
        FeatureMethod.NOISE: "replaced by air noise of the scan",
    }
)


@dataclass(frozen=True)
class ExtraFeature:
    """One feature of the table.

    Attributes
    ----------
    name
        Lower-case letters, digits and ``_``.
    label
        Index in label maps, or the indices of its left and its right region.
    color
        Display colour ``#rrggbb`` of each region.
    method
        How it is hidden unless the user says otherwise.
    outward
        Side of the head on which it lies, a key of `SIDES`.
    margin_mm
        How far beyond what is found it is hidden.
    expected
        Whether every head has it: then an image in which it is not found awaits review.
    least_ml
        A smaller region is none.
    left_ml
        The most tissue of it that may be as it was; more awaits review. Of a feature that becomes
        noise all of it counts, of any other one the skin.
    offset_mm
        Mean centroid of each region relative to the brain's (right, anterior, superior), for a
        brain of 1400 ml; measured in training. Empty where a feature may be anywhere.
    """

    name: str
    label: tuple[int, ...]
    color: tuple[str, ...]
    method: FeatureMethod = FeatureMethod.FLATTEN
    outward: str = "front"
    margin_mm: float = 2.0
    expected: bool = True
    least_ml: float = 0.5
    left_ml: float = 0.5
    offset_mm: tuple[tuple[float, float, float], ...] = ()

    @property
    def is_paired(self) -> bool:
        """Whether there is a left and a right one."""
        return len(self.label) == 2

    @property
    def labels(self) -> tuple[Label, ...]:
        """Rows of the look-up table, left before right."""
        names = [f"left {self.name}", f"right {self.name}"] if self.is_paired else [self.name]
        rows = zip(self.label, names, self.color, strict=True)
        return tuple(Label(index, name, color, None) for index, name, color in rows)

    def outward_of(self, index: int) -> tuple[int, int]:
        """Return axis and direction in which the region with this label index sticks out."""
        return SIDES[self.outward][self.label.index(index)]


@dataclass(frozen=True)
class FeatureTable:
    """Features that weights know beside the standard ones, in the order of their classes."""

    features: tuple[ExtraFeature, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the features."""
        return tuple(feature.name for feature in self.features)

    @property
    def classes(self) -> tuple[str, ...]:
        """Classes of the softmax, in channel order: the standard ones first."""
        return (*CLASSES, *self.names)

    @property
    def labels(self) -> tuple[Label, ...]:
        """Rows of the look-up table beside the standard ones."""
        return tuple(label for feature in self.features for label in feature.labels)

    @property
    def all_labels(self) -> tuple[Label, ...]:
        """Rows of the whole look-up table."""
        return (*LABELS, *self.labels)

    def feature(self, name: str) -> ExtraFeature:
        """Return a feature by its name, which must be in the table."""
        return next(feature for feature in self.features if feature.name == name)

    def owner(self, index: int) -> ExtraFeature | None:
        """Return the feature to which a label index belongs; None for a standard one."""
        return next((f for f in self.features if index in f.label), None)

    def name_of(self, index: int) -> str:
        """Return the region name of a label index."""
        return next((row.name for row in self.labels if row.index == index), "") or name_of(index)

    def outward_of(self, index: int) -> tuple[int, int]:
        """Return axis and direction in which a region sticks out of the head."""
        owner = self.owner(index)
        return owner.outward_of(index) if owner else OUTWARD[index]

    def chosen(self, names: Iterable[str], methods: Mapping[str, str]) -> FeatureTable:
        """Return some of the features, some of them hidden otherwise than the table says."""
        wanted = set(names)
        return FeatureTable(
            tuple(
                replace(f, method=FeatureMethod(methods.get(f.name, f.method)))
                for f in self.features
                if f.name in wanted
            )
        )

    def to_dict(self) -> dict[str, dict[str, Any]]:
        """Return a JSON-serialisable form, which `feature_check.table_from` reads."""
        return {
            feature.name: {k: v for k, v in asdict(feature).items() if k != "name"}
            for feature in self.features
        }


#: What the shipped weights know: the standard features only.
STANDARD: Final = FeatureTable()
