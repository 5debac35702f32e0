from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest

from bids_deface.containers.load import load_volume
from bids_deface.containers.nifti import derived_volume
from bids_deface.containers.save import save_volume
from bids_deface.errors import ImageError, OutputError
from tests.containers import made

SHAPE = (3, 4, 5)


@pytest.fixture
def mgz(tmp_path):
    data = made.values(">i2", SHAPE)
    return made.write(tmp_path / "a.mgz", made.mgh_start(4, SHAPE) + made.voxels(data))


def test_data_and_affine_are_as_nibabel_reads_them(mgz):
    volume, reference = load_volume(mgz), nib.load(mgz)
    np.testing.assert_array_equal(volume.data, np.asarray(reference.dataobj))
    np.testing.assert_allclose(volume.affine, reference.affine)


@pytest.mark.parametrize("dtype", ["u1", "i2", "i4", "f4"])
@pytest.mark.parametrize("shape", [SHAPE, (3, 4, 5, 2)])
def test_what_nibabel_writes_is_kept(tmp_path, dtype, shape):
    affine = nib.affines.from_matvec(np.diag([1, 2, 3]) @ np.eye(3)[[1, 2, 0]], [4, 5, 6])
    nib.save(nib.MGHImage(made.values(dtype, shape), affine), tmp_path / "a.mgz")
    volume = load_volume(tmp_path / "a.mgz")
    np.testing.assert_allclose(volume.affine, affine, atol=1e-5)
    save_volume(volume, tmp_path / "b.mgh")
    assert made.unpacked(tmp_path / "a.mgz") == made.unpacked(tmp_path / "b.mgh")


def test_its_mask_is_nifti_on_the_same_grid(mgz, tmp_path):
    volume = load_volume(mgz)
    mask = derived_volume(np.ones(SHAPE, np.uint8), volume, "mask")
    save_volume(mask, tmp_path / "m.nii.gz")
    image = nib.load(tmp_path / "m.nii.gz")
    np.testing.assert_allclose(image.get_sform(), volume.affine, atol=1e-5)
    np.testing.assert_allclose(image.get_qform(), volume.affine, atol=1e-5)
    assert int(image.header["sform_code"]) == int(image.header["qform_code"]) == 1
    with pytest.raises(OutputError, match=r"must end in \.nii"):
        save_volume(mask, tmp_path / "m.mgz")


def test_it_goes_to_mgh_only(mgz, tmp_path):
    with pytest.raises(OutputError, match=r"must end in \.mgh or \.mgz.*an MGH file"):
        save_volume(load_volume(mgz), tmp_path / "out.nii.gz")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (made.mgh_start(9, SHAPE) + b"\0" * 180, r"MGH type 9.*mri_convert"),
        (made.mgh_start(4, SHAPE) + b"\0" * 100, "truncated"),
        (made.mgh_start(4, (3, 0, 4)), r"has shape"),
        (made.mgh_start(4, SHAPE, version=2), r"no MGH file"),
        (b"MGH", r"no MGH file"),
    ],
)
def test_broken_ones_are_refused(tmp_path, content, words):
    with pytest.raises(ImageError, match=words):
        load_volume(made.write(tmp_path / "x.mgz", content))
