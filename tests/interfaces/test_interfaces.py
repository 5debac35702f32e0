from __future__ import annotations

import json
from pathlib import Path

import pytest
from nipype.interfaces.base import isdefined

from bids_deface.interfaces.deface import Deface
from bids_deface.interfaces.plot import PlotPictures


@pytest.fixture
def in_tmp(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_deface_node_writes_scan_mask_regions_and_record(head_file, in_tmp):
    node = Deface(
        in_file=str(head_file), source="sub-1/x.nii.gz", features=["nose"], num_threads=2
    )
    out = node.run(cwd=str(in_tmp)).outputs
    for name in (out.out_file, out.out_mask, out.out_dseg):
        assert Path(name).is_file()
        assert Path(name).parent == in_tmp
    record = json.loads(Path(out.out_result).read_text())
    assert record["Source"] == "sub-1/x.nii.gz"
    assert record["Features"] == ["nose"]
    assert record["Seconds"] > 0
    drawn = PlotPictures(
        original=str(head_file),
        in_file=out.out_file,
        in_mask=out.out_mask,
        in_dseg=out.out_dseg,
        threshold=out.threshold,
    ).run(cwd=str(in_tmp))
    assert all(Path(path).is_file() for path in drawn.outputs.figures.values())


def test_a_bad_image_is_an_answer_not_a_crash(in_tmp):
    (in_tmp / "bad.nii.gz").write_bytes(b"no image")
    out = Deface(in_file=str(in_tmp / "bad.nii.gz")).run(cwd=str(in_tmp)).outputs
    record = json.loads(Path(out.out_result).read_text())
    assert record["Verdict"] == "FAIL"
    assert "no NIfTI" in record["Reasons"][0]
    assert not isdefined(out.out_file)
    drawn = PlotPictures(original=str(in_tmp / "bad.nii.gz")).run(cwd=str(in_tmp)).outputs
    assert drawn.figures == {}
