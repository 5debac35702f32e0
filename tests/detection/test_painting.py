"""Regions in the scan's own grid."""

from __future__ import annotations

import numpy as np
import pytest

from bids_deface.anatomy import BRAIN, CLASS_OF_LABEL
from bids_deface.detection.grid import Grid, conform
from bids_deface.detection.outline import HeadOutline
from bids_deface.detection.painting import MARGIN_MM, paint
from bids_deface.detection.regions import RawRegion
from bids_deface.detection.sighting import Sighting

SHAPE = (60, 60, 60)
AFFINE = np.diag([2.0, 2.0, 2.0, 1.0])


def sighting_of(boxes, probabilities=None):
    """Make a sighting from boxes (slices) by label index."""
    image = np.ones(SHAPE, dtype=np.float32)
    probseg = np.zeros((6, *SHAPE), dtype=np.float32)
    found = {}
    for index, box in boxes.items():
        mask = np.zeros(SHAPE, dtype=bool)
        mask[box] = True
        probseg[CLASS_OF_LABEL[index]][box] = (probabilities or {}).get(index, 0.9)
        found[index] = RawRegion(mask, float(mask.sum()) * 8 / 1000, np.zeros(3), 0.9)
    conformed = conform(image * np.linspace(0, 1, 60, dtype=np.float32), AFFINE)
    full = np.ones(SHAPE, dtype=bool)
    grid = Grid(SHAPE, AFFINE)
    return Sighting(
        type(conformed)(image, grid, 0.0, 1.0), HeadOutline(full, full, 0.5), probseg, found, ()
    )


def box(i, j, k, n=6):
    return tuple(slice(v, v + n) for v in (i, j, k))


def test_regions_get_a_margin_and_the_brain_is_drawn_last():
    sighting = sighting_of({3: box(20, 20, 20), BRAIN: box(20, 26, 20)})
    dark = np.zeros(SHAPE, dtype=np.float32)
    dseg = paint(sighting, dark, AFFINE)
    assert (dseg == 3)[19, 23, 23], "the margin"
    assert not (dseg == 3)[17, 23, 23]
    assert (dseg[box(20, 26, 20)] == BRAIN).all()
    assert not (dseg[:, 32:] == BRAIN).any(), "the brain has no margin here"


@pytest.mark.parametrize(("index", "outward"), [(4, -1), (5, 1)])
def test_auricles_are_followed_outwards_only(index, outward):
    sighting = sighting_of({index: box(28, 28, 28)})
    dseg = paint(sighting, np.ones(SHAPE, dtype=np.float32), AFFINE)
    i = np.flatnonzero((dseg == index)[:, 30, 30])
    reach = {-1: 28 - i.min(), 1: i.max() - 33}
    assert reach[outward] >= 5
    assert reach[-outward] <= np.ceil(MARGIN_MM[index] / 2)


def test_a_region_of_weak_probability_is_drawn_whole():
    """Where three features meet, the largest may have 40 %."""
    sighting = sighting_of({3: box(20, 20, 20)}, {3: 0.4})
    dseg = paint(sighting, np.zeros(SHAPE, dtype=np.float32), AFFINE)
    assert (dseg[box(20, 20, 20)] == 3).all()


def test_thick_slices_get_the_next_slice():
    sighting = sighting_of({1: box(20, 20, 20)})
    affine = np.diag([6.0, 2.0, 2.0, 1.0])
    affine[0, 3] = 2.0
    dseg = paint(sighting, np.zeros((20, 60, 60), dtype=np.float32), affine)
    drawn = np.flatnonzero((dseg == 1).any((1, 2)))
    inside = np.flatnonzero([20 <= (6 * i + 2) / 2 < 26 for i in range(20)])
    assert drawn.min() < inside.min()
    assert drawn.max() > inside.max()


def test_regions_outside_the_scan_are_left_out():
    sighting = sighting_of({3: box(50, 50, 50)})
    dseg = paint(sighting, np.zeros((10, 10, 10), dtype=np.float32), AFFINE)
    assert not dseg.any()
