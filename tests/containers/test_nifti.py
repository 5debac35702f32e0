from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest

from bids_deface.containers.load import load_volume
from bids_deface.containers.nifti import derived_volume
from bids_deface.containers.save import save_volume
from bids_deface.errors import ImageError, NoInputError, OutputError
from bids_deface.kinds import Container
from bids_deface.volume import canonical_view
from tests.containers import made

DATA = made.values("<i2", (3, 4, 5))


@pytest.fixture
def pair(tmp_path):
    made.write(tmp_path / "a.hdr", made.nifti_header("<i2", DATA.shape, pair=True))
    made.write(tmp_path / "a.img", made.voxels(DATA))
    return tmp_path


@pytest.mark.parametrize("name", ["a.hdr", "a.img"])
def test_a_pair_is_read_by_either_name_as_nibabel_reads_it(pair, name):
    volume, reference = load_volume(pair / name), nib.load(pair / "a.img")
    np.testing.assert_array_equal(volume.data, np.asarray(reference.dataobj))
    np.testing.assert_allclose(volume.affine, reference.affine)
    assert volume.container is Container.PAIR


def test_half_a_pair_is_no_input(pair):
    (pair / "a.hdr").unlink()
    with pytest.raises(NoInputError, match=r"a\.hdr does not exist.*belongs to a\.img"):
        load_volume(pair / "a.img")


@pytest.mark.parametrize("blocked", ["b.hdr", "b.img"])
def test_a_pair_is_written_whole_or_not_at_all(pair, blocked):
    volume = load_volume(pair / "a.img")
    (pair / blocked).mkdir()
    with pytest.raises(OutputError, match="Cannot write"):
        save_volume(volume, pair / "b.img")
    assert sorted(p.name for p in pair.iterdir()) == ["a.hdr", "a.img", blocked]


@pytest.mark.parametrize("suffix", [".nii", ".mgz", ".txt"])
def test_a_pair_goes_to_a_pair_only(pair, suffix):
    with pytest.raises(OutputError, match=r"must end in \.hdr or \.img.*Convert the scan"):
        save_volume(load_volume(pair / "a.img"), pair / f"b{suffix}")


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("pair", [False, True])
def test_masks_are_single_files_of_the_same_version(tmp_path, version, pair):
    header = made.nifti_header("<i2", DATA.shape, version=version, pair=pair)
    if pair:
        made.write(tmp_path / "a.hdr", header)
        source = made.write(tmp_path / "a.img", made.voxels(DATA))
    else:
        source = made.write(tmp_path / "a.nii", header + b"\0" * 4 + made.voxels(DATA))
    mask = derived_volume((DATA > 3).astype(np.uint8), load_volume(source), "mask")
    save_volume(mask, tmp_path / "mask.nii")
    image = nib.load(tmp_path / "mask.nii")
    assert isinstance(image, nib.Nifti2Image if version == 2 else nib.Nifti1Image)
    np.testing.assert_allclose(image.affine, made.AFFINE, atol=1e-5)
    np.testing.assert_array_equal(np.asarray(image.dataobj), DATA > 3)


def test_mask_keeps_the_grid_of_the_scan(original):
    mask = derived_volume(np.zeros(original.data.shape, np.uint8), original, "m")
    header, source = nib.Nifti1Header(mask.prefix[:348]), nib.Nifti1Header(original.prefix[:348])
    np.testing.assert_array_equal(header.get_sform(), source.get_sform())
    assert int(header["sform_code"]) == int(source["sform_code"])
    np.testing.assert_array_equal(header["pixdim"][:4], source["pixdim"][:4])


def single(**kwargs):
    return made.nifti_header("<i2", DATA.shape, **kwargs) + b"\0" * 4


def analyze(endian):
    header = nib.AnalyzeHeader(endianness=endian)
    header.set_data_shape(DATA.shape)
    return bytes(header.binaryblock)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("x.nii.gz", b"hello", r"no NIfTI.*dcm2niix"),
        ("x.nii.gz", b"", r"no NIfTI.*dcm2niix"),
        ("x.nii.gz", b"\x1f\x8b\x08\0garbage", r"damaged.*Get the file again"),
        ("x.mnc", b"CDF\x01 and more", r"MINC.*mnc2nii"),
        ("x.mnc", b"\x89HDF\r\n and more", r"MINC.*mnc2nii"),
        ("x.dcm", b"\0" * 128 + b"DICM", r"DICOM.*dcm2niix"),
        ("x+orig.HEAD", b"type = string-attribute", r"AFNI.*3dAFNItoNIFTI"),
        ("x.nrrd", b"NRRD0004", "NRRD.*Slicer"),
        ("x.nii", single(pair=True), r"pair.*Name it \.hdr"),
        ("x.hdr", single(), r"own voxels.*Name it \.nii"),
        ("x.hdr", analyze("<"), r"ANALYZE 7\.5.*fslchfiletype"),
        ("x.hdr", analyze(">"), r"ANALYZE 7\.5.*fslchfiletype"),
        ("x.nii", single(offset=-16), r"broken NIfTI header"),
        ("x.nii", single(offset=-352), r"within the header"),
        ("x.nii", single(code=128), r"RGB colours, not intensities.*Deface the scan"),
        ("x.nii", single(code=2304), r"RGBA colours, not intensities.*Deface the scan"),
        ("x.nii", single(code=1536), r"voxels that cannot be read.*32-bit floats"),
        ("x.nii", single(code=1), r"voxels that cannot be read.*32-bit floats"),
        ("x.nii", single(code=77), r"voxels that cannot be read.*32-bit floats"),
        ("x.nii", single() + b"\0" * 50, r"truncated.*Get the file again"),
        ("x.mgz", single(), r"no MGH.*mri_convert"),
    ],
)
def test_what_cannot_be_kept_is_refused_with_a_way_out(tmp_path, capsys, name, content, words):
    path = tmp_path / name
    path.write_bytes(content)
    path.with_suffix(".img").write_bytes(b"")
    with pytest.raises(ImageError, match=words) as caught:
        load_volume(path)
    assert str(path) in caught.value.message
    assert capsys.readouterr().err == "", "nothing but the error is said"


@pytest.mark.parametrize("cut", [0.2, 0.9, 0.999])
def test_truncated_files_are_refused(head_file, tmp_path, cut):
    content = head_file.read_bytes()
    (tmp_path / "t.nii.gz").write_bytes(content[: int(cut * len(content))])
    with pytest.raises(ImageError, match=r"truncated"):
        load_volume(tmp_path / "t.nii.gz")


def test_a_header_that_asks_for_too_much_memory_is_refused(tmp_path):
    content = made.nifti_header("<i2", (30_000, 30_000, 30_000)) + b"\0" * 4
    with pytest.raises(ImageError, match="truncated"):
        load_volume(made.write(tmp_path / "x.nii", content))


def test_missing_annex_content_names_datalad(tmp_path):
    (tmp_path / "a.nii.gz").symlink_to(tmp_path / "annex" / "key")
    with pytest.raises(NoInputError, match="datalad get"):
        load_volume(tmp_path / "a.nii.gz")


def test_voxels_can_be_seen_upright_without_a_copy(pair):
    volume = load_volume(pair / "a.img")
    assert np.shares_memory(canonical_view(volume.data, volume.affine), volume.data)
