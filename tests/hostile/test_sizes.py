"""Headers that claim more than there is, and archives that unpack to more than anyone has."""

from __future__ import annotations

import gzip
import struct
import tracemalloc
import zlib

import pytest
from pydicom import dcmread
from pydicom.uid import DeflatedExplicitVRLittleEndian, RLELossless

from bids_deface.containers.load import load_volume, voxel_count
from bids_deface.dicom.series import collect
from bids_deface.errors import DefaceError, ImageError, SeriesError
from tests.containers import made
from tests.dicom.made import write_series

MOST = 300 * 2**20
TERABYTES = (30_000, 30_000, 6_000)
SHAPE = (3, 4, 5)


@pytest.fixture
def memory():
    """Return the most memory that was asked for since; numpy's and Python's own."""
    tracemalloc.start()
    yield lambda: tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()


def packed_zeros(start: bytes, size: int) -> bytes:
    """A gzip file that unpacks to some bytes and then zeros, made without unpacking it."""
    return gzip.compress(start) + gzip.compress(bytes(2**22)) * (size // 2**22)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".hdr", ".mgh", ".mgz"])
def test_ten_terabytes_are_refused_before_they_are_asked_for(tmp_path, memory, suffix):
    path = tmp_path / f"in{suffix}"
    if suffix in (".mgh", ".mgz"):
        content = made.mgh_start(3, TERABYTES)
    else:
        content = made.nifti_header("<i2", TERABYTES, pair=suffix == ".hdr") + bytes(4)
    made.write(path, content + bytes(5000))
    made.write(tmp_path / "in.img", bytes(5000))
    assert voxel_count(path) == 5_400_000_000_000
    with pytest.raises(ImageError, match="truncated"):
        load_volume(path)
    assert memory() < 10 * 2**20


def test_a_plain_file_is_asked_for_no_more_than_it_holds(tmp_path, memory):
    path = made.write(
        tmp_path / "in.nii", made.nifti_header("<i2", (500, 500, 500)) + bytes(300_000)
    )
    with pytest.raises(ImageError, match="truncated"):
        load_volume(path)
    assert memory() < 10 * 2**20


def test_more_memory_than_there_is(tmp_path, monkeypatch):
    path = made.write(tmp_path / "in.nii", made.nifti_header("<i2", SHAPE) + bytes(124))

    def no_memory(*_):
        raise MemoryError

    monkeypatch.setattr("bids_deface.containers.voxels.np.empty", no_memory)
    with pytest.raises(ImageError, match="GiB of memory, more than there is"):
        load_volume(path)


@pytest.mark.parametrize("suffix", [".nii.gz", ".mgz", ".img", ".hdr"])
def test_zeros_without_end_do_not_fill_the_memory(tmp_path, memory, suffix, monkeypatch):
    monkeypatch.setattr("bids_deface.containers.voxels.MOST_BESIDE", 2**22)
    header, voxels = made.nifti_header("<i2", SHAPE, pair=suffix in (".img", ".hdr")), bytes(120)
    starts = {".nii.gz": header + bytes(4) + voxels, ".mgz": made.mgh_start(4, SHAPE) + voxels}
    made.write(tmp_path / "in.hdr", header)
    made.write(tmp_path / "in.img", voxels)
    start = starts.get(suffix, header if suffix == ".hdr" else voxels)
    path = tmp_path / f"in{suffix}"
    path.write_bytes(packed_zeros(start, 2**27))
    tracemalloc.reset_peak()
    with pytest.raises(ImageError, match="beside the voxels"):
        load_volume(path)
    assert memory() < 20 * 2**20


def test_voxels_that_begin_at_the_end_of_the_world(tmp_path, memory):
    header = bytearray(made.nifti_header("<i2", SHAPE))
    header[108:112] = struct.pack("<f", 3e8)
    path = tmp_path / "in.nii.gz"
    path.write_bytes(gzip.compress(bytes(header)) + bytes(2**20))
    with pytest.raises(ImageError, match="vox_offset"):
        load_volume(path)
    assert memory() < 10 * 2**20


def series_of(folder, change=None, **attributes):
    write_series(folder, made.values("<u2", (6, 5, 30)), made.AFFINE, change=change, **attributes)
    (series,) = collect(folder).series
    return series


def test_slices_of_gigabytes_are_refused(tmp_path, memory):
    series = series_of(tmp_path, Rows=65_535, Columns=65_535)
    with pytest.raises(SeriesError, match="65535 x 65535"):
        series.check()
    assert memory() < 50 * 2**20


def test_frames_without_number_are_refused(tmp_path, memory):
    series = series_of(tmp_path, NumberOfFrames=2**31 - 1)
    with pytest.raises(SeriesError):
        series.check()
    assert memory() < 50 * 2**20


def test_a_deflated_bomb_is_told_and_not_unpacked(tmp_path, memory, monkeypatch):
    monkeypatch.setattr("bids_deface.dicom.instances.MOST_UNPACKED", 2**25)
    paths = write_series(tmp_path, made.values("<u2", (6, 5, 30)), made.AFFINE)
    header = dcmread(paths[0], stop_before_pixels=True)
    header.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    header.save_as(paths[0], enforce_file_format=True)
    content, header = paths[0].read_bytes(), dcmread(paths[0])
    start = content[: 132 + 12 + header.file_meta.FileMetaInformationGroupLength]
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    block = bytes(2**24)
    bomb = b"".join([*(packer.compress(block) for _ in range(6)), packer.flush()])
    paths[0].write_bytes(start + bomb)
    tracemalloc.reset_peak()
    (foreign,) = collect(tmp_path).foreign
    assert foreign.path == paths[0]
    assert foreign.is_broken
    assert "gigabytes" in foreign.reason
    assert memory() < 50 * 2**20


def test_packed_slices_larger_than_their_file(tmp_path, memory):
    """Run lengths of a few bytes for a slice of eight thousand pixels each way."""
    from pydicom.encaps import encapsulate

    from bids_deface.dicom.study import stacks_of
    from bids_deface.dicom.volumes import load_stacks

    def pack(dataset, _):
        dataset.Rows = dataset.Columns = 8192
        dataset.PixelData = encapsulate(
            [struct.pack("<16I", 2, 64, 66, *[0] * 13) + b"\x81\0" * 2]
        )
        dataset["PixelData"].VR = "OB"
        dataset["PixelData"].is_undefined_length = True
        dataset.file_meta.TransferSyntaxUID = RLELossless

    series = series_of(tmp_path, pack)
    with pytest.raises(DefaceError):
        load_stacks(stacks_of(series))
    assert memory() < MOST
