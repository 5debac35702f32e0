"""Features that weights know beside the standard ones: a table that travels with the weights.

The table is written as TOML by who labels heads, and as JSON in the metadata of a weights file.
Both come from outside, so that every value is checked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from bids_deface.anatomy import CLASSES, LABELS, OUTWARD, Label, name_of

NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,30}")
COLOR: Final = re.compile(r"#[0-9a-f]{6}")
#: The first label index and the last one that a table may use.
FIRST_LABEL: Final = max(label.index for label in LABELS) + 1
LAST_LABEL: Final = 254
#: A table is data of a stranger: no more features than these, no greater numbers.
MOST_FEATURES: Final = 16
GREATEST: Final[Mapping[str, float]] = MappingProxyType(
    {"margin_mm": 20.0, "least_ml": 500.0, "left_ml": 500.0}
)
GREATEST_OFFSET_MM: Final = 500.0
#: Words that mean something else.
RESERVED: Final = frozenset({*CLASSES, "face", "head", "all", "none", "left", "right"})


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
        """Return a JSON-serialisable form, which :func:`table_from` reads."""
        return {
            feature.name: {k: v for k, v in asdict(feature).items() if k != "name"}
            for feature in self.features
        }


#: What the shipped weights know: the standard features only.
STANDARD: Final = FeatureTable()


def table_from(content: object) -> FeatureTable:
    """Check a table and return it.

    Parameters
    ----------
    content
        Feature name to its settings, as parsed from TOML or JSON.

    Raises
    ------
    ValueError
        In words, what is wrong with it.
    """
    if not isinstance(content, Mapping):
        raise ValueError("the table of features is no table")  # noqa: TRY004
    if len(content) > MOST_FEATURES:
        raise ValueError(f"{len(content)} features are more than {MOST_FEATURES}")
    table = FeatureTable(tuple(_feature(name, values) for name, values in content.items()))
    indices = [row.index for row in table.labels]
    twice = sorted({index for index in indices if indices.count(index) > 1})
    if twice:
        raise ValueError(f"the label {twice[0]} is used twice")
    return table


def _feature(name: object, values: object) -> ExtraFeature:
    """Check one feature."""
    name, values = _checked_name(name, values)
    checked: dict[str, Any] = {"name": name}
    for key in ("label", "color"):
        if key not in values:
            raise ValueError(f"{name} has no {key}")
        value = values[key]
        checked[key] = tuple(value) if isinstance(value, list | tuple) else (value,)
    _check_labels(name, checked["label"], checked["color"])
    words = _one_of(f"method of {name}", values.get("method", "flatten"), [*FeatureMethod])
    checked["method"] = FeatureMethod(words)
    checked["outward"] = _one_of(f"outward of {name}", values.get("outward", "front"), [*SIDES])
    if not isinstance(values.get("expected", True), bool):
        raise ValueError(f"expected of {name} is neither true nor false")  # noqa: TRY004
    checked["expected"] = values.get("expected", True)
    for key in GREATEST.keys() & values.keys():
        checked[key] = _number(f"{key} of {name}", values[key], GREATEST[key])
    if "offset_mm" in values:
        checked["offset_mm"] = _offsets(name, values["offset_mm"], len(checked["label"]))
    feature = ExtraFeature(**checked)
    if feature.outward == "sides" and not feature.is_paired:
        raise ValueError(f"{name} lies on both sides, so it needs two labels: left, right")
    return feature


def _checked_name(name: object, values: object) -> tuple[str, Mapping[str, Any]]:
    """Check a feature's name and the names of its settings."""
    if not isinstance(name, str) or not NAME.fullmatch(name) or name in RESERVED:
        raise ValueError(
            f"{name!r:.60} cannot be the name of a new feature (lower-case letters, digits and _; "
            f"not {', '.join(sorted(RESERVED))})"
        )
    if not isinstance(values, Mapping):
        raise ValueError(f"{name} is no table")  # noqa: TRY004
    known = set(ExtraFeature.__dataclass_fields__) - {"name"}
    unknown = sorted(str(key) for key in set(values) - known)
    if unknown:
        raise ValueError(f"{name} has an unknown key {unknown[0]!r:.60}; known: {sorted(known)}")
    return name, values


def _check_labels(name: str, label: tuple[Any, ...], color: tuple[Any, ...]) -> None:
    """Check label indices and colours: one of each, or two for left and right."""
    if not 1 <= len(label) <= 2:
        raise ValueError(f"label of {name} is neither one index nor two (left, right)")
    for index in label:
        is_whole = isinstance(index, int) and not isinstance(index, bool)
        if not is_whole or not FIRST_LABEL <= index <= LAST_LABEL:
            raise ValueError(
                f"label {index!r:.20} of {name} is none of {FIRST_LABEL} to {LAST_LABEL}"
            )
    if len(color) != len(label):
        raise ValueError(f"{name} needs as many colours as labels")
    for one in color:
        if not isinstance(one, str) or not COLOR.fullmatch(one):
            raise ValueError(
                f"color {one!r:.20} of {name} is not of the form #rrggbb (lower case)"
            )


def _offsets(name: str, value: object, n: int) -> tuple[tuple[float, float, float], ...]:
    """Check places relative to the brain: none, or one for each label."""
    rows = value if isinstance(value, list | tuple) else ()
    if len(rows) not in (0, n) or not all(
        isinstance(row, list | tuple)
        and len(row) == 3
        and all(isinstance(v, int | float) and abs(v) <= GREATEST_OFFSET_MM for v in row)
        for row in rows
    ):
        raise ValueError(f"offset_mm of {name} is no place of each label, in mm")
    return tuple((float(x), float(y), float(z)) for x, y, z in rows)


def _one_of(what: str, value: object, words: Iterable[str]) -> str:
    known = [str(word) for word in words]
    if not isinstance(value, str) or value not in known:
        raise ValueError(f"{what} is {value!r:.60}; choose from {' '.join(known)}")
    return value


def _number(what: str, value: object, greatest: float) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not 0 <= float(value) <= greatest:  # type: ignore[arg-type]
        raise ValueError(f"{what} is {value!r:.20}, not between 0 and {greatest:g}")
    return float(value)  # type: ignore[arg-type]
