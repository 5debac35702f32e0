"""Bumps drawn by chance: wide, within bounds, another time others, and not seen in the mask."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from bids_deface.distortion.front import smooth_front
from bids_deface.distortion.relief import REACH_MM, random_relief
from bids_deface.distortion.scene import Scene
from bids_deface.heights import surface_height
from bids_deface.tissue import dilate_mm, head_mask, tissue_threshold

FLAT = np.full(2, 1.5)


def test_bumps_keep_within_bounds_and_are_wide():
    relief = random_relief((90, 90), FLAT, 1)
    assert np.abs(relief).max() <= REACH_MM
    assert relief.std() > 0.5 * REACH_MM
    rough = relief - ndimage.gaussian_filter(relief, 6.0 / FLAT)
    assert rough.std() < 0.7, "the residue check takes no bump for a mouth"


def test_one_chance_draws_one_relief_and_another_another():
    first, same, other = (random_relief((60, 60), FLAT, chance) for chance in (1, 1, 2))
    np.testing.assert_array_equal(first, same)
    assert np.abs(first - other).mean() > 1.0


def test_a_map_of_one_pixel_has_a_height():
    assert np.isfinite(random_relief((1, 1), FLAT, 0)).all()


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


def test_the_skin_differs_and_the_mask_does_not(scene):
    """All images of one scan have one mask, whatever is drawn in each of them."""
    heights, masks = [], []
    for chance in (1, 2):
        change = smooth_front(replace(scene, chance=chance), 1, 1, np.random.default_rng(0))
        out = change.painted(scene.data).astype(np.float32)
        heights.append(surface_height(np.moveaxis(out > scene.threshold, 1, -1)) * 1.5)
        masks.append(change.mask)
    np.testing.assert_array_equal(*masks)
    inner = ndimage.binary_erosion(scene.region.any(axis=1), iterations=4)
    apart = heights[0] - heights[1]
    assert apart[inner].std() > 1.5
    assert not apart[~masks[0].any(axis=1)].any()
