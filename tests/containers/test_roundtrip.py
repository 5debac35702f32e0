"""No byte but those of changed voxels changes, whatever the file."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bids_deface.containers.load import load_volume, voxel_count
from bids_deface.containers.names import files_of
from bids_deface.containers.save import save_volume
from tests.containers import made

KINDS = ("u1", "i1", "u2", "i2", "u4", "i4", "i8", "f4", "f8")
DTYPES = [f"{order}{kind}" for order in "<>" for kind in KINDS]
SHAPES = [(3, 4, 5), (1, 1, 7), (5, 1, 1), (3, 2, 4, 2), (2, 2, 2, 1, 3)]
SUFFIXES = [".nii", ".nii.gz", ".hdr", ".img", ".hdr.gz", ".img.gz"]
MGH_TYPES = {">u1": 0, ">i4": 1, ">f4": 3, ">i2": 4, ">u2": 10}


def change(volume, seed):
    """Change some voxels; return the new volume and which bytes of the voxels may differ."""
    rng = np.random.default_rng(seed)
    mask = rng.random(volume.data.shape) < 0.3
    data = volume.data.copy(order="F" if seed % 2 else "C")
    data[mask] = rng.integers(0, 100, int(mask.sum())).astype(data.dtype)
    return volume.with_data(data), np.repeat(mask.ravel(order="F"), data.itemsize)


def assert_kept(before: bytes, after: bytes, start: int, may_differ: np.ndarray):
    """Assert equal bytes but for those of changed voxels."""
    assert len(before) == len(after)
    differs = np.frombuffer(before, np.uint8) != np.frombuffer(after, np.uint8)
    differs[start : start + len(may_differ)] &= ~may_differ
    assert not differs.any()


@settings(max_examples=150, deadline=None)
@given(
    dtype=st.sampled_from(DTYPES),
    shape=st.sampled_from(SHAPES),
    slope=st.sampled_from([0.0, 1.0, 0.5, -2.0, float("nan")]),
    inter=st.sampled_from([0.0, -100.0]),
    version=st.sampled_from([1, 2]),
    suffix=st.sampled_from(SUFFIXES),
    around=st.sampled_from([b"", b"some bytes"]),
    seed=st.integers(0, 99),
)
def test_nifti(tmp_path_factory, dtype, shape, slope, inter, version, suffix, around, seed):
    folder = tmp_path_factory.mktemp("nifti")
    source, target = folder / f"in{suffix}", folder / f"out{suffix}"
    pair = ".nii" not in suffix
    flags = (b"\1\0\0\0" if around else b"\0\0\0\0") + (
        made.extension(6, around, dtype[0]) if around else b""
    )
    header = made.nifti_header(
        dtype, shape, slope=slope, inter=inter, version=version, pair=pair,
        offset=16 * bool(around) if pair else len(flags) - 4,
    )  # fmt: skip
    data = made.values(dtype, shape, seed)
    if pair:
        lead = around.ljust(16, b"\0") if around else b""
        contents = [header + flags, lead + made.voxels(data) + around]
    else:
        lead = header + flags
        contents = [lead + made.voxels(data) + around]
    for path, content in zip(files_of(source), contents, strict=True):
        made.write(path, content)
    volume = load_volume(source)
    np.testing.assert_array_equal(volume.data, data)
    np.testing.assert_allclose(volume.affine, made.AFFINE, atol=1e-5)
    assert volume.slope == (slope if slope in (0.5, -2.0) else 1.0)
    assert voxel_count(source) == data.size
    changed, may_differ = change(volume, seed)
    save_volume(changed, target)
    written = [made.unpacked(path) for path in files_of(target)]
    assert_kept(contents[-1], written[-1], len(lead), may_differ)
    assert written[:-1] == contents[:-1]
    np.testing.assert_array_equal(load_volume(target).data, changed.data)


@settings(max_examples=60, deadline=None)
@given(
    dtype=st.sampled_from(list(MGH_TYPES)),
    shape=st.sampled_from([(3, 4, 5), (1, 1, 7), (3, 2, 4, 2)]),
    suffix=st.sampled_from([".mgh", ".mgz", ".mgh.gz"]),
    trailer=st.sampled_from([b"", b"\0" * 20, b"x" * 20 + b"tags of any length"]),
    version=st.sampled_from([1, 0x0201]),
    seed=st.integers(0, 99),
)
def test_mgh(tmp_path_factory, dtype, shape, suffix, trailer, version, seed):
    folder = tmp_path_factory.mktemp("mgh")
    data = made.values(dtype, shape, seed)
    content = made.mgh_start(MGH_TYPES[dtype], shape, version) + made.voxels(data) + trailer
    source = made.write(folder / f"in{suffix}", content)
    volume = load_volume(source)
    np.testing.assert_array_equal(volume.data, data)
    assert voxel_count(source) == data.size
    changed, may_differ = change(volume, seed)
    save_volume(changed, folder / f"out{suffix}")
    assert_kept(content, made.unpacked(folder / f"out{suffix}"), 284, may_differ)


@pytest.mark.parametrize("dtype", ["<c8", ">c8", "<c16"])
def test_complex_voxels_are_read_and_written(tmp_path, dtype):
    data = (made.values("f4", (2, 3, 4)) + 1j).astype(dtype)
    content = made.nifti_header(dtype, (2, 3, 4)) + b"\0" * 4 + made.voxels(data)
    volume = load_volume(made.write(tmp_path / "c.nii", content))
    np.testing.assert_array_equal(volume.data, data)
    save_volume(volume, tmp_path / "out.nii")
    assert (tmp_path / "out.nii").read_bytes() == content
