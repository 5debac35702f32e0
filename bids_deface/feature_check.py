"""Tables of features come from people and from files of strangers: every value is checked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

from bids_deface.anatomy import CLASSES
from bids_deface.feature_table import (
    FIRST_LABEL,
    LAST_LABEL,
    SIDES,
    ExtraFeature,
    FeatureMethod,
    FeatureTable,
)

NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,30}")
COLOR: Final = re.compile(r"#[0-9a-f]{6}")
#: A table is data of a stranger: no more features than these, no greater numbers.
MOST_FEATURES: Final = 16
GREATEST: Final[Mapping[str, float]] = MappingProxyType(
    {"margin_mm": 20.0, "least_ml": 500.0, "left_ml": 500.0}
)
GREATEST_OFFSET_MM: Final = 500.0
#: Words that mean something else.
RESERVED: Final = frozenset({*CLASSES, "face", "head", "all", "none", "left", "right"})


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
