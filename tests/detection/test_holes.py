"""Features that others cut out are not seen in the holes they left, nor in what is left."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import ndimage

from bids_deface.anatomy import BRAIN, CLASS_OF_LABEL
from bids_deface.detection.grid import Grid
from bids_deface.detection.holes import drop_holes
from bids_deface.detection.outline import HeadOutline
from bids_deface.detection.plausibility import Status, judge
from bids_deface.detection.regions import find_regions


def test_a_face_cut_out_is_absent(truth, conformed):
    """As most tools leave a head: without a face, with its ears."""
    probseg, labels, mask, grid = truth
    face = np.isin(labels, (1, 2, 3, 6))
    left = mask & ~ndimage.binary_dilation(face, iterations=3)
    found = drop_holes(find_regions(probseg, grid), HeadOutline(left, left, 0.1), conformed)
    assert set(found) == {4, 5, BRAIN}
    reports = {report.index: report.status for report in judge(found, left, grid)}
    assert reports[3] is reports[6] is Status.ABSENT
    assert reports[4] is reports[5] is Status.FOUND


def test_eyes_cut_out_of_the_skin_are_absent(truth, conformed):
    """A hole is closed by the head's outline, and its surroundings are smoothed into it."""
    probseg, labels, mask, grid = truth
    eyes = ndimage.binary_dilation(np.isin(labels, (1, 2)), iterations=2)
    found, outline = find_regions(probseg, grid), HeadOutline(mask, mask, 0.1)
    assert set(drop_holes(found, outline, conformed)) == set(found)
    left = drop_holes(found, outline, replace(conformed, image=np.where(eyes, 0, conformed.image)))
    assert set(found) - set(left) == {1, 2}


def test_a_mouth_is_cut_out_where_it_is_blank_and_the_air_is_not(truth, conformed):
    probseg, labels, mask, grid = truth
    outline = HeadOutline(mask, mask, 0.1)
    whole = find_regions(probseg, grid)
    eyeless = {index: region for index, region in whole.items() if index not in (1, 2)}
    around = ndimage.binary_dilation(labels == 6, iterations=3)
    for found, blank, is_there in (
        (eyeless, around, False),
        (eyeless, ~mask, True),
        # In a scan whose air is blank, too, nobody can tell a hole from air,
        (eyeless, around | ~mask, True),
        # nor, where the eyes are there, from what lies outside of what was scanned.
        (whole, around, True),
    ):
        image = np.where(blank, 0, conformed.image)
        left = drop_holes(found, outline, replace(conformed, image=image))
        assert (6 in left) == is_there
        assert set(found) - set(left) <= {6}


def test_what_is_left_at_the_root_of_a_nose_is_none(truth, conformed):
    """Between the eyes, nearer to them than any nose, and small: what a cut has left."""
    probseg, labels, mask, grid = truth
    outline = HeadOutline(mask, mask, 0.1)
    middle = np.mean([np.argwhere(labels == eye).mean(axis=0) for eye in (1, 2)], axis=0)
    nose, voxels = CLASS_OF_LABEL[3], np.moveaxis(np.indices(mask.shape), 0, -1)
    for away_mm, is_there in ((8.0, False), (28.0, True)):
        centre = middle + np.array([0, 0.7, -0.7]) * away_mm / 2
        rest = (np.linalg.norm(voxels - centre, axis=-1) < 6) & np.isin(labels, (0, 3))
        cut = probseg.copy()
        cut[0][labels == 3], cut[nose] = 1, 0
        cut[:, rest] = 0
        cut[nose][rest] = 1
        found = find_regions(cut, grid)
        assert 6 < found[3].volume_ml < 15, "else another rule decides"
        assert (3 in drop_holes(found, outline, conformed)) == is_there


def test_a_rest_of_a_nose_that_is_air_is_none(truth, conformed):
    """What the network sees where a nose was cut off, in noise that counts as signal."""
    probseg, labels, mask, grid = truth
    nose = labels == 3
    all_signal = np.ones_like(mask)
    without_nose = mask & ~ndimage.binary_dilation(nose, iterations=2)
    small = probseg.copy()
    rim = nose & ~ndimage.binary_erosion(nose, iterations=2)
    small[0][rim], small[CLASS_OF_LABEL[3]][rim] = 1, 0
    found = find_regions(small, grid)
    assert 3 in found
    assert found[3].volume_ml < 15
    for outline, is_there in ((mask, True), (without_nose, False)):
        left = drop_holes(found, HeadOutline(outline, all_signal, 0.1), conformed)
        assert (3 in left) == is_there
    # How large a nose is that the field of view cuts, nobody knows.
    cut = int(np.flatnonzero(rim.any((0, 2)))[-1])
    here = tuple(slice(None) if a != 1 else slice(0, cut - 3) for a in range(3))
    found = find_regions(small[(slice(None), *here)], Grid(labels[here].shape, grid.affine))
    assert 3 in found
    bare = HeadOutline(without_nose[here], all_signal[here], 0.1)
    part = replace(
        conformed, image=conformed.image[here], grid=Grid(labels[here].shape, grid.affine)
    )
    assert 3 in drop_holes(found, bare, part)
    # A nose of full size may be dim: nobody takes it for a hole.
    whole = drop_holes(
        find_regions(probseg, grid), HeadOutline(without_nose, all_signal, 0.1), conformed
    )
    assert 3 in whole
