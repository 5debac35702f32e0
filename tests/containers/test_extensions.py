from __future__ import annotations

import struct

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bids_deface.containers.extensions import without_names
from bids_deface.containers.load import load_volume
from bids_deface.containers.nifti import derived_volume
from bids_deface.containers.save import save_volume
from tests.containers import made

SECRET = b"Jane Doe, born 1970"
NAMES = {2: "DICOM", 6: "comment", 8: "XCEDE", 16: "pickle"}
SHAPE = (3, 4, 5)


def scan(
    folder, block, *, version=1, endian="<", suffix=".nii", trailer=b"", flag=b"\1", lead=b""
):
    """Write a scan whose extensions are ``block``; return its path."""
    dtype, pair = f"{endian}i2", suffix != ".nii"
    header = made.nifti_header(
        dtype, SHAPE, version=version, pair=pair, offset=len(lead) if pair else len(block)
    )
    start = header + flag + b"\0\0\0" + block
    voxels = lead + made.voxels(made.values(dtype, SHAPE)) + trailer
    if not pair:
        return made.write(folder / "a.nii", start + voxels)
    made.write(folder / "a.hdr", start)
    return made.write(folder / "a.img", voxels)


def cleaned(path):
    """Return notes, and start and end of the file as they are written."""
    volume, notes = without_names(load_volume(path))
    target = path.with_name("out" + path.suffix)
    save_volume(volume, target)
    assert SECRET not in target.read_bytes()
    assert SECRET not in target.with_suffix(".hdr").read_bytes() if path.suffix == ".img" else True
    np.testing.assert_array_equal(load_volume(target).data, made.values("<i2", SHAPE))
    start = target.with_suffix(".hdr") if path.suffix == ".img" else target
    return notes, start.read_bytes()


@settings(max_examples=80, deadline=None)
@given(
    codes=st.lists(st.sampled_from([0, 2, 4, 6, 8, 10, 16, 18, 44]), max_size=5),
    version=st.sampled_from([1, 2]),
    endian=st.sampled_from("<>"),
    suffix=st.sampled_from([".nii", ".img"]),
    padding=st.sampled_from([0, 16, 64]),
)
def test_extensions_with_names_go_and_the_others_stay(
    tmp_path_factory, codes, version, endian, suffix, padding
):
    folder = tmp_path_factory.mktemp("extensions")
    content = [SECRET if code in NAMES else b"history" * code for code in codes]
    blocks = [made.extension(c, text, endian) for c, text in zip(codes, content, strict=True)]
    path = scan(
        folder, b"".join(blocks) + b"\0" * padding,
        version=version, endian=endian, suffix=suffix, flag=b"\1" if codes else b"\0",
    )  # fmt: skip
    before = (path.with_suffix(".hdr") if suffix == ".img" else path).read_bytes()
    notes, after = cleaned(path)
    dropped = [(c, b) for c, b in zip(codes, blocks, strict=True) if c in NAMES]
    assert notes == tuple(
        f"header extension dropped: {NAMES[c]} ({len(b)} bytes)"
        if c in NAMES
        else f"header extension kept: code {c} ({len(b)} bytes), see that it holds no history"
        for c, b in zip(codes, blocks, strict=True)
    )
    kept = b"".join(b for c, b in zip(codes, blocks, strict=True) if c not in NAMES)
    size = 348 if version == 1 else 540
    assert after[size : size + 4] == (b"\1" if kept else b"\0") + b"\0\0\0"
    assert after[size + 4 :].startswith(kept + b"\0" * padding)
    gone = sum(len(b) for _, b in dropped)
    assert len(after) == len(before) - gone
    place = slice(108, 112) if version == 1 else slice(168, 176)
    if suffix == ".nii" and gone:
        kind = "f" if version == 1 else "q"
        offset = struct.unpack(f"{endian}{kind}", after[place])[0]
        assert offset == size + 4 + len(kept) + padding
        assert offset % 16 == 0
    else:
        assert after[place] == before[place]
    rest = [slice(0, place.start), slice(place.stop, size)]
    assert all(after[part] == before[part] for part in rest)


