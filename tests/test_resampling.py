from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from bids_deface.resampling import block_mean, interpolate

IMAGE = np.random.default_rng(0).random((9, 12, 7)).astype(np.float32)


@pytest.mark.parametrize("border", ["constant", "grid-constant", "nearest"])
@pytest.mark.parametrize("steps", [(0.5, 0.8, 1.0), (2.0, 1.3, 0.7), (-0.5, 1.0, 1.0)])
def test_grids_along_the_same_axes_are_interpolated_as_any_other(border, steps):
    matrix, offset, shape = np.diag(steps), np.array([7.3, -1.6, -0.2]), (13, 17, 12)
    expected = ndimage.affine_transform(
        IMAGE, matrix, offset, shape, order=1, mode=border, cval=0.3
    )
    out = interpolate(IMAGE, matrix, offset, shape, border=border, outside=0.3)
    np.testing.assert_allclose(out, expected, atol=1e-6)


def test_integers_and_oblique_grids_become_floats():
    matrix = np.array([[0.9, 0.1, 0], [-0.1, 0.9, 0], [0, 0, 1.0]])
    stored = (IMAGE * 1000).astype(np.int16)
    out = interpolate(stored, matrix, np.zeros(3), (5, 6, 7))
    assert out.dtype == np.float32
    assert np.ptp(out % 1) > 0.5, "values between voxels are not rounded"
    straight = interpolate(stored, np.diag([0.5, 0.5, 0.5]), np.zeros(3), (5, 6, 7))
    assert straight[1, 0, 0] == pytest.approx(stored[:2, 0, 0].mean())


def test_nothing_is_seen_far_from_an_image():
    for border, value in (("constant", 2.0), ("grid-constant", 2.0), ("nearest", IMAGE[-1, 0, 0])):
        out = interpolate(
            IMAGE, np.eye(3), np.array([50.0, -50, -50]), (3, 3, 3), border=border, outside=2.0
        )
        np.testing.assert_allclose(out, value)


def test_blocks_are_averaged_where_voxels_are_finer():
    affine = np.diag([1.0, 2.0, 0.5, 1.0])
    out, grown = block_mean(IMAGE, affine, 2.0)
    assert out.shape == (4, 12, 1)
    np.testing.assert_allclose(out[0, 0, 0], IMAGE[:2, 0, :4].mean(), rtol=1e-6)
    np.testing.assert_allclose(grown[:3, 3], [0.5, 0, 0.75])
