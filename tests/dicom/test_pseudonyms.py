"""Keyed replacements, cleaned texts and lists of safe private elements."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bids_deface.dicom.actions import Action, action_table, basic_profile
from bids_deface.dicom.descriptors import clean_text
from bids_deface.dicom.options import Dates, HeaderOptions, PrivateRule
from bids_deface.dicom.private_tags import read_private_rules
from bids_deface.dicom.pseudonyms import Pseudonyms, load_key, shifted
from bids_deface.errors import NoInputError, UsageError

ONE, TWO = Pseudonyms(b"1" * 32), Pseudonyms(b"2" * 32)


def test_equal_things_stay_equal_under_one_key() -> None:
    assert ONE.uid("1.2.3") == ONE.uid("1.2.3")
    assert ONE.uid("1.2.3") != ONE.uid("1.2.4")
    assert ONE.uid("1.2.3") != TWO.uid("1.2.3")
    assert ONE.patient("A") != ONE.patient("B") != TWO.patient("B")
    assert ONE.shift_days("A") != ONE.shift_days("B")


@given(st.from_regex(r"1\.[1-9]\d{0,5}(\.[1-9]\d{0,8}){1,4}", fullmatch=True))
def test_uids_are_valid(uid: str) -> None:
    new = ONE.uid(uid)
    assert new.startswith("2.25.")
    assert len(new) <= 64


def test_the_standards_uids_stay() -> None:
    assert ONE.uid("1.2.840.10008.1.2.1") == "1.2.840.10008.1.2.1"
    assert ONE.uid("") == ""


def test_representations_tell_no_key() -> None:
    assert "1" * 8 not in repr(ONE) + str(ONE)
    assert (b"1" * 32).hex() not in repr(ONE)


@pytest.mark.parametrize(
    ("value", "expected"),
    [("20210301", "20210228"), ("20210301120000.5", "20210228120000.5"), ("2021", ""), ("x", "")],
)
def test_dates_are_shifted_by_days(value: str, expected: str) -> None:
    assert shifted(value, 1) == expected


def test_a_key_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "site.key"
    made = load_key(path)
    assert load_key(path).key == made.key
    assert len(made.key) == 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_is_no_key_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a key")
    with pytest.raises(NoInputError, match=r"notes\.txt is no key"):
        load_key(path)
    assert path.read_text() == "not a key"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("t1_mprage_sag 1mm Miller", "t1 mprage sag 1mm"),
        ("AX T2 FLAIR, Dr. Smith 12.03.1985", "AX T2 FLAIR"),
        ("DTI b1000 64dir #4711", "DTI b1000"),
        ("12-03-1985", ""),
        ("", ""),
    ],
)
def test_texts_keep_known_words_only(text: str, kept: str) -> None:
    assert clean_text(text) == kept


def test_safe_private_elements_are_read(tmp_path: Path) -> None:
    path = tmp_path / "safe.txt"
    path.write_text(
        "# b-values\n(0019,xx0C) SIEMENS MR HEADER  # one\n\n(2001,xx03) Philips Imaging DD 001\n"
    )
    assert read_private_rules(path) == (
        PrivateRule(0x0019, 0x0C, "SIEMENS MR HEADER"),
        PrivateRule(0x2001, 0x03, "Philips Imaging DD 001"),
    )


@pytest.mark.parametrize("line", ["(0018,xx0C) EVEN", "0019,0c SIEMENS", "(0019,xx0C)"])
def test_a_wrong_list_is_refused_with_its_line(tmp_path: Path, line: str) -> None:
    path = tmp_path / "safe.txt"
    path.write_text(f"# list\n{line}\n")
    with pytest.raises(UsageError, match="line 2"):
        read_private_rules(path)


def test_the_table_is_the_standards() -> None:
    table = basic_profile()
    assert len(table) > 600
    assert table[0x00100010] is Action.EMPTY
    assert table[0x00101040] is Action.REMOVE
    assert table[0x00080018] is Action.UID
    assert table[0x00080080] is Action.EMPTY_OR_DUMMY


def test_options_change_their_rows_only() -> None:
    basic = action_table(HeaderOptions())
    dated = action_table(HeaderOptions(dates=Dates.ORIGINAL))
    assert dated[0x00080020] is Action.KEEP
    assert dated[0x00100030] is Action.EMPTY
    changed = {tag for tag in basic if basic[tag] is not dated[tag]}
    # PS3.15 marks 165 attributes as dates and times; two are bytes that no option of ours keeps.
    assert 150 < len(changed) < 170
    device = action_table(HeaderOptions(keep_device=True))
    assert device[0x00181000] is Action.KEEP
    assert device[0x00080080] is basic[0x00080080]