@pytest.mark.parametrize("suffix", [".nii", ".img"])
@pytest.mark.parametrize(
    ("block", "flag"),
    [
        (struct.pack("<ii", 40, 4) + SECRET.ljust(40, b"\0"), b"\1"),
        (struct.pack("<ii", 4096, 4) + SECRET.ljust(24, b"\0"), b"\1"),
        (struct.pack("<ii", -16, 4) + SECRET.ljust(24, b"\0"), b"\1"),
        (struct.pack("<ii", 0, 4) + SECRET.ljust(24, b"\0"), b"\1"),
        (made.extension(4, b"fine") + struct.pack("<ii", 8, 4) + SECRET.ljust(24, b"\0"), b"\1"),
        (made.extension(4, b"fine") + b"\1" * 8, b"\1"),
        (made.extension(4, SECRET), b"\0"),
    ],
)
def test_extensions_out_of_order_go_altogether(tmp_path, suffix, block, flag):
    size = len(block)
    notes, after = cleaned(scan(tmp_path, block, suffix=suffix, flag=flag))
    assert notes == (f"header extensions dropped: not in order ({size} bytes)",)
    assert after[348:352] == b"\0\0\0\0"
    assert len(after) == 352 + (120 if suffix == ".nii" else 0)


def test_a_file_that_loses_nothing_keeps_every_byte_though_its_offset_is_odd(tmp_path):
    path = scan(tmp_path, made.extension(4, b"x") + b"\0" * 5)
    notes, after = cleaned(path)
    assert len(notes) == 1
    assert after == path.read_bytes()


def test_an_odd_offset_becomes_a_multiple_of_16(tmp_path):
    block = made.extension(6, SECRET) + made.extension(4, b"x") + b"\0" * 5
    notes, after = cleaned(scan(tmp_path, block))
    assert [note.split(":")[0].split()[-1] for note in notes] == ["dropped", "kept"]
    assert nib.Nifti1Header(after[:348])["vox_offset"] == 352 + 16 + 16


@pytest.mark.parametrize("suffix", [".nii", ".img"])
def test_bytes_around_the_voxels_go_but_zeros_stay(tmp_path, suffix):
    path = scan(tmp_path, b"", flag=b"\0", suffix=suffix, trailer=SECRET)
    notes, _ = cleaned(path)
    assert notes == (f"{len(SECRET)} bytes after the voxels dropped: no part of the format",)
    path = scan(tmp_path, b"", flag=b"\0", suffix=suffix, trailer=b"\0" * 9)
    volume = load_volume(path)
    assert without_names(volume) == (volume, ())


def test_bytes_before_the_voxels_of_a_pair_are_blanked(tmp_path):
    path = scan(tmp_path, b"", flag=b"\0", suffix=".img", lead=SECRET.ljust(32, b"\0"))
    notes, _ = cleaned(path)
    assert notes == ("32 bytes before the voxels blanked: no part of the format",)
    assert (tmp_path / "out.img").stat().st_size == (tmp_path / "a.img").stat().st_size


def test_mgh_tags_go_and_scan_parameters_stay(tmp_path):
    voxels = made.voxels(made.values(">i2", SHAPE))
    start, parameters = made.mgh_start(4, SHAPE), struct.pack(">5f", 2300, 0.15, 2.9, 900, 256)
    content = start[:90] + SECRET.ljust(194, b"\0") + voxels + parameters + SECRET
    path = made.write(tmp_path / "a.mgh", content)
    volume, notes = without_names(load_volume(path))
    assert notes == (
        f"tags after the voxels dropped ({len(SECRET)} bytes)",
        "194 unused bytes of the header blanked",
    )
    save_volume(volume, tmp_path / "out.mgh")
    assert (tmp_path / "out.mgh").read_bytes() == start + voxels + parameters
    clean = load_volume(tmp_path / "out.mgh")
    assert without_names(clean) == (clean, ())


def test_masks_carry_no_extension(tmp_path):
    volume = load_volume(scan(tmp_path, made.extension(4, b"history")))
    mask = derived_volume(np.ones(SHAPE, np.uint8), volume, "mask")
    assert mask.prefix[348:] == b"\0\0\0\0"
    assert mask.trailer == b""
