from __future__ import annotations

import os
import sqlite3

import pytest
from bids.layout import BIDSLayout

from bids_deface.dataset.filters import Filters
from bids_deface.dataset.layout import STAMP, left_out, open_layout
from bids_deface.dataset.query import find_images
from bids_deface.errors import OutputError

T1W = "sub-1/ses-1/anat/sub-1_ses-1_T1w.nii.gz"
NEW = "sub-1/ses-1/anat/sub-1_ses-1_T2w.nii.gz"


def found(raw, database):
    layout = open_layout(raw, database=database)
    return [record.relative for record in find_images(layout, Filters())]


def add(raw, name):
    (raw / name).parent.mkdir(parents=True, exist_ok=True)
    (raw / name).write_bytes(b"")


def test_an_index_is_made_once_and_again_when_files_come_or_go(make_bids, tmp_path):
    raw, database = make_bids({T1W: b""}), tmp_path / "db"
    assert found(raw, database) == [T1W]
    made = (database / "layout_index.sqlite").stat().st_mtime_ns
    assert found(raw, database) == [T1W]
    assert (database / "layout_index.sqlite").stat().st_mtime_ns == made
    add(raw, NEW)
    os.utime((raw / NEW).parent, (0, 0))
    assert found(raw, database) == [T1W, NEW], "whatever the folder's time says"
    (raw / T1W).unlink()
    assert found(raw, database) == [NEW]
    (raw / ".bidsignore").write_text("*_T2w.*\n")
    add(raw, T1W)
    assert found(raw, database) == [T1W]


@pytest.mark.parametrize("folder", ["perf/x", "sub-9/ses-9/anat", "a_run-7_T2w.json", "(x)+"])
@pytest.mark.parametrize("database", [None, "db"])
def test_folders_above_the_dataset_say_nothing_of_its_images(
    make_bids, tmp_path, folder, database
):
    (tmp_path / folder).parent.mkdir(parents=True, exist_ok=True)
    raw = make_bids({T1W: b"", "sub-2/anat/sub-2_T1w.nii.gz": b""}).rename(tmp_path / folder)
    for _ in range(2):
        layout = open_layout(raw, database=database and tmp_path / database)
        first, second = find_images(layout, Filters())
        assert (first.relative, first.entities) == (T1W, {"sub": "1", "ses": "1"})
        assert second.entities == {"sub": "2"}
        assert left_out(layout, ["anat"]) == []


def test_only_the_folders_of_those_asked_for_are_looked_into(make_bids):
    raw = make_bids({f"sub-{s}/anat/sub-{s}_T1w.nii.gz": b"" for s in ("1", "10", "2")})
    (raw / "sub-10" / "anat" / "odd.nii.gz").write_bytes(b"")
    layout = open_layout(raw, participants=("1", "2"))
    assert layout.get_subjects() == ["1", "2"]
    assert left_out(layout, ["anat"], participants=("1", "2")) == []
    assert left_out(open_layout(raw), ["anat"]) == ["sub-10/anat/odd.nii.gz"]


def test_sidecars_are_those_of_today(make_bids, tmp_path):
    raw, database = make_bids({T1W: b"", "T1w.json": b'{"EchoTime": 1}'}), tmp_path / "db"
    for time in (1, 2):
        (raw / "T1w.json").write_text(f'{{"EchoTime": {time}}}')
        record = find_images(open_layout(raw, database=database), Filters())[0]
        assert record.sidecar == {"EchoTime": time}


def test_an_index_that_was_not_finished_is_made_anew(make_bids, tmp_path):
    raw, database = make_bids({T1W: b""}), tmp_path / "db"
    found(raw, database)
    (database / STAMP).write_text("")
    with sqlite3.connect(database / "layout_index.sqlite") as index:
        index.execute("DELETE FROM files")
    index.close()
    assert found(raw, database) == [T1W]


def test_the_index_of_another_program_is_read_and_never_written(make_bids, tmp_path):
    raw, database = make_bids({T1W: b""}), tmp_path / "db"
    BIDSLayout(raw, database_path=database)
    before = (database / "layout_index.sqlite").read_bytes()
    assert found(raw, database) == [T1W]
    add(raw, "sub-2/anat/sub-2_T1w.nii.gz")
    with pytest.raises(OutputError, match="another program"):
        found(raw, database)
    assert (database / "layout_index.sqlite").read_bytes() == before
