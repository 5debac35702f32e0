from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
from nibabel.orientations import axcodes2ornt, ornt_transform

from bids_deface.volume import (
    Volume,
    canonical_affine,
    canonical_view,
    sample_values,
    spatial_mean,
    stored_view,
    zooms_of,
)


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


def test_negative_slope_turns_the_contrast():
    data = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    mean = spatial_mean(Volume(data, np.eye(4), b"", b"", -2.0))
    np.testing.assert_array_equal(mean, -data.astype(np.float32))


def test_other_voxels_must_be_of_the_same_kind():
    volume = Volume(np.zeros((2, 2, 2), np.int16), np.eye(4), b"a", b"b", 1.0, lead=b"c")
    assert volume.with_data(np.ones((2, 2, 2), np.int16)).lead == b"c"
    for other in (np.zeros((2, 2, 3), np.int16), np.zeros((2, 2, 2), np.uint16)):
        with pytest.raises(ValueError, match="shape and dtype"):
            volume.with_data(other)


@pytest.mark.parametrize("codes", ["RAS", "LPI", "PSR"])
def test_stored_view_undoes_the_canonical_view(codes):
    data = np.arange(24).reshape(2, 3, 4)
    affine = nib.orientations.inv_ornt_aff(
        ornt_transform(axcodes2ornt("RAS"), axcodes2ornt(codes)), data.shape
    )
    np.testing.assert_array_equal(stored_view(canonical_view(data, affine), affine), data)


def test_sampled_values_are_scaled_and_finite():
    data = np.full((4, 5, 6, 2), 3.0, order="F")
    data[0, 0, 0] = np.nan
    values = sample_values(Volume(data, np.eye(4), b"", b"", slope=2.0, inter=-10.0))
    assert len(values) == 4 * 5 * 6 - 1
    assert (values == -4).all()
