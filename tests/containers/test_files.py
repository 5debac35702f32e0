from __future__ import annotations

import pytest

from bids_deface.containers.files import write_together, write_whole
from bids_deface.containers.load import load_volume
from bids_deface.containers.save import save_volume
from bids_deface.errors import OutputError


def test_gzip_holds_neither_time_nor_name(head_file, tmp_path):
    save_volume(load_volume(head_file), tmp_path / "out.nii.gz")
    start = (tmp_path / "out.nii.gz").read_bytes()[:10]
    assert start[3] == 0, "no name, no comment"
    assert start[4:8] == b"\0\0\0\0", "no time"


def test_nothing_half_written_where_the_folder_is_a_file(head_file, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError):
        save_volume(load_volume(head_file), tmp_path / "file" / "out.nii.gz")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_writer_that_fails_leaves_what_was_there(tmp_path):
    def fail(file):
        file.write(b"half")
        raise RuntimeError("stopped")

    write_whole(tmp_path / "a", b"old")
    with pytest.raises(RuntimeError):
        write_together({tmp_path / "a": lambda file: file.write(b"new"), tmp_path / "b": fail})
    assert [p.name for p in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_bytes() == b"old"
