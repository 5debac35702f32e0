from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from bids_deface.anatomy import BRAIN, LABELS
from bids_deface.detection.grid import Grid
from bids_deface.detection.outline import has_signal
from bids_deface.detection.plausibility import Status, judge
from bids_deface.detection.pose import drop_strays, expected_centre
from bids_deface.detection.recognition import require_head
from bids_deface.detection.regions import find_regions
from bids_deface.errors import NoHeadError, SkullStrippedError


def without(probseg, *classes):
    out = probseg.copy()
    for index in classes:
        out[0] += out[index]
        out[index] = 0
    return out


def test_left_and_right_are_the_subjects(truth):
    probseg, labels, _, grid = truth
    found = find_regions(probseg, grid)
    assert set(found) == {label.index for label in LABELS}
    for index in found:
        overlap = (found[index].mask & (labels == index)).sum() / (labels == index).sum()
        assert overlap > 0.9, index
    assert found[1].centroid[0] < found[2].centroid[0]
    assert found[4].centroid[0] < found[5].centroid[0]


def test_eyes_that_grew_together_are_parted(truth):
    probseg, labels, _, grid = truth
    joined = probseg.copy()
    rows = np.argwhere(np.isin(labels, (1, 2)))
    (i0, j0, k0), (i1, j1, k1) = rows.min(0), rows.max(0)
    bridge = (
        slice(i0, i1),
        slice((j0 + j1) // 2, (j0 + j1) // 2 + 2),
        slice((k0 + k1) // 2, (k0 + k1) // 2 + 2),
    )
    joined[:, *bridge], joined[1, *bridge] = 0, 1
    found = find_regions(joined, grid)
    assert found[1].volume_ml == pytest.approx(found[2].volume_ml, rel=0.2)


def test_specks_are_no_features(truth):
    probseg, _, _, grid = truth
    noisy = without(probseg, 1, 2, 3, 4)
    noisy[0, 5:7, 5:7, 5:7], noisy[2, 5:7, 5:7, 5:7] = 0, 1
    assert set(find_regions(noisy, grid)) == {BRAIN}


def test_all_features_of_a_whole_head_are_found(truth):
    probseg, _, mask, grid = truth
    reports = judge(find_regions(probseg, grid), mask, grid)
    assert {report.status for report in reports} == {Status.FOUND}
    assert [report.index for report in reports] == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(("classes", "indices"), [((1,), (1, 2)), ((2,), (3,)), ((3,), (4, 5))])
def test_a_feature_with_tissue_but_no_detection_is_doubtful(truth, classes, indices):
    probseg, _, mask, grid = truth
    reports = judge(find_regions(without(probseg, *classes), grid), mask, grid)
    for report in reports:
        expected = Status.DOUBTFUL if report.index in indices else Status.FOUND
        assert report.status is expected
        assert bool(report.reason) == (expected is Status.DOUBTFUL)


def test_a_feature_without_tissue_is_absent(truth):
    probseg, labels, mask, grid = truth
    rows = np.argwhere(np.isin(labels, (3,)))
    bare = mask.copy()
    bare[tuple(slice(a - 9, b + 9) for a, b in zip(rows.min(0), rows.max(0), strict=True))] = False
    reports = judge(find_regions(without(probseg, 2), grid), bare, grid)
    assert reports[2].status is Status.ABSENT


def test_features_beyond_the_field_of_view(truth):
    probseg, labels, mask, grid = truth
    middle = int(np.argwhere(labels == 6).mean(axis=0)[2])
    places = (
        (middle + 14, Status.OUTSIDE),
        (middle + 5, Status.DOUBTFUL),
        (middle, Status.CUT_OFF),
    )
    for cut, status in places:
        affine = grid.affine.copy()
        affine[:3, 3] += affine[:3, :3] @ [0, 0, cut]
        small = Grid((*grid.shape[:2], grid.shape[2] - cut), affine)
        seen = probseg[..., cut:]
        if status is Status.DOUBTFUL:
            # Its uppermost part is there, and the network does not see it.
            seen = without(seen, 4)
        reports = judge(find_regions(seen, small), mask[..., cut:], small)
        assert reports[5].status is status, cut


def test_half_an_ear_in_a_slab_is_not_called_outside(truth):
    probseg, labels, mask, grid = truth
    middle = int(np.argwhere(labels == 5).mean(axis=0)[2])
    cut = middle + 8
    affine = grid.affine.copy()
    affine[:3, 3] += affine[:3, :3] @ [0, 0, cut]
    small = Grid((*grid.shape[:2], grid.shape[2] - cut), affine)
    assert (labels[..., cut:] == 5).any()
    report = judge(find_regions(without(probseg, 3)[..., cut:], small), mask[..., cut:], small)[4]
    assert report.status is Status.DOUBTFUL
    assert "may reach into the field of view" in report.reason


def test_expected_places_are_near_the_true_ones(truth):
    probseg, _, _, grid = truth
    found = find_regions(probseg, grid)
    for index in range(1, 7):
        off = np.linalg.norm(expected_centre(index, found) - found[index].centroid)
        assert off < 20, index


def test_a_stray_region_does_not_make_others_look_wrong(truth):
    probseg, _, mask, grid = truth
    forehead = without(probseg, 3)
    forehead[:, 38:48, 95:103, 85:93], forehead[3, 38:48, 95:103, 85:93] = 0, 1
    found = find_regions(forehead, grid)
    assert {4, 5} & set(found), "the stray is taken for an ear"
    kept = drop_strays(found)
    assert set(kept) == {1, 2, 3, 6, BRAIN}
    reports = {report.index: report for report in judge(kept, mask, grid)}
    assert reports[3].status is Status.FOUND
    assert reports[4].status is reports[5].status is Status.DOUBTFUL
    assert drop_strays(find_regions(probseg, grid)).keys() == {1, 2, 3, 4, 5, 6, BRAIN}


def test_a_head_is_required(truth, image):
    probseg, labels, mask, grid = truth
    found = find_regions(probseg, grid)
    require_head(found, mask, image)
    with pytest.raises(NoHeadError, match="no head recognised"):
        require_head({}, mask, image)
    with pytest.raises(SkullStrippedError, match="without skull"):
        require_head({BRAIN: found[BRAIN]}, labels == BRAIN, image)
    # A face tells of a head, though the outline was lost in noise.
    require_head(found, labels == BRAIN, image)
    noise = np.random.default_rng(0).random(image.shape).astype(np.float32)
    with pytest.raises(NoHeadError, match="noise"):
        require_head(found, mask, noise)


def test_noisy_air_is_no_noisy_head(truth, image):
    """MP2RAGE UNIT1 images have salt and pepper for air."""
    probseg, _, mask, grid = truth
    noise = np.random.default_rng(0).random(image.shape).astype(np.float32)
    require_head(find_regions(probseg, grid), mask, np.where(mask, image, noise))


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("degrees", [-30, 0, 30])
def test_a_face_that_was_missed_is_in_doubt_in_any_pose(truth, axis, degrees):
    """With the brain alone, the place of the rest is a guess: never absent, never outside."""
    _, labels, mask, grid = truth
    planes = tuple(n for n in range(3) if n != axis)
    brain, head = (
        ndimage.rotate(m.astype(np.float32), degrees, planes, reshape=False, order=1) > 0.5
        for m in (labels == BRAIN, mask)
    )
    probseg = np.zeros((6, *brain.shape), dtype=np.float32)
    probseg[5], probseg[0] = brain, ~brain
    statuses = {report.status for report in judge(find_regions(probseg, grid), head, grid)}
    assert statuses == {Status.DOUBTFUL}


def test_a_dim_face_is_still_a_face(image):
    """Signal far below the head's threshold is not air."""
    rng = np.random.default_rng(0)
    head = np.zeros(image.shape, dtype=bool)
    head[20:70, 20:90, 40:120] = True
    dim = np.zeros_like(head)
    dim[20:70, 90:110, 40:60] = True
    noise = np.hypot(*rng.normal(0, 3, (2, *image.shape))).astype(np.float32)
    signal = has_signal(noise + 300 * head + 17 * dim, head)
    assert signal[dim].mean() > 0.5
    assert signal[~ndimage.binary_dilation(dim | head, iterations=3)].mean() < 1e-3
    blank = has_signal((300 * head).astype(np.float32), head)
    assert blank[head].all()
    assert not blank[dim & ~ndimage.binary_dilation(head, iterations=5)].any()


@pytest.mark.parametrize(("label", "is_kept"), [(3, False), (6, False), (4, True)])
def test_no_part_of_the_brain_lies_in_the_nose_or_the_mouth(truth, label, is_kept):
    """What stands alone elsewhere may be a cut temporal pole, and is spared."""
    probseg, labels, _, grid = truth
    place = np.argwhere(labels == label).mean(axis=0)
    voxels = np.moveaxis(np.indices(labels.shape), 0, -1)
    island = (np.linalg.norm(voxels - place, axis=-1) < 5) & (labels != BRAIN)
    odd = probseg.copy()
    odd[:, island], odd[5][island] = 0, 1
    whole, found = find_regions(probseg, grid)[BRAIN], find_regions(odd, grid)[BRAIN]
    assert found.mask[island].all() == is_kept
    assert (found.mask | ~whole.mask).all()


@pytest.mark.parametrize("share", [1.0, 0.75, 0.5])
def test_a_small_nose_is_in_doubt_unless_the_head_is_small_or_the_field_of_view_cuts_it(
    truth, share
):
    probseg, _, mask, grid = truth
    found = find_regions(probseg, grid)
    nose, brain = found[3], found[BRAIN]
    small = {**found, 3: replace(nose, volume_ml=share * 20)}
    (report,) = (r for r in judge(small, mask, grid) if r.index == 3)
    assert (report.status is Status.DOUBTFUL) == (share < 0.9)
    if report.status is Status.DOUBTFUL:
        assert "small for this head: was it cut before?" in report.reason
    child = {**small, BRAIN: replace(brain, volume_ml=0.5 * brain.volume_ml)}
    reasons = [r.reason for r in judge(child, mask, grid) if r.index == 3]
    assert not any("small for this head" in reason for reason in reasons)
    front = int(np.flatnonzero(nose.mask.any((0, 2)))[-1])
    cut = Grid((grid.shape[0], front + 1, grid.shape[2]), grid.affine)
    here = {i: replace(r, mask=r.mask[:, : front + 1]) for i, r in small.items()}
    (report,) = (r for r in judge(here, mask[:, : front + 1], cut) if r.index == 3)
    assert report.status is Status.CUT_OFF
