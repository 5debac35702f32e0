"""Heads whose nose or ear comes in again at the far border."""

from __future__ import annotations

import numpy as np
import pytest

from bids_deface.anatomy import ALL_FEATURES, labels_of
from bids_deface.assurance.aliasing import find_wrapped
from bids_deface.assurance.verdict import Decision
from bids_deface.deface import deface_volume
from bids_deface.settings import DefaceSettings
from bids_deface.tissue import bounding_box

LABELS = frozenset(index for feature in ALL_FEATURES for index in labels_of(feature))
THRESHOLD = 100.0
NOSE, LEFT_EAR = 3, 4


def wrapped(head, index: int, by: int, axis: int, sign: int):
    """Move a head along an axis until ``by`` voxels of a feature come in on the other side."""
    skin = np.argwhere((head.dseg == index) & (head.data > THRESHOLD))[:, axis]
    room = head.data.shape[axis] - 1 - skin.max() if sign > 0 else skin.min()
    shift = sign * (int(room) + by)
    data, dseg = (np.roll(a, shift, axis) for a in (head.data, head.dseg))
    there = slice(0, by) if sign > 0 else slice(data.shape[axis] - by, None)
    copy = np.zeros(data.shape, bool)
    copy[(slice(None),) * axis + (there,)] = True
    # Nobody finds a feature in its copy.
    return data, np.where(copy, 0, dseg).astype(np.uint8), copy & (dseg == index)


@pytest.mark.parametrize(
    ("index", "axis", "sign", "by"),
    [(NOSE, 1, 1, 4), (NOSE, 1, 1, 12), (LEFT_EAR, 0, -1, 4), (LEFT_EAR, 0, -1, 8)],
)
def test_a_copy_is_found_where_it_is(head, index, axis, sign, by):
    data, dseg, copy = wrapped(head, index, by, axis, sign)
    found = find_wrapped(data, dseg, head.affine, THRESHOLD, LABELS)
    assert found.doubts == ()
    assert index in [one.index for one in found.copies]
    mask = np.zeros(data.shape, bool)
    for one in found.copies:
        mask[one.box] |= one.mask
    assert mask[copy & (data > 1.5 * THRESHOLD)].mean() > 0.95
    assert not mask[:, data.shape[1] // 3 : -data.shape[1] // 3].any() or axis == 0


def test_a_nose_at_the_border_alone_is_no_copy(head):
    """Cut off in front, air behind: what a third of real scans look like."""
    tip = int(np.argwhere((head.dseg == NOSE) & (head.data > THRESHOLD))[:, 1].max())
    for cut in (1, 4, 8):
        data, dseg = head.data[:, : tip - cut], head.dseg[:, : tip - cut]
        assert (dseg[:, -1] == NOSE).any()
        found = find_wrapped(data, dseg, head.affine, THRESHOLD, LABELS)
        assert found.copies == found.doubts == ()


@pytest.mark.parametrize("first", [25, 40])
def test_a_head_that_is_cut_on_both_sides_is_no_copy(head, first):
    """The back of the head at the far border is wide, and no bump."""
    tip = int(np.argwhere((head.dseg == NOSE) & (head.data > THRESHOLD))[:, 1].max())
    data, dseg = head.data[:, first : tip - 4], head.dseg[:, first : tip - 4]
    assert (data[:, 0] > 2 * THRESHOLD).sum() > 500
    found = find_wrapped(data, dseg, head.affine, THRESHOLD, LABELS)
    assert found.copies == found.doubts == ()


def test_two_ears_that_are_cut_are_no_copies_of_each_other(head):
    left, right = (bounding_box((head.dseg == i) & (head.data > THRESHOLD))[0] for i in (4, 5))
    inside = slice(left.start + 4, right.stop - 4)
    found = find_wrapped(head.data[inside], head.dseg[inside], head.affine, THRESHOLD, LABELS)
    assert found.copies == found.doubts == ()


def test_a_copy_that_meets_the_head_is_a_doubt(head):
    """No air between the copy and the back of the head."""
    data, dseg, copy = wrapped(head, NOSE, 8, 1, 1)
    behind = bounding_box(copy)
    data = data.copy()
    # A bridge: signal from the copy to the head, as where the two overlap.
    i, k = ((s.start + s.stop) // 2 for s in (behind[0], behind[2]))
    data[i - 2 : i + 3, 4:60, k - 2 : k + 3] = 600
    found = find_wrapped(data, dseg, head.affine, THRESHOLD, LABELS)
    assert found.copies == ()
    assert found.doubts == (
        "a copy of the nose may lie in the far side of the head (wrap-around)",
    )


def test_only_what_is_to_be_hidden_is_looked_for(head):
    data, dseg, _ = wrapped(head, NOSE, 8, 1, 1)
    assert find_wrapped(data, dseg, head.affine, THRESHOLD, {1, 2, 4, 5}).copies == ()


def test_the_level_face_erases_a_copy_too(head, original, detector):
    data, _, copy = wrapped(head, NOSE, 8, 1, 1)
    settings = DefaceSettings.of(level="face", random_seed=1)
    result = deface_volume(original.with_data(data), settings, detector)
    assert "a copy of the nose at the far border" in "; ".join(result.notes)
    assert result.volume.data[copy].max() < THRESHOLD, "all of it is air"


def test_the_job_erases_a_copy(head, original, detector):
    data, _, copy = wrapped(head, NOSE, 8, 1, 1)
    volume = original.with_data(data)
    result = deface_volume(volume, DefaceSettings.of(["nose"], random_seed=1), detector)
    assert result.verdict.decision is Decision.PASS, result.verdict.reasons
    assert "a copy of the nose at the far border" in "; ".join(result.notes)
    assert (data[copy] > 2 * THRESHOLD).sum() > 300
    assert result.volume.data[copy].max() < THRESHOLD, "all of it is air"
    head_behind = (slice(None), slice(40, 80))
    np.testing.assert_array_equal(result.volume.data[head_behind], data[head_behind])
    shared = result.mask_volume.data
    assert shared[result.volume.data != data].all()
