from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from bids_deface.tissue import (
    bounding_box,
    dilate_mm,
    head_mask,
    labelled,
    largest_component,
    otsu_threshold,
    region_boxes,
    tissue_threshold,
)


def test_otsu_parts_two_classes():
    rng = np.random.default_rng(0)
    dark, bright = rng.normal(0.1, 0.02, 5000), rng.normal(0.8, 0.05, 5000)
    threshold = otsu_threshold(np.concatenate([dark, bright]).astype(np.float32))
    assert (dark > threshold).mean() < 0.01
    assert (bright < threshold).mean() < 0.01


def test_head_mask_covers_the_labelled_head(head):
    image = head.data.astype(np.float32)
    mask = head_mask(image, tissue_threshold(image), np.full(3, 1.5))
    assert mask[head.dseg == 7].mean() > 0.999
    assert not mask[:3].any(), "air at the border is no head"


@pytest.mark.parametrize("zooms", [(1.0, 1.0, 1.0), (0.5, 2.0, 4.0)])
def test_dilation_is_in_mm(zooms):
    mask = np.zeros((41, 41, 41), bool)
    mask[20, 20, 20] = True
    out = dilate_mm(mask, 6.0, np.array(zooms))
    away = np.moveaxis(np.indices(mask.shape), 0, -1) - 20
    expected = np.linalg.norm(away * zooms, axis=-1) <= 6.0
    np.testing.assert_array_equal(out, expected)
    assert not dilate_mm(np.zeros_like(mask), 5, np.array(zooms)).any()


def test_largest_component_and_box():
    mask = np.zeros((9, 9, 9), bool)
    mask[1:3, 1:3, 1:3] = True
    mask[6, 6, 6] = True
    assert largest_component(mask).sum() == 8
    assert bounding_box(mask, 1) == (slice(0, 8),) * 3
    assert not largest_component(np.zeros_like(mask)).any()


@pytest.mark.parametrize("zooms", [(0.7, 1.0, 1.3), (0.9, 0.9, 0.9)])
@pytest.mark.parametrize("radius", [2.0, 13.5, 18.0])
def test_dilation_by_blocks_is_that_of_the_whole(radius, zooms):
    rng = np.random.default_rng(0)
    zooms = np.array(zooms)
    mask = rng.random((90, 140, 70)) < 2e-5
    mask[20:30, 60:68, 60:] = True
    whole = ndimage.distance_transform_edt(~mask, sampling=zooms) <= radius
    np.testing.assert_array_equal(dilate_mm(mask, radius, zooms), whole)
    where = rng.random(mask.shape) < 1e-4
    part = dilate_mm(mask, radius, zooms, where=where)
    np.testing.assert_array_equal(part & where, whole & where)


@pytest.mark.parametrize("order", ["C", "F"])
def test_labels_and_their_boxes(order):
    dseg = np.zeros((7, 8, 9), np.uint8, order)
    dseg[1:3, 2:4, 5:8], dseg[6, 7, 8] = 3, 200
    assert region_boxes(dseg) == {
        3: (slice(1, 3), slice(2, 4), slice(5, 8)),
        200: (slice(6, 7), slice(7, 8), slice(8, 9)),
    }
    np.testing.assert_array_equal(labelled(dseg, (3, 7)), dseg == 3)
