"""What is shared tells where a feature was, not what it looked like."""

from __future__ import annotations

import numpy as np
import pytest

from bids_deface.anatomy import BRAIN
from bids_deface.assurance.brain import protected_in
from bids_deface.assurance.sharing import coarse_box, shared_dseg, shared_mask
from bids_deface.tissue import bounding_box

ZOOMS = np.array([1.5, 1.0, 20.0])


def test_coarse_boxes_lie_on_the_lattice_and_in_the_image():
    box = coarse_box((slice(8, 9), slice(11, 29), slice(2, 3)), ZOOMS, (50, 25, 3))
    assert box == (slice(7, 14), slice(10, 25), slice(2, 3))
    assert coarse_box(box, ZOOMS, (50, 25, 3)) == box


@pytest.fixture
def dseg() -> np.ndarray:
    out = np.zeros((60, 60, 60), np.uint8)
    out[20:40, 10:30, 20:50] = BRAIN
    ball = np.indices(out.shape) - np.array([30, 38, 22])[:, None, None, None]
    out[((ball**2).sum(axis=0) < 81) & (out == 0)] = 3
    return out


def test_the_shape_of_a_region_leaves_no_trace(dseg):
    other = dseg.copy()
    region = np.argwhere(dseg == 3)
    low, high = region.min(axis=0), region.max(axis=0)
    other[other == 3] = 0
    # Another nose of nearly the same size: two slanted pieces.
    other[tuple(low)] = other[tuple(high)] = 3
    np.testing.assert_array_equal(shared_dseg(other, np.ones(3)), shared_dseg(dseg, np.ones(3)))
    boxes = [bounding_box(d == 3) for d in (dseg, other)]
    one, two = (shared_mask([box], dseg, 3.0, np.ones(3)) for box in boxes)
    np.testing.assert_array_equal(one, two)


def test_the_brain_is_not_in_what_is_shared(dseg):
    brain = dseg == BRAIN
    mask = shared_mask([(slice(15, 45),) * 3], dseg, 3.0, np.ones(3))
    near = protected_in((slice(0, 60),) * 3, dseg, 3.0, np.ones(3))
    assert mask.any()
    assert not mask[near].any()
    np.testing.assert_array_equal(shared_dseg(dseg, np.ones(3)) == BRAIN, brain)


def test_nothing_changed_is_nothing_told(dseg):
    empty = (slice(5, 5),) * 3
    assert not shared_mask([empty], dseg, 3.0, np.ones(3)).any()


def test_every_changed_voxel_lies_in_the_shared_mask(original, defaced):
    shared = defaced.mask_volume.data
    assert shared[original.data != defaced.volume.data].all()
    assert shared[defaced.mask == 1].all()
    whole = tuple(slice(0, n) for n in shared.shape)
    assert not shared[protected_in(whole, defaced.dseg, 3.0, np.full(3, 1.5))].any()
    assert shared.mean() < 0.15
