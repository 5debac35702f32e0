"""Motion between frames, measured on made-up heads."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from bids_deface.motion import head_motion_mm
from bids_deface.population import synthetic_head


@pytest.fixture(scope="module")
def coarse():
    """A made-up head, 3 mm."""
    return synthetic_head(np.random.default_rng(7), zoom=2)


def moved(data, shift_mm, degrees=0.0, zoom=3.0):
    """Shift a head and nod it about its centre."""
    angle = np.radians(degrees)
    turn = np.eye(3)
    turn[1:, 1:] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    centre = np.array(data.shape) / 2
    offset = centre - turn @ centre + np.array(shift_mm) / zoom
    return ndimage.affine_transform(data.astype(np.float32), turn, offset, order=1, mode="nearest")


@pytest.mark.parametrize("shift", [(0, 0, 0), (0.6, 0, 0), (0, 2, 1), (5, -4, 3), (25, 10, 0)])
def test_shifts_are_measured(coarse, shift):
    data = coarse.data.astype(np.float32)
    seen = head_motion_mm([data, moved(data, shift)], data, coarse.affine)
    assert seen == pytest.approx(np.linalg.norm(shift), abs=0.5)


def test_nods_count_at_their_farthest_point(coarse):
    data = coarse.data.astype(np.float32)
    seen = head_motion_mm([moved(data, (0, 0, 0), 3.0)], data, coarse.affine)
    assert 4 < seen < 9, "3 degrees at 80 to 150 mm from the centre"


def test_another_brightness_is_no_motion(coarse):
    rng = np.random.default_rng(0)
    data = coarse.data.astype(np.float32)
    late = np.hypot(0.25 * data + rng.normal(0, 12, data.shape), rng.normal(0, 12, data.shape))
    assert head_motion_mm([late], data, coarse.affine) < 0.6
    assert head_motion_mm([-data], data, coarse.affine, sign=-1.0) < 0.1


def test_empty_frames_are_left_out(coarse):
    data = coarse.data.astype(np.float32)
    assert head_motion_mm([0 * data, data * np.nan], data, coarse.affine) == 0
