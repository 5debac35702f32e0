from __future__ import annotations

import gzip
import struct

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nibabel.orientations import axcodes2ornt, ornt_transform

from bids_deface.errors import ImageError, NoInputError, OutputError
from bids_deface.volume import (
    canonical_affine,
    canonical_view,
    derived_volume,
    load_volume,
    save_volume,
    spatial_mean,
    stored_view,
    zooms_of,
)

DTYPES = ["u1", "i1", "<i2", ">i2", "<u2", "<i4", ">f4", "<f8"]


def raw_nifti(dtype: str, shape: tuple[int, ...], slope: float, inter: float, extension: bytes):
    header = nib.Nifti1Header(endianness=">" if dtype.startswith(">") else "<")
    header.set_data_dtype(np.dtype(dtype))
    header.set_data_shape(shape)
    header.set_sform(np.diag([2, 2, 2, 1]), 2)
    header.set_qform(np.diag([2, 2, 2, 1]), 1)
    header["scl_slope"], header["scl_inter"] = slope, inter
    header["cal_max"], header["descrip"] = 77, b"scanner text"
    header["magic"] = b"n+1"
    esize = (8 + len(extension) + 15) // 16 * 16 if extension else 0
    header["vox_offset"] = 352 + esize
    order = ">" if dtype.startswith(">") else "<"
    block = bytes(header.binaryblock) + (b"\x01\0\0\0" if extension else b"\0\0\0\0")
    if extension:
        block += struct.pack(f"{order}ii", esize, 4) + extension.ljust(esize - 8, b"\0")
    rng = np.random.default_rng(3)
    values = rng.integers(0, 100, shape).astype(np.dtype(dtype))
    return block, values


@settings(max_examples=40, deadline=None)
@given(
    dtype=st.sampled_from(DTYPES),
    shape=st.sampled_from([(3, 4, 5), (1, 1, 7), (3, 2, 4, 2), (2, 2, 2, 1, 3)]),
    slope=st.sampled_from([0.0, 1.0, 0.5, -2.0]),
    inter=st.sampled_from([0.0, -100.0]),
    extension=st.sampled_from([b"", b"some comment"]),
    suffix=st.sampled_from([".nii", ".nii.gz"]),
)
def test_saving_what_was_loaded_changes_no_byte(
    tmp_path_factory, dtype, shape, slope, inter, extension, suffix
):
    folder = tmp_path_factory.mktemp("volume")
    block, values = raw_nifti(dtype, shape, slope, inter, extension)
    content = block + values.tobytes(order="F") + b"trailing"
    source = folder / f"in{suffix}"
    source.write_bytes(gzip.compress(content) if suffix == ".nii.gz" else content)
    volume = load_volume(source)
    np.testing.assert_array_equal(volume.data, values)
    save_volume(volume, folder / f"out{suffix}")
    written = (folder / f"out{suffix}").read_bytes()
    assert (gzip.decompress(written) if suffix == ".nii.gz" else written) == content


def test_gzip_holds_neither_time_nor_name(head_file, tmp_path):
    save_volume(load_volume(head_file), tmp_path / "out.nii.gz")
    start = (tmp_path / "out.nii.gz").read_bytes()[:10]
    assert start[3] == 0, "no name, no comment"
    assert start[4:8] == b"\0\0\0\0", "no time"


def test_nifti2_is_read(tmp_path):
    data = np.arange(60, dtype=np.int16).reshape(3, 4, 5)
    nib.save(nib.Nifti2Image(data, np.eye(4)), tmp_path / "two.nii")
    volume = load_volume(tmp_path / "two.nii")
    np.testing.assert_array_equal(volume.data, data)
    mask = derived_volume((data > 3).astype(np.uint8), volume, "mask")
    save_volume(mask, tmp_path / "mask.nii")
    assert isinstance(nib.load(tmp_path / "mask.nii"), nib.Nifti2Image)


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"hello", "no NIfTI"),
        (b"\x1f\x8b\x08\0garbage", "damaged"),
        (b"", "no NIfTI"),
    ],
)
def test_what_is_no_image_is_refused(tmp_path, content, match):
    path = tmp_path / "x.nii.gz"
    path.write_bytes(content)
    with pytest.raises(ImageError, match=match):
        load_volume(path)


