"""Pixels out of files and back: values, places, transfer syntaxes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from bids_deface.containers.load import load_volume
from bids_deface.containers.save import save_volume
from bids_deface.dicom.pixels import put_pixels, read_frames
from bids_deface.dicom.series import collect
from bids_deface.dicom.stacking import stack_frames
from bids_deface.dicom.volumes import frames_of, layout_of, load_stacks
from bids_deface.errors import SeriesError
from bids_deface.volume import Volume
from tests.dicom.made import write_enhanced, write_series

RNG = np.random.default_rng(3)
AFFINE = np.array([[0, 0, 1.2, -7], [-0.9, 0, 0, 20], [0, -1.1, 0, 33], [0, 0, 0, 1]], float)
LARGE = RNG.integers(0, 4096, (48, 40, 1), dtype=np.uint16)
DATA = RNG.integers(0, 4096, (12, 10, 9), dtype=np.uint16)


def volumes_in(folder: Path) -> list[Volume]:
    (series,) = collect(folder).series
    return load_stacks(stack_frames([f for one in series.instances for f in one.frames]))


def test_slices_come_to_their_place(tmp_path: Path) -> None:
    write_series(tmp_path, DATA, AFFINE)
    (volume,) = volumes_in(tmp_path)
    assert np.array_equal(volume.data, DATA)
    assert np.allclose(volume.affine, AFFINE, atol=1e-6)


@pytest.mark.parametrize("dtype", [np.int16, np.uint8, np.int32])
def test_stored_values_of_all_kinds_are_read(tmp_path: Path, dtype: type) -> None:
    data = RNG.integers(-100 if np.dtype(dtype).kind == "i" else 0, 200, (5, 3, 9)).astype(dtype)
    write_series(tmp_path, data, AFFINE)
    (volume,) = volumes_in(tmp_path)
    assert volume.data.dtype == dtype
    assert np.array_equal(volume.data, data)


def test_rescale_goes_into_the_volume(tmp_path: Path) -> None:
    write_series(tmp_path, DATA, AFFINE, RescaleSlope="2.5", RescaleIntercept="-10")
    (volume,) = volumes_in(tmp_path)
    assert (volume.slope, volume.inter) == (2.5, -10.0)


def test_slices_scaled_in_different_ways_are_refused(tmp_path: Path) -> None:
    def change(dataset: Dataset, k: int) -> None:
        dataset.RescaleSlope = str(1 + k)
        dataset.RescaleIntercept = "0"

    write_series(tmp_path, DATA, AFFINE, change=change)
    with pytest.raises(SeriesError, match="scaled in different ways"):
        volumes_in(tmp_path)


def test_missing_slice_is_the_mean_of_its_neighbours(tmp_path: Path) -> None:
    data = RNG.integers(0, 4096, (4, 4, 20), dtype=np.uint16)
    write_series(tmp_path, data, AFFINE)[7].unlink()
    (volume,) = volumes_in(tmp_path)
    mean = data[..., [6, 8]].astype(float).mean(axis=2)
    assert np.abs(volume.data[..., 7] - mean).max() <= 0.5
    assert np.array_equal(np.delete(volume.data, 7, 2), np.delete(data, 7, 2))
    assert volume.notes == ("1 missing slices were bridged for the detector",)


def test_enhanced_echoes_are_volumes(tmp_path: Path) -> None:
    write_enhanced(tmp_path / "enhanced", DATA, AFFINE, echoes=2)
    first, second = volumes_in(tmp_path)
    assert np.array_equal(first.data, DATA)
    assert np.array_equal(second.data, DATA // 2)
    assert np.allclose(second.affine, AFFINE, atol=1e-6)


def test_repetitions_are_frames(tmp_path: Path) -> None:
    for t in range(3):
        write_series(
            tmp_path / str(t), DATA // 2 + t, AFFINE, TemporalPositionIdentifier=t + 1,
        )  # fmt: skip
    (volume,) = volumes_in(tmp_path)
    assert np.array_equal(volume.data, np.stack([DATA // 2 + t for t in range(3)], axis=3))


def test_every_frame_finds_its_way_back(tmp_path: Path) -> None:
    write_enhanced(tmp_path / "enhanced.dcm", DATA, AFFINE, echoes=2)
    (series,) = collect(tmp_path).series
    stacks = stack_frames(series.first.frames)
    loaded = [volume.data for volume in load_stacks(stacks)]
    back = frames_of(layout_of(stacks)[series.first.path], loaded)
    for index, pixels in enumerate(read_frames(series.first.path)):
        assert np.array_equal(back[index], pixels)


def test_a_volume_can_be_saved_as_nifti(tmp_path: Path) -> None:
    write_series(tmp_path / "in", DATA, AFFINE, RescaleSlope="2", RescaleIntercept="1")
    (volume,) = volumes_in(tmp_path / "in")
    save_volume(volume, tmp_path / "out.nii")
    again = load_volume(tmp_path / "out.nii")
    assert np.array_equal(again.data, DATA)
    assert np.allclose(again.affine, AFFINE, atol=1e-5)
    assert (again.slope, again.inter) == (2.0, 1.0)


def in_syntax(path: Path, syntax: str) -> None:
    """Write a file again in another transfer syntax."""
    dataset = dcmread(path)
    if syntax == JPEGLosslessSV1:
        gdcm_pack(path)
        return
    if syntax in (RLELossless, JPEGLSLossless, JPEG2000Lossless):
        dataset.compress(syntax, generate_instance_uid=False)
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.save_as(path, implicit_vr=syntax == ImplicitVRLittleEndian, little_endian=True)


def gdcm_pack(path: Path) -> None:
    """Pack a file as most archives do; pydicom can read that, but not write it."""
    gdcm = pytest.importorskip("gdcm")
    reader, change, writer = (
        gdcm.ImageReader(),
        gdcm.ImageChangeTransferSyntax(),
        gdcm.ImageWriter(),
    )
    reader.SetFileName(str(path))
    assert reader.Read()
    change.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.JPEGLosslessProcess14_1))
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer.SetFileName(str(path))
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    assert writer.Write()


SYNTAXES = [
    (ExplicitVRLittleEndian, True),
    (ImplicitVRLittleEndian, True),
    (DeflatedExplicitVRLittleEndian, True),
    (RLELossless, True),
    (JPEGLSLossless, True),
    (JPEG2000Lossless, True),
    (JPEGLosslessSV1, False),
]


@pytest.mark.parametrize(("syntax", "kept"), SYNTAXES, ids=lambda v: getattr(v, "name", ""))
@pytest.mark.parametrize("keep", [False, True], ids=["unpacked", "kept"])
def test_pixels_survive_every_transfer_syntax(
    tmp_path: Path, syntax: str, kept: bool, keep: bool
) -> None:
    path = write_series(tmp_path, LARGE, AFFINE)[0]
    in_syntax(path, syntax)
    dataset = dcmread(path)
    assert dataset.file_meta.TransferSyntaxUID == syntax
    (stored,) = read_frames(path)
    assert np.array_equal(stored, LARGE[..., 0].T)
    new = stored[None].copy()
    new[0, :3] = 7
    put_pixels(dataset, new, keep_syntax=keep)
    out = tmp_path / "out.dcm"
    expected = syntax if keep and kept else ExplicitVRLittleEndian
    dataset.save_as(out, implicit_vr=expected == ImplicitVRLittleEndian, little_endian=True)
    assert dcmread(out).file_meta.TransferSyntaxUID == expected
    (found,) = read_frames(out)
    assert np.array_equal(found, new[0])


def test_the_range_in_the_header_follows_the_pixels(tmp_path: Path) -> None:
    path = write_series(tmp_path, DATA[..., :1], AFFINE, LargestImagePixelValue=4095)[0]
    dataset = dcmread(path)
    put_pixels(dataset, np.full((1, 10, 12), 5, np.uint16), keep_syntax=False)
    assert dataset.LargestImagePixelValue == 5


@pytest.mark.parametrize("attributes", [{"BitsStored": 8, "HighBit": 7}, {"HighBit": 15}])
def test_bits_that_are_not_in_use_are_not_dropped_in_silence(
    tmp_path: Path, attributes: dict[str, object]
) -> None:
    write_series(tmp_path, DATA, AFFINE, **attributes)
    with pytest.raises(SeriesError, match="calls unused"):
        volumes_in(tmp_path)


def test_truncated_pixels_are_told_with_the_file(tmp_path: Path) -> None:
    path = write_series(tmp_path, DATA, AFFINE)[4]
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(SeriesError, match=path.name):
        volumes_in(tmp_path)
