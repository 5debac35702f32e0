from __future__ import annotations

import gzip
import json
from pathlib import Path

import nibabel as nib
import numpy as np
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
    assert record["Notes"] == []
    drawn = PlotPictures(
        original=str(head_file),
        in_file=out.out_file,
        in_mask=out.out_mask,
        in_dseg=out.out_dseg,
        threshold=out.threshold,
    ).run(cwd=str(in_tmp))
    assert all(Path(path).is_file() for path in drawn.outputs.figures.values())


def test_the_node_keeps_the_kind_of_file_and_notes_what_it_dropped(head, in_tmp):
    source = in_tmp / "head.mgz"
    nib.save(nib.MGHImage(head.data, head.affine.astype(np.float32)), source)
    source.write_bytes(gzip.compress(gzip.decompress(source.read_bytes()) + b"command line"))
    out = Deface(in_file=str(source), features=["nose"]).run(cwd=str(in_tmp)).outputs
    assert Path(out.out_file).name == "file.mgz"
    assert Path(out.out_mask).name == "mask.nii.gz"
    record = json.loads(Path(out.out_result).read_text())
    assert record["Notes"] == ["tags after the voxels dropped (12 bytes)"]
    assert b"command line" not in gzip.decompress(Path(out.out_file).read_bytes())
    kept = Deface(in_file=str(source), features=["nose"], keep_extensions=True)
    out = kept.run(cwd=str(in_tmp)).outputs
    assert json.loads(Path(out.out_result).read_text())["Notes"] == []
    assert gzip.decompress(Path(out.out_file).read_bytes()).endswith(b"command line")


def test_a_bad_image_is_an_answer_not_a_crash(in_tmp):
    (in_tmp / "bad.nii.gz").write_bytes(b"no image")
    out = Deface(in_file=str(in_tmp / "bad.nii.gz")).run(cwd=str(in_tmp)).outputs
    record = json.loads(Path(out.out_result).read_text())
    assert record["Verdict"] == "FAIL"
    assert "no NIfTI" in record["Reasons"][0]
    assert not isdefined(out.out_file)
    drawn = PlotPictures(original=str(in_tmp / "bad.nii.gz")).run(cwd=str(in_tmp)).outputs
    assert drawn.figures == {}
