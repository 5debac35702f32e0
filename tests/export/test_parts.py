"""Parts of an export: placing, dates, rows, sidecars, companions."""

from __future__ import annotations

import json
import os
from datetime import date

import pytest

from bids_deface.containers.files import write_whole
from bids_deface.errors import InvalidBIDSError
from bids_deface.export.companions import leave_companions
from bids_deface.export.item import Dates, Fate, Item
from bids_deface.export.placing import Way, place_file
from bids_deface.export.roots import changes_of, readme_of
from bids_deface.export.rows import TableRows, files_and_folders
from bids_deface.export.sidecars import clean_sidecar
from bids_deface.export.tables import (
    choose_dates,
    clean_table,
    days_of_subject,
    dropped,
    shifter,
)


def test_a_file_comes_to_its_place_whole_and_once(tmp_path):
    source, target = tmp_path / "a", tmp_path / "deep" / "b"
    source.write_bytes(b"scan")
    way = place_file(source, target)
    assert way in (Way.REFLINK, Way.HARD_LINK)
    assert place_file(source, target) is Way.THERE
    assert target.read_bytes() == b"scan"
    assert [path.name for path in target.parent.iterdir()] == ["b"]
    # What is written anew takes the place of a link, and never goes through it.
    write_whole(target, b"new")
    assert source.read_bytes() == b"scan"
    assert place_file(source, target, copy=True) is Way.COPY
    assert target.stat().st_nlink == 1


def test_a_hard_link_is_replaced_where_copies_are_asked_for(tmp_path):
    source, target = tmp_path / "a", tmp_path / "b"
    source.write_bytes(b"scan")
    os.link(source, target)
    assert place_file(source, target, copy=True) is Way.COPY
    assert not target.samefile(source)


def test_a_link_stands_for_what_it_leads_to(tmp_path):
    (tmp_path / "content").write_bytes(b"scan")
    link, target = tmp_path / "link", tmp_path / "b"
    link.symlink_to("content")
    place_file(link, target)
    assert not target.is_symlink()
    assert target.read_bytes() == b"scan"


def test_all_dates_of_a_subject_go_before_1925_by_one_shift_that_is_kept(tmp_path):
    days = days_of_subject(["2019-03-04T10:11:12", "2020-03-04T00:00:00", "n/a"], [])
    shift = shifter(days)
    late, early = shift("2020-03-04T00:00:00"), shift("2019-03-04T10:11:12.1234567")
    assert late < "1925"
    apart = date.fromisoformat(late[:10]) - date.fromisoformat(early[:10])
    assert apart.days == 366
    assert early.endswith("T10:11:12.123456")
    assert shift("n/a") == "n/a"
    assert shift(late) == late, "what was shifted before stays"
    assert shift("in spring") == "n/a"
    assert days_of_subject(["2021-01-01"], [("2020-03-04T00:00:00", late)]) == days
    others = {days_of_subject(["2020-03-04"], []) for _ in range(20)}
    assert len(others) > 10, "drawn by chance"


def test_dates_can_be_dropped(tmp_path):
    assert dropped("2020-03-04T00:00:00") == "n/a"
    assert dropped("1911-03-04T00:00:00") == "1911-03-04T00:00:00"
    chosen = choose_dates(tmp_path, tmp_path, ["sub-1/sub-1_scans.tsv", "x.tsv"], Dates.DROP)
    assert list(chosen) == ["sub-1/sub-1_scans.tsv"]


def test_rows_follow_their_files():
    known = files_and_folders({"sub-1/ses-a/anat/sub-1_ses-a_T1w.nii.gz"})
    scans = TableRows("sub-1/ses-a/sub-1_ses-a_scans.tsv", known)
    assert scans.keeps({"filename": "anat/sub-1_ses-a_T1w.nii"})
    assert scans.name_of("anat/sub-1_ses-a_T1w.nii") == "anat/sub-1_ses-a_T1w.nii.gz"
    assert not scans.keeps({"filename": "anat/sub-1_ses-a_T2w.nii.gz"})
    people = TableRows("participants.tsv", known)
    assert people.keeps({"participant_id": "sub-1"})
    assert not people.keeps({"participant_id": "sub-2"})
    sessions = TableRows("sub-1/sub-1_sessions.tsv", known)
    assert sessions.keeps({"session_id": "ses-a"})
    assert not sessions.keeps({"session_id": "ses-b"})
    assert TableRows("phenotype/iq.json", known).keeps({"other": "x"})


