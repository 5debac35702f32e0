"""The whole job on what is not a plain T1w: frames, complex values, maps, odd air."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

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
