"""The table of features: written by people, read from files of strangers."""

from __future__ import annotations

import json

import pytest

from bids_deface.errors import UsageError
from bids_deface.feature_check import table_from
from bids_deface.feature_table import FeatureMethod
from bids_deface.settings import DefaceSettings

CHIN = {"label": 8, "color": "#e69f00"}
BROW = {"label": [9, 10], "color": ["#111111", "#222222"], "method": "remove"}


def test_a_table_comes_back_from_its_json():
    table = table_from({"chin": {**CHIN, "offset_mm": [[0, 100.5, -120]]}, "brow": BROW})
    assert table_from(json.loads(json.dumps(table.to_dict()))) == table
    assert [row.name for row in table.labels] == ["chin", "left brow", "right brow"]
    assert table.classes[-2:] == ("chin", "brow")
    assert table.name_of(10) == "right brow"
    assert table.name_of(3) == "nose"
    assert table.feature("brow").method is FeatureMethod.REMOVE


def test_sides_stick_out_of_their_own_side():
    table = table_from({"jaw": {**BROW, "outward": "sides"}, "nape": {**CHIN, "outward": "back"}})
    assert [table.outward_of(index) for index in (9, 10, 8, 3)] == [
        (0, -1), (0, 1), (1, -1), (1, 1),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "values", "word"),
    [
        ("Chin", CHIN, "name"),
        ("chin\n", CHIN, "name"),
        ("../chin", CHIN, "name"),
        ("nose", CHIN, "name"),
        ("chin", {"color": "#000000"}, "no label"),
        ("chin", {**CHIN, "label": 7}, "none of 8"),
        ("chin", {**CHIN, "label": True}, "none of 8"),
        ("chin", {**CHIN, "label": [8, 8], "color": ["#000000"] * 2}, "twice"),
        ("chin", {**CHIN, "label": [8, 9, 10]}, "neither one"),
        ("chin", {**CHIN, "color": "red"}, "#rrggbb"),
        ("chin", {**CHIN, "color": ["#000000", "#000000"]}, "as many colours"),
        ("chin", {**CHIN, "method": "os.system"}, "flatten remove noise"),
        ("chin", {**CHIN, "outward": "inside"}, "front"),
        ("chin", {**CHIN, "outward": "sides"}, "two labels"),
        ("chin", {**CHIN, "margin_mm": 1e9}, "between 0 and 20"),
        ("chin", {**CHIN, "left_ml": float("nan")}, "between 0"),
        ("chin", {**CHIN, "expected": "yes"}, "true nor false"),
        ("chin", {**CHIN, "offset_mm": [[0, 0]]}, "offset_mm"),
        ("chin", {**CHIN, "offset_mm": [[0, 0, float("inf")]]}, "offset_mm"),
        ("chin", {**CHIN, "code": "x"}, "unknown key"),
        ("chin", "x", "no table"),
    ],
)
def test_whatever_is_wrong_is_told(name, values, word):
    with pytest.raises(ValueError, match=word):
        table_from({name: values})


def test_too_many_features_and_no_table_are_refused():
    with pytest.raises(ValueError, match="more than 16"):
        table_from({f"f{n}": {"label": n + 8, "color": "#000000"} for n in range(17)})
    with pytest.raises(ValueError, match="no table"):
        table_from(["chin"])


def test_settings_choose_among_standard_and_own_features():
    table = table_from({"chin": CHIN, "brow": BROW})
    everything = DefaceSettings.of(table=table)
    assert everything.names == ("eyes", "nose", "ears", "mouth", "chin", "brow")
    assert everything.labels == {1, 2, 3, 4, 5, 6, 8, 9, 10}
    some = DefaceSettings.of(["chin", "nose"], table=table, methods={"chin": "noise"})
    assert some.names == ("nose", "chin")
    assert some.chosen_methods == {"chin": "noise"}
    assert "air noise" in some.descriptions["chin"]
    assert DefaceSettings.of(["chin"], table=table).features == ()
    for wrong in ({"nose": "noise"}, {"brow": "noise"}, {"chin": "burn"}):
        with pytest.raises(UsageError, match="method"):
            DefaceSettings.of(["chin"], table=table, methods=wrong)
    with pytest.raises(UsageError, match="level face"):
        DefaceSettings.of(level="face", table=table, methods={"chin": "noise"})
    with pytest.raises(UsageError, match="chin"):
        DefaceSettings.of(["chin"])
