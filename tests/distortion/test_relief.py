"""Bumps drawn by chance: low, wide, another time others, and not seen in the mask."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from bids_deface.assurance.residues import doubts_of_residues, measure_residues
from bids_deface.detection.grid import conform, resample_labels
from bids_deface.distortion import front, relief
from bids_deface.distortion.front import UNDER_MM, smooth_front
from bids_deface.distortion.relief import DOWN_MM, UP_MM, random_relief
from bids_deface.distortion.scene import Scene
from bids_deface.heights import Columns, surface_height
from bids_deface.tissue import dilate_mm, head_mask, tissue_threshold

FLAT = np.full(2, 1.5)
WHOLE = np.ones((90, 90))
FEATURES = np.zeros((90, 90), bool)
FEATURES[20:70, 15:75] = True
ROUGHEST = np.where(FEATURES, 0.4, np.inf)


def drawn(chance: int, weight: np.ndarray = WHOLE) -> np.ndarray:
    return random_relief(weight, ROUGHEST, FLAT, chance)


def test_bumps_keep_within_bounds_and_are_wide():
    for chance in range(20):
        bumps = drawn(chance)
        assert -DOWN_MM <= bumps.min() < bumps.max() <= UP_MM
        assert bumps.std() > 0.8, "no draw is a weak one"
        rough = (bumps - ndimage.gaussian_filter(bumps, 6.0 / FLAT))[FEATURES]
        assert rough.std() <= 0.4
        # Within a mouth's size: what awaits review there is 0.7 mm.
        assert max(part.std() for part in np.split(rough.reshape(50, 60)[:48], 4)) < 0.5


def test_bumps_that_would_be_taken_for_a_feature_are_flattened(monkeypatch):
    monkeypatch.setattr(relief, "LENGTH_MM", 6.0)
    flattened = drawn(0)
    whole = random_relief(WHOLE, np.full((90, 90), np.inf), FLAT, 0)
    assert whole[FEATURES].std() > 2 * flattened[FEATURES].std()
    np.testing.assert_allclose(flattened / whole, (flattened / whole)[0, 0])


def test_bumps_run_out_with_their_weight():
    weight = np.clip(np.linspace(-0.5, 1.5, 90), 0, 1) * WHOLE
    part = drawn(3, weight)
    assert not part[weight == 0].any()
    assert (np.abs(part) <= weight * max(UP_MM, DOWN_MM)).all()
    assert part[weight == 1].std() > 0.8


def test_one_chance_draws_one_relief_and_another_another():
    first, same, other = (drawn(chance) for chance in (1, 1, 2))
    np.testing.assert_array_equal(first, same)
    assert np.abs(first - other).mean() > 1.0


def test_a_map_of_one_pixel_has_a_height():
    one = np.ones((1, 1))
    assert np.isfinite(random_relief(one, one, FLAT, 0)).all()


@pytest.fixture(scope="module")
def scene(head):
    image = head.data.astype(np.float32)
    zooms = np.full(3, 1.5)
    outline = head_mask(image, tissue_threshold(image), zooms)
    air = ~dilate_mm(outline, 5.0, zooms)
    return Scene(
        head.data, np.isin(head.dseg, (1, 2, 3, 6)), head.dseg, (), outline, air, zooms,
        tissue_threshold(image), head.data[air][:1000],
    )  # fmt: skip


def painted(scene: Scene, chance: int) -> tuple[np.ndarray, np.ndarray]:
    change = smooth_front(replace(scene, chance=chance), 1, 1, np.random.default_rng(0))
    return change.painted(scene.data).astype(np.float32), change.mask


def test_the_skin_differs_and_the_mask_does_not(scene):
    """All images of one scan have one mask, whatever is drawn in each of them."""
    (one, mask), (two, other) = (painted(scene, chance) for chance in (1, 2))
    np.testing.assert_array_equal(mask, other)
    heights = [surface_height(np.moveaxis(out > scene.threshold, 1, -1)) for out in (one, two)]
    apart = 1.5 * (heights[0] - heights[1])
    inner = ndimage.binary_erosion(scene.region.any(axis=1), iterations=4)
    assert apart[inner].std() > 1.0
    assert not apart[~mask.any(axis=1)].any()


@pytest.mark.parametrize("height", [-DOWN_MM, UP_MM])
def test_skin_of_one_intensity_lies_under_the_highest_and_the_lowest_bump(
    scene, height, monkeypatch
):
    monkeypatch.setattr(front, "random_relief", lambda weight, *_: weight * height)
    out, mask = painted(scene, 0)
    columns = Columns(1, 1)
    top = surface_height(columns.view(out > scene.threshold))[..., None]
    inner = ndimage.binary_erosion(columns.view(scene.region).any(axis=-1), iterations=4)
    level = np.arange(out.shape[1])
    # The outermost voxel is the skin's blurred edge.
    skin = (level < top) & (level > top - UNDER_MM / 1.5) & inner[..., None]
    assert skin.sum() > 500
    assert columns.view(mask)[skin].mean() > 0.99
    values = columns.view(out)[skin]
    assert np.mean(values == np.median(values)) > 0.95


def test_no_bump_is_taken_for_a_feature(scene):
    small = conform(scene.data, np.diag([1.5, 1.5, 1.5, 1.0]))
    labels = resample_labels(scene.labels, np.diag([1.5, 1.5, 1.5, 1.0]), small.grid)
    labels[~np.isin(labels, (1, 2, 3, 6))] = 0
    threshold = (scene.threshold - small.low) / (small.high - small.low)

    def doubts(data):
        image = conform(data, np.diag([1.5, 1.5, 1.5, 1.0])).image
        left = measure_residues(image, labels, np.full(3, 2.0), threshold, {})
        assert len(left) == 4
        return doubts_of_residues(left.values())

    assert len(doubts(scene.data)) >= 4, "what was there is found"
    for chance in range(5):
        assert not doubts(painted(scene, chance)[0])
