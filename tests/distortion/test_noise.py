from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage, stats

from bids_deface.distortion.noise import (
    as_frame,
    constant_air,
    fill_with_air,
    uniform_noise,
)
from bids_deface.frames import finite_range


def scene(smooth=0.0):
    rng = np.random.default_rng(4)
    noise = np.hypot(
        *ndimage.gaussian_filter(rng.normal(0, 20, (2, 60, 60, 60)), (0, smooth, smooth, smooth))
    )
    data = np.rint(noise).astype(np.int16)
    target = np.zeros(data.shape, bool)
    target[20:40, 22:41, 25:37] = True
    data[target] = 900
    air = ~ndimage.binary_dilation(target, iterations=4)
    return data, target, air


def filled(data, target, air, far_air, seed=0):
    """Return the data with the target filled."""
    out = data.copy()
    out[target] = fill_with_air(data, target, air, far_air, np.random.default_rng(seed))
    return out


def test_filled_voxels_follow_the_distribution_of_air():
    data, target, air = scene()
    out = filled(data, target, air, data[:0, 0, 0])
    np.testing.assert_array_equal(out[~target], data[~target])
    assert out.dtype == data.dtype
    assert stats.ks_2samp(out[target], data[air]).pvalue > 0.001


def test_texture_of_smooth_noise_is_kept():
    """The filled region is as smooth as the air: no outline in the noise."""
    data, target, air = scene(smooth=1.0)
    out = filled(data, target, air, data[:0, 0, 0])

    def roughness(where):
        inner = ndimage.binary_erosion(where)
        return np.abs(np.diff(out.astype(float), axis=2))[:, :, :59][inner[:, :, :59]].mean()

    assert roughness(target) / roughness(air) < 1.25


def test_where_nothing_is_to_be_filled_nothing_is():
    data, target, air = scene()
    none = np.zeros_like(target)
    out = fill_with_air(data, none, air, data[:0, 0, 0], np.random.default_rng(0))
    assert out.shape == (0,)
    assert out.dtype == data.dtype


def test_masked_air_stays_zero():
    data, target, air = scene()
    data[air] = 0
    out = filled(data, target, air, data[:0, 0, 0])
    assert (out[target] == 0).all()


def test_without_air_nearby_the_far_air_is_drawn():
    data, target, _ = scene()
    none = np.zeros(data.shape, bool)
    far = np.array([3, 5, 7], np.int16)
    out = filled(data, target, none, far)
    assert set(np.unique(out[target])) == {3, 5, 7}


def test_fill_is_not_repeatable_without_the_seed():
    data, target, air = scene()
    one, two = (filled(data, target, air, data[:0, 0, 0], seed=None) for _ in "ab")
    assert (one != two).any()


def test_air_of_one_value_is_told_from_noise():
    air = np.full(1000, 7, np.int16)
    air[:40] = np.arange(40)
    assert constant_air(air) == 7
    air[:60] = np.arange(60)
    assert constant_air(air) is None
    assert constant_air(air[:0]) is None


def test_blank_air_stays_blank_beside_ghosts():
    data, target, air = scene()
    out = filled(data, target, air, np.zeros(500, np.int16))
    assert (out[target] == 0).all()


@pytest.mark.parametrize("dtype", ["i1", ">i2", "u8", "f4", "c8"])
def test_uniform_noise_is_legal_in_every_dtype(dtype):
    rng = np.random.default_rng(0)
    frame = np.array([-3, 5, 100] if dtype[-2] != "u" else [0, 5, 2**63], dtype=dtype)
    low, high = finite_range(frame[:, None, None])
    values = as_frame(uniform_noise(5000, (low, high), rng), np.dtype(dtype), rng)
    assert values.dtype == np.dtype(dtype)
    real = np.abs(values) if dtype == "c8" else values
    assert float(low) * 0.999 - 0.01 <= real.min() <= float(low) + (float(high) - float(low)) / 20
    assert real.max() <= float(high) * 1.001
