from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest

from bids_deface.containers.load import load_volume
from bids_deface.containers.readback import voxel_slabs
from bids_deface.errors import ImageError
from tests.containers import made

KINDS = {".mgz": nib.MGHImage, ".img": nib.Nifti1Pair, ".hdr": nib.Nifti1Pair}


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".hdr", ".img", ".mgz"])
@pytest.mark.parametrize("shape", [(7, 6, 5), (5, 4, 3, 2)])
def test_slabs_are_the_voxels_in_the_order_of_the_file(tmp_path, monkeypatch, suffix, shape):
    monkeypatch.setattr("bids_deface.containers.readback.SLAB_BYTES", 200)
    path = tmp_path / f"a{suffix}"
    kind = KINDS.get(suffix, nib.Nifti1Image)
    nib.save(kind(made.values("<i2", shape), np.eye(4, dtype=np.float32)), path)
    slabs = list(voxel_slabs(path))
    assert len(slabs) > 1
    whole = load_volume(path).data.reshape(*shape[:2], -1, order="F")
    np.testing.assert_array_equal(np.concatenate(slabs, axis=2), whole)
    assert slabs[0].dtype == whole.dtype


def test_a_file_that_ends_early_is_told(tmp_path):
    path = tmp_path / "a.nii"
    nib.save(nib.Nifti1Image(made.values("<i2", (7, 6, 5)), np.eye(4)), path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ImageError, match="truncated"):
        list(voxel_slabs(path))
