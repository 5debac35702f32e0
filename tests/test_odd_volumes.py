"""The whole job on what is not a plain T1w: frames, complex values, maps, odd air."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage, stats

from bids_deface.anatomy import BRAIN
from bids_deface.assurance.verdict import Decision
from bids_deface.deface import DefaceSettings, deface_volume
from bids_deface.population import SyntheticHead, synthetic_head
from bids_deface.tissue import dilate_mm
from bids_deface.volume import Volume


@pytest.fixture(scope="module")
def coarse() -> SyntheticHead:
    """A made-up head, 2.1 mm: the job takes a second."""
    return synthetic_head(np.random.default_rng(7), zoom=1.4)


@pytest.fixture(scope="module")
def job(coarse, detector):
    """Return a function that defaces an array on the grid of the coarse head."""

    def run(data, source=None, features=None, affine=coarse.affine, **options):
        volume = Volume(np.asfortranarray(data), affine, b"", b"", 1.0)
        settings = DefaceSettings.of(features, random_seed=1)
        return deface_volume(volume, settings, source or detector, **options)

    return run


@pytest.fixture(scope="module")
def plain(coarse, job):
    """The coarse head after the whole job."""
    return job(coarse.data)


def shifted(data, millimetres, axis=1, zoom=2.1):
    """Move a head along one axis."""
    steps = np.zeros(3)
    steps[axis] = millimetres / zoom
    return ndimage.shift(data.astype(np.float32), steps, order=1, mode="nearest").astype(
        data.dtype
    )


def same_outside(before, after, mask):
    """Tell whether all bits outside a mask are the same."""
    kept = mask == 0
    return before[kept].tobytes() == after[kept].tobytes()


def test_frames_that_do_not_move_change_nothing(coarse, plain, job):
    """Echoes of different brightness, one of them empty, in five dimensions."""
    echoes = [coarse.data, coarse.data // 2, coarse.data // 4, 0 * coarse.data]
    data = np.stack(echoes, axis=3).reshape(*coarse.data.shape, 2, 2)
    result = job(data)
    assert result.notes == ()
    assert result.verdict.decision is Decision.PASS, result.verdict.reasons
    overlap = 2 * (result.mask & plain.mask).sum() / (result.mask.sum() + plain.mask.sum())
    assert overlap > 0.98
    assert same_outside(data, result.volume.data, result.mask)
    # The skin of the third echo is as bright as that echo.
    inside = result.mask == 1
    first, third = (result.volume.data[..., i, 0][inside].astype(float) for i in (0, 1))
    assert np.percentile(third, 95) == pytest.approx(np.percentile(first, 95) / 4, rel=0.25)


def test_small_motion_grows_the_regions(coarse, plain, job):
    data = np.stack([coarse.data, coarse.data, shifted(coarse.data, 4.0)], axis=3)
    result = job(data)
    assert result.notes == (
        "the head moves by 4 mm between frames: regions were grown by as much",
    )
    assert result.mask.sum() > 1.1 * plain.mask.sum()
    brain = dilate_mm(result.dseg == BRAIN, 3.0 + 3.5, np.full(3, 2.1))
    assert not result.mask[brain].any()
    nose = np.argwhere(coarse.dseg == 3)[:, 1].max()
    moved_tip = (shifted(coarse.data, 4.0) > 120) & (coarse.dseg == 3)
    assert nose > 0
    assert result.mask[moved_tip].mean() > 0.95


def test_large_motion_needs_a_human(coarse, job):
    data = np.stack([coarse.data, coarse.data, shifted(coarse.data, 16.0, axis=2)], axis=3)
    result = job(data, features=["nose"])
    assert result.verdict.decision is Decision.REVIEW
    assert any("moves by 16 mm" in reason for reason in result.verdict.reasons)


class Reference:
    """Stands in for the detector: regions and surface are known from the magnitude."""

    sha256 = "of the magnitude"

    def __init__(self, coarse, plain, surface_affine=None):
        affine = coarse.affine if surface_affine is None else surface_affine
        surface = coarse.data.astype(np.float32), affine
        self.found = replace(plain.features, surface=surface)

    def detect(self, image, affine):
        return self.found


def phase_of(coarse):
    """A phase image: smooth with wraps in the head, anything in air."""
    rng = np.random.default_rng(5)
    smooth = ndimage.gaussian_filter(rng.normal(0, 1, coarse.data.shape), 12)
    wrapped = np.angle(np.exp(1j * 20 * smooth / smooth.std())) / np.pi
    air = ndimage.gaussian_filter(coarse.data.astype(float), 1) < 60
    return np.rint(4095 * np.where(air, rng.uniform(-1, 1, air.shape), wrapped)).astype(np.int16)


def test_phase_gets_the_surface_of_the_magnitude_and_uniform_noise(coarse, plain, job):
    data = phase_of(coarse)
    result = job(data, Reference(coarse, plain), fill="uniform")
    np.testing.assert_array_equal(result.mask, plain.mask)
    assert same_outside(data, result.volume.data, result.mask)
    new = result.volume.data[result.mask == 1]
    assert new.min() >= data.min()
    assert new.max() <= data.max()
    assert stats.kstest(new, stats.uniform(-4095, 8190).cdf).statistic < 0.01


def test_maps_keep_their_blank_air(coarse, plain, job):
    """A float map that is 0 outside the head; NaN in places; the range is its own."""
    head = ndimage.gaussian_filter(coarse.data.astype(float), 1) > 60
    data = np.where(head, 300 + coarse.data, 0).astype(np.float32)
    data[::9, ::9, ::9] = np.nan
    result = job(data, Reference(coarse, plain), fill="uniform")
    inside = result.mask == 1
    assert same_outside(data, result.volume.data, result.mask)
    new = result.volume.data[inside]
    assert np.isfinite(new).all()
    assert new.max() <= np.nanmax(data)
    ears = inside & np.isin(coarse.dseg, (4, 5))
    assert (result.volume.data[ears] == 0).mean() > 0.9
    assert 0.1 < (new == 0).mean() < 0.9
    assert stats.kstest(new[new != 0], stats.uniform(0, np.nanmax(data)).cdf).statistic < 0.02


def test_a_reference_on_another_grid_tells_the_surface(coarse, plain, job):
    """In both fills: the scan shows no surface, the shifted grid of the reference does."""
    inner = coarse.data[1:-1, 1:, :-2]
    reference = Reference(coarse, plain)
    affine = coarse.affine.copy()
    affine[:3, 3] = (coarse.affine @ [1, 1, 0, 1])[:3]
    found = replace(reference.found, dseg=plain.dseg[1:-1, 1:, :-2])
    reference.found = found
    flat = np.full(inner.shape, 100, np.int16) + np.arange(inner.shape[0])[:, None, None]
    masks = [
        job(flat.astype(np.int16), reference, affine=affine, fill=fill).mask
        for fill in ("tissue", "uniform")
    ]
    np.testing.assert_array_equal(*masks)
    expected = plain.mask[1:-1, 1:, :-2]
    assert 2 * (masks[0] & expected).sum() / (masks[0].sum() + expected.sum()) > 0.97


def test_complex_values_are_defaced_by_their_magnitude(coarse, plain, job):
    phase = ndimage.gaussian_filter(np.random.default_rng(6).normal(0, 30, coarse.data.shape), 4)
    data = (coarse.data * np.exp(1j * phase)).astype(np.complex64)
    data[::11, ::11, ::11] = complex(np.nan, 1)
    result = job(data)
    assert result.verdict.decision is Decision.PASS, result.verdict.reasons
    assert same_outside(data, result.volume.data, result.mask)
    assert 2 * (result.mask & plain.mask).sum() / (result.mask.sum() + plain.mask.sum()) > 0.98
    inside = result.mask == 1
    new = result.volume.data[inside]
    assert np.isfinite(new).all()
    assert np.abs(np.exp(1j * np.angle(new)).mean()) < 0.03, "phase of nothing"
    assert like_air(np.abs(result.volume.data), np.abs(data), auricles(coarse, result))


def auricles(coarse, result):
    """The outer parts of both auricles, well outside the new skin."""
    out = np.zeros(coarse.dseg.shape, bool)
    for index, sign in ((4, -1), (5, 1)):
        ear = (coarse.dseg == index) & (result.mask == 1)
        outwards = sign * np.arange(ear.shape[0])[:, None, None]
        out |= ear & (outwards > np.percentile((ear * 1.0 * outwards)[ear], 65))
    assert out.sum() > 200
    return out


def like_air(after, before, ears):
    """Tell whether what fills the auricles has the distribution of this scan's air."""
    air = before[[0, 1, 2, -3, -2, -1]]
    return stats.ks_2samp(after[ears], air[np.isfinite(air)]).pvalue > 0.001
