from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from bids_deface.anatomy import BRAIN
from bids_deface.assurance.brain_shape import (
    CoarseLabels,
    guard_brain,
    is_guarded,
    shape_of_brain,
)
from bids_deface.assurance.hull import hull_of
from bids_deface.assurance.verdict import Decision
from bids_deface.deface import deface_volume
from bids_deface.settings import DefaceSettings
from bids_deface.tissue import dilate_mm, head_mask


@pytest.fixture(scope="module")
def outline(head) -> np.ndarray:
    return head_mask(head.data.astype(np.float32), 100.0, np.full(3, 1.5))


def without_a_lobe(dseg: np.ndarray, k: int) -> np.ndarray:
    """Labels in which the brain's front, down to the eyes, was missed."""
    brain = np.argwhere(dseg == BRAIN)
    front = np.percentile(brain[:, 1], 65)
    j = np.arange(dseg.shape[1])[None, :, None]
    i = np.arange(dseg.shape[0])[:, None, None]
    lost = (dseg == BRAIN) & (j > front) & (i < np.median(brain[:, 0]) + k)
    return np.where(lost, 0, dseg).astype(np.uint8)


def shaken(dseg: np.ndarray, seed: int) -> np.ndarray:
    """Labels of a brain that was seen in shreds."""
    noise = np.random.default_rng(seed).normal(size=dseg.shape)
    holes = ndimage.gaussian_filter(noise, 3.0) > 0
    return np.where((dseg == BRAIN) & holes, 0, dseg).astype(np.uint8)


@pytest.mark.parametrize("size", [0.6, 1.0, 1.2])
def test_a_whole_brain_is_good_at_any_age(head, outline, size):
    """A newborn's head is 0.6 times an adult's: the same voxels, smaller."""
    affine = head.affine @ np.diag([size, size, size, 1])
    dseg, doubts = guard_brain(head.dseg, affine, outline, affine)
    assert doubts == ()
    assert dseg is head.dseg


def test_a_brain_that_lacks_a_part_is_spared_as_a_hull(head, outline):
    half = without_a_lobe(head.dseg, 0)
    dseg, doubts = guard_brain(half, head.affine, outline, head.affine)
    assert is_guarded(doubts)
    assert any("sides differ" in doubt for doubt in doubts), doubts
    lost = (head.dseg == BRAIN) & (half != BRAIN)
    assert lost.sum() > 20_000
    assert (dseg == BRAIN)[lost].mean() > 0.99, "the other side tells what is missing"
    assert (dseg == BRAIN)[half == BRAIN].all()
    nose = head.dseg == 3
    assert (dseg == 3)[nose].mean() > 0.95, "the face is no part of the hull"


def test_a_brain_in_shreds_is_spared_as_a_hull(head, outline):
    shreds = shaken(head.dseg, 1)
    dseg, doubts = guard_brain(shreds, head.affine, outline, head.affine)
    assert any("of its hull only" in doubt for doubt in doubts), doubts
    assert (dseg == BRAIN)[head.dseg == BRAIN].mean() > 0.99


def test_a_brain_out_of_its_head_or_in_pieces_is_told(head, outline):
    dseg, wide = (np.pad(a, 40) for a in (head.dseg, outline))
    moved = np.where(dseg == BRAIN, 0, dseg)
    moved[np.roll(dseg, 30, axis=2) == BRAIN] = BRAIN
    _, doubts = guard_brain(moved, head.affine, wide, head.affine)
    assert any("outside the head" in doubt for doubt in doubts), doubts
    pieces = head.dseg.copy()
    pieces[50:70, 2:22, 20:40] = BRAIN
    _, doubts = guard_brain(pieces, head.affine, None, head.affine)
    assert any("apart from the rest" in doubt for doubt in doubts), doubts


def test_the_field_of_view_may_cut_a_brain(head, outline):
    """A slab through the temporal lobes: parts, and no hull, but nothing is wrong with it."""
    k = int(np.argwhere(head.dseg == 1)[:, 2].mean())
    slab = np.ascontiguousarray(head.dseg[:, :, k - 12 : k + 6])
    affine = head.affine.copy()
    affine[:3, 3] += affine[:3, 2] * (k - 12)
    assert guard_brain(slab, affine, outline, head.affine)[1] == ()
    side = np.ascontiguousarray(head.dseg[: head.dseg.shape[0] // 2])
    assert shape_of_brain(CoarseLabels.of(side, head.affine), outline, head.affine) is None


def test_hull_holds_the_mask_and_is_convex():
    mask = np.zeros((20, 20, 20), bool)
    mask[3, 3, 3] = mask[15, 4, 4] = mask[5, 16, 5] = mask[6, 6, 17] = True
    hull = hull_of(mask)
    assert hull[mask].all()
    assert hull[7, 7, 7]
    assert not hull[15, 15, 15]
    np.testing.assert_array_equal(hull_of(hull), hull)
    flat = np.zeros((5, 5, 5), bool)
    flat[2] = True
    np.testing.assert_array_equal(hull_of(flat), flat)


class Misled:
    """A detector that misses the front of one side of the brain."""

    def __init__(self, detector) -> None:
        self.detector, self.sha256 = detector, detector.sha256

    def detect(self, image, affine):
        found = self.detector.detect(image, affine)
        return replace(found, dseg=without_a_lobe(found.dseg, 0))


def test_a_doubtful_brain_awaits_review_and_stays_whole(original, defaced, detector):
    result = deface_volume(original, DefaceSettings.of(random_seed=1), Misled(detector))
    assert result.verdict.decision is Decision.REVIEW
    assert any("its hull was spared instead" in reason for reason in result.verdict.reasons)
    brain = dilate_mm(defaced.dseg == BRAIN, 3.0, np.full(3, 1.5))
    np.testing.assert_array_equal(result.volume.data[brain], original.data[brain])
    assert result.n_spared > 0
