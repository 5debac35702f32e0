from __future__ import annotations

import numpy as np

from bids_deface.places import Edit, changed_in


def test_a_box_tells_which_of_its_voxels_are_written():
    rng = np.random.default_rng(0)
    mask, edits = np.zeros((12, 10, 8), bool), []
    for corner in ((0, 0, 0), (5, 3, 2), (8, 6, 4)):
        box = tuple(slice(c, c + 4) for c in corner)
        put = rng.random((4, 4, 4)) < 0.5
        mask[box] |= put
        edits.append(Edit(box, put, (), {}, 0))
    for box in (
        (slice(0, 12), slice(0, 10), slice(0, 8)),
        (slice(3, 9), slice(2, 7), slice(1, 5)),
    ):
        np.testing.assert_array_equal(changed_in(box, edits), mask[box])
    assert not changed_in((slice(0, 3), slice(6, 10), slice(0, 8)), edits).any()


def test_an_edit_writes_every_frame():
    data = np.zeros((4, 4, 4, 2), np.int16)
    put = np.zeros((2, 2, 2), bool)
    put[0, 0, 0] = put[1, 1, 1] = True
    edit = Edit((slice(1, 3),) * 3, put, (np.array([5, 6]), np.array([7, 8])), {}, 0)
    edit.write(data)
    assert data[1, 1, 1].tolist() == [5, 7]
    assert data[2, 2, 2].tolist() == [6, 8]
    assert (data != 0).sum() == 4
