"""What is on disk is compared with the input before anybody can see it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

import bids_deface.containers.files
from bids_deface.anatomy import BRAIN
from bids_deface.assurance.brain import ChangeCount, count_written
from bids_deface.checked_save import save_defaced
from bids_deface.containers.load import load_volume
from bids_deface.containers.save import save_volume
from bids_deface.errors import DefaceError, OutputError
from bids_deface.interfaces.deface import Deface
from bids_deface.places import Edit
from tests.containers import made


def write(path: Path, data: np.ndarray) -> Path:
    image = {".mgz": nib.MGHImage, ".img": nib.Nifti1Pair}.get(path.suffix, nib.Nifti1Image)
    nib.save(image(data, np.eye(4, dtype=np.float32)), path)
    return path


@pytest.fixture
def tiny(defaced, tmp_path):
    """A result of 6 x 5 x 4 voxels and two frames, of which two voxels change."""

    def make(name: str):
        before = np.arange(240, dtype=np.int16).reshape(6, 5, 4, 2, order="F")
        scan = load_volume(write(tmp_path / name, before))
        after, mask = np.array(scan.data, order="F"), np.zeros((6, 5, 4), np.uint8)
        after[1, 1, 1, 0] = after[2, 2, 2, 1] = 999
        mask[1, 1, 1] = mask[2, 2, 2] = 1
        dseg = np.zeros_like(mask)
        dseg[5, 4, 3] = BRAIN
        result = replace(
            defaced, volume=scan.with_data(after), dseg=dseg, changes=ChangeCount(2, 0, 0),
            edits=(Edit((slice(None),) * 3, mask > 0, (), {}, 0),),
            features=replace(defaced.features, turn=np.eye(4)),
        )  # fmt: skip
        return result, tmp_path / name

    return make


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".img", ".mgz"])
def test_what_is_right_is_written(tiny, tmp_path, suffix):
    result, source = tiny(f"in{suffix}")
    save_defaced(result, tmp_path / "out" / f"o{suffix}", source)
    save_volume(result.volume, tmp_path / f"plain{suffix}")
    one, two = (made.unpacked(tmp_path / n) for n in (f"out/o{suffix}", f"plain{suffix}"))
    assert one == two


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".img", ".mgz"])
@pytest.mark.parametrize("place", ["voxel", "header", "end"])
def test_a_wrong_byte_on_disk_leaves_nothing(tiny, tmp_path, monkeypatch, suffix, place):
    """One byte that the disk, or a bug, changes between the memory and the file."""
    result, source = tiny(f"in{suffix}")
    honest = bids_deface.containers.files.voxel_bytes
    volume = result.volume
    if place == "header":
        monkeypatch.setattr(
            bids_deface.containers.save, "_pieces",
            lambda start, v: [bytes([start[0] ^ 1]) + start[1:], *honest(v.data), v.trailer],
        )  # fmt: skip
    else:
        content = bytearray(volume.data.tobytes(order="F"))
        if place == "voxel":
            content[50] ^= 1
        else:
            del content[-3:]
        monkeypatch.setattr(bids_deface.containers.save, "voxel_bytes", lambda data: [content])
    if (suffix, place) == (".img", "header"):
        result = replace(result, volume=replace(volume, lead=b"x" * 16))
    with pytest.raises(OutputError, match="nothing was kept"):
        save_defaced(result, tmp_path / "out" / f"o{suffix}", source)
    assert not list((tmp_path / "out").iterdir())


def test_a_wrong_header_of_a_pair_leaves_nothing(tiny, tmp_path, monkeypatch):
    result, source = tiny("in.img")
    honest = bids_deface.containers.save.stream
    monkeypatch.setattr(
        bids_deface.containers.save, "stream",
        lambda pieces, zipped: honest(
            [b"\0" * 348] if isinstance(pieces, list) else pieces, zipped=zipped
        ),
    )  # fmt: skip
    with pytest.raises(OutputError, match=r"o\.hdr: the header"):
        save_defaced(result, tmp_path / "out" / "o.img", source)
    assert not list((tmp_path / "out").iterdir())


def test_an_input_that_changed_meanwhile_is_noticed(tiny, tmp_path):
    result, source = tiny("in.nii")
    data = np.array(load_volume(source).data)
    data[0, 0, 0, 1] += 1
    write(source, data)
    with pytest.raises(DefaceError, match="1 outside the mask"):
        save_defaced(result, tmp_path / "o.nii", source)
    assert not (tmp_path / "o.nii").exists()


def test_brain_voxels_on_disk_are_counted(tiny):
    result, source = tiny("in.nii")
    before = np.split(load_volume(source).data.reshape(6, 5, 8, order="F"), [3], axis=2)
    after = np.array(result.volume.data)
    after[5, 4, 3, 0] += 1
    slabs = np.split(after.reshape(6, 5, 8, order="F"), [3], axis=2)
    mask = result.mask | (result.dseg == BRAIN)
    assert count_written(before, slabs, mask, result.dseg) == ChangeCount(3, 0, 1)
    assert count_written(before, slabs, result.mask, result.dseg) == ChangeCount(3, 1, 1)


def test_the_node_keeps_no_file_that_differs(head_file, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "bids_deface.checked_save.count_written",
        lambda *_: ChangeCount(1, outside_mask=1, in_brain=0),
    )
    node = Deface(in_file=str(head_file), features=["nose"])
    with pytest.raises(OutputError, match="1 outside the mask"):
        node.run(cwd=str(tmp_path))
    assert not list(tmp_path.rglob("*.nii.gz"))