def test_a_table_that_tells_nothing_stays_as_it_is(tmp_path):
    (tmp_path / "participants.tsv").write_text("participant_id\tage\nsub-1\t33\n")
    assert clean_table(tmp_path, "participants.tsv", lambda row: True, str) == (None, ())
    (tmp_path / "participants.tsv").write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidBIDSError):
        clean_table(tmp_path, "participants.tsv", lambda row: True, str)


def test_a_sidecar_that_tells_nothing_stays_as_it_is(tmp_path):
    (tmp_path / "x.json").write_text('{"EchoTime": 0.1, "InstitutionName": ""}')
    content, notes = clean_sidecar(tmp_path, "x.json", (), {})
    assert json.loads(content) == {"EchoTime": 0.1}
    assert notes == ("InstitutionName removed",)
    (tmp_path / "x.json").write_text('{"EchoTime": 0.1}')
    assert clean_sidecar(tmp_path, "x.json", (), {}) == (None, ())
    (tmp_path / "x.json").write_text("{")
    with pytest.raises(InvalidBIDSError):
        clean_sidecar(tmp_path, "x.json", (), {})


@pytest.mark.parametrize(
    "target",
    ["bids::sub-1/func/b.nii.gz", "bids:raw:sub-1/func/b.nii.gz", "func/b.nii.gz"],
)
def test_pointers_to_lost_images_go(tmp_path, target):
    (tmp_path / "x.json").write_text(json.dumps({"IntendedFor": [target, "func/a.nii.gz"]}))
    content, _ = clean_sidecar(tmp_path, "x.json", {"sub-1/func/b.nii.gz"}, {})
    assert json.loads(content) == {"IntendedFor": ["func/a.nii.gz"]}


def test_companions_go_where_their_images_go():
    def item(file: str, fate: Fate = Fate.AS_IS) -> Item:
        return Item(file, fate)

    kept = ["bold.json", "participants.tsv", "sub-1/anat/sub-1_T1w.json", "sub-1/sub-1_scans.tsv"]
    lost = [
        "sub-1/func/sub-1_task-b_bold.json", "task-b_bold.json", "sub-1/anat/sub-1_T2w.json",
        "sub-1/func/sub-1_task-b_events.tsv",
        "sub-1/func/sub-1_task-b_recording-pulse_physio.tsv.gz",
    ]  # fmt: skip
    images = [
        item("sub-1/anat/sub-1_T1w.nii.gz"),
        item("sub-1/anat/sub-1_T2w.nii.gz", Fate.LEFT_OUT),
        item("sub-1/func/sub-1_task-a_bold.nii.gz"),
        item("sub-1/func/sub-1_task-b_bold.nii.gz", Fate.LEFT_OUT),
    ]
    done = leave_companions([*images, *map(item, kept + lost)])
    assert [one.file for one in done[4:] if not one.is_shared] == lost


def test_readme_and_changes_are_written_in_their_own_style(tmp_path):
    name, text = readme_of(tmp_path, "No dates.")
    assert (name, text[:17]) == ("README", b"De-identification")
    (tmp_path / "README.md").write_text("# Study\n")
    name, text = readme_of(tmp_path, "No dates.")
    assert name == "README.md"
    assert text.startswith(b"# Study\n\n## De-identification\n")
    name, text = changes_of(tmp_path, tmp_path / "share")
    assert text.startswith(b"1.0.0 20")
    (tmp_path / "share").mkdir()
    (tmp_path / "share" / name).write_bytes(text.replace(b"1.0.0 20", b"1.0.0 19"))
    assert changes_of(tmp_path, tmp_path / "share")[1].startswith(b"1.0.0 19"), "one date"