@pytest.mark.parametrize("cut", [0.2, 0.9, 0.999])
def test_truncated_files_are_refused(head_file, tmp_path, cut):
    content = head_file.read_bytes()
    (tmp_path / "t.nii.gz").write_bytes(content[: int(cut * len(content))])
    with pytest.raises(ImageError, match=r"truncated"):
        load_volume(tmp_path / "t.nii.gz")


def test_missing_annex_content_names_datalad(tmp_path):
    (tmp_path / "a.nii.gz").symlink_to(tmp_path / "annex" / "key")
    with pytest.raises(NoInputError, match="datalad get"):
        load_volume(tmp_path / "a.nii.gz")


def test_colours_are_refused(tmp_path, save_nifti):
    rgb = np.dtype([(channel, "u1") for channel in "RGB"])
    save_nifti(tmp_path / "c.nii", np.zeros((3, 3, 3), rgb))
    with pytest.raises(ImageError, match="one a voxel"):
        load_volume(tmp_path / "c.nii")


@pytest.mark.parametrize("dtype", ["c8", ">c8", "c16"])
def test_complex_values_are_read(tmp_path, dtype):
    block, _ = raw_nifti(dtype, (3, 4, 5), 1.0, 0.0, b"")
    values = (np.arange(60) * (1 + 2j)).reshape(3, 4, 5).astype(dtype)
    (tmp_path / "c.nii").write_bytes(block + values.tobytes(order="F"))
    np.testing.assert_array_equal(load_volume(tmp_path / "c.nii").data, values)


def test_nothing_half_written_where_the_folder_is_a_file(head_file, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError):
        save_volume(load_volume(head_file), tmp_path / "file" / "out.nii.gz")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("codes", ["RAS", "LPI", "PSR", "ASL", "SRP"])
def test_canonical_view_is_a_view_along_ras(codes):
    data = np.arange(24).reshape(2, 3, 4)
    target = ornt_transform(axcodes2ornt("RAS"), axcodes2ornt(codes))
    stored = nib.orientations.apply_orientation(data, target)
    affine = nib.orientations.inv_ornt_aff(target, data.shape)
    turned = np.diag([1.0, 2.0, 3.0, 1.0]) @ affine
    view = canonical_view(stored, turned)
    np.testing.assert_array_equal(view, data)
    np.testing.assert_allclose(zooms_of(canonical_affine(stored.shape, turned)), [1, 2, 3])
    view[0, 0, 0] = -5
    assert (stored == -5).sum() == 1


def test_mask_keeps_the_grid_of_the_scan(original):
    mask = derived_volume(np.zeros(original.data.shape, np.uint8), original, "m")
    header, source = nib.Nifti1Header(mask.prefix[:348]), nib.Nifti1Header(original.prefix[:348])
    np.testing.assert_array_equal(header.get_sform(), source.get_sform())
    assert int(header["sform_code"]) == int(source["sform_code"])
    np.testing.assert_array_equal(header["pixdim"][:4], source["pixdim"][:4])


def test_negative_slope_turns_the_contrast(tmp_path):
    block, values = raw_nifti("<i2", (4, 4, 4), -2.0, 0.0, b"")
    (tmp_path / "n.nii").write_bytes(block + values.tobytes(order="F"))
    mean = spatial_mean(load_volume(tmp_path / "n.nii"))
    np.testing.assert_array_equal(mean, -values.astype(np.float32))


@pytest.mark.parametrize("codes", ["RAS", "LPI", "PSR"])
def test_stored_view_undoes_the_canonical_view(codes):
    data = np.arange(24).reshape(2, 3, 4)
    affine = nib.orientations.inv_ornt_aff(
        ornt_transform(axcodes2ornt("RAS"), axcodes2ornt(codes)), data.shape
    )
    np.testing.assert_array_equal(stored_view(canonical_view(data, affine), affine), data)
