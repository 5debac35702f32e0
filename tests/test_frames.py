"""One image for many frames."""

from __future__ import annotations

import numpy as np
import pytest

from bids_deface import frames
from bids_deface.frames import relative_levels, robust_mean, telling_frames


@pytest.fixture
def scene():
    """A bright ball in noisy air."""
    away = np.linalg.norm(np.indices((24, 26, 22)) - 12, axis=0)
    return np.where(away < 8, 500.0, 10.0) + np.random.default_rng(0).normal(0, 5, away.shape)


def test_one_frame_stays_as_it_is(scene):
    np.testing.assert_array_equal(robust_mean(scene), scene.astype(np.float32))


def test_a_bright_echo_and_a_spike_do_not_decide(scene):
    series = np.stack([scene, scene * 1.02, scene * 0.98, scene * 20, scene], axis=3)
    series[3:6, :, :, 4] = 1e6
    out = robust_mean(series)
    np.testing.assert_allclose(out, scene, rtol=0.03)


def test_frames_of_different_brightness_count_alike(scene):
    rng = np.random.default_rng(1)
    clean = np.where(scene > 250, 500.0, 0.0)
    echoes = [clean * share + rng.normal(0, 5, clean.shape) for share in (1.0, 0.5, 0.25)]
    levels = relative_levels(echoes, echoes)
    np.testing.assert_allclose(levels / levels[1], [2, 1, 0.5], rtol=0.02)


def test_empty_constant_and_nan_frames_are_ignored(scene):
    series = np.stack([scene, 0 * scene, np.full_like(scene, np.nan), scene], axis=3)
    assert len(telling_frames(series)) == 2
    np.testing.assert_allclose(robust_mean(series), scene, rtol=1e-6)
    assert not robust_mean(np.full((4, 4, 4, 2), np.nan)).any()


def test_what_is_not_finite_in_one_frame_comes_from_the_others(scene):
    series = np.stack([scene] * 3, axis=3)
    series[12, 12, 12, 0] = np.nan
    series[12, 12, 12, 1] = np.inf
    np.testing.assert_allclose(robust_mean(series), scene, rtol=1e-6)


def test_long_series_are_sampled_evenly(scene):
    series = np.stack([scene + t for t in range(100)], axis=3).reshape(*scene.shape, 20, 5)
    chosen = telling_frames(series)
    assert len(chosen) == frames.MOST_FRAMES
    first = [frame[0, 0, 0] - scene[0, 0, 0] for frame in chosen]
    assert min(first) < 1
    assert max(first) > 98
    assert max(np.diff(sorted(first))) < 8


def test_slabs_join_without_a_seam(scene, monkeypatch):
    series = np.stack([scene, scene * 2, scene + 3], axis=3).astype(">i2")
    whole = robust_mean(series)
    monkeypatch.setattr(frames, "SLAB_VALUES", 5000)
    np.testing.assert_array_equal(robust_mean(series), whole)
    assert whole.dtype == np.float32


def test_of_complex_frames_the_magnitude_counts(scene):
    phase = np.exp(1j * np.random.default_rng(2).uniform(0, 6, (*scene.shape, 2)))
    series = (np.abs(scene)[..., None] * phase).astype(np.complex64)
    np.testing.assert_allclose(robust_mean(series), np.abs(scene), rtol=1e-3)
