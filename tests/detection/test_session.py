"""Regions that one image of a session lends another."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from scipy import ndimage

from bids_deface.anatomy import BRAIN
from bids_deface.assurance.verdict import Decision
from bids_deface.deface import deface_volume
from bids_deface.detection.alignment import align
from bids_deface.detection.carried import ReferenceHead, carry
from bids_deface.detection.featuremap import FeatureMap, load_features, save_features
from bids_deface.detection.grid import conform
from bids_deface.detection.outline import find_outline
from bids_deface.detection.plausibility import Status
from bids_deface.detection.session import SessionFeatures, join
from bids_deface.detection.turns import TURNS
from bids_deface.errors import ImageError, NoHeadError
from bids_deface.result import DefaceResult
from bids_deface.settings import DefaceSettings
from bids_deface.volume import Volume, canonical_affine, canonical_view, spatial_mean

ALL = DefaceSettings.of(random_seed=1)


def upright(volume: Volume):
    image = spatial_mean(volume)
    return canonical_view(image, volume.affine), canonical_affine(image.shape, volume.affine)


@pytest.fixture(scope="module")
def reference(original: Volume, defaced: DefaceResult) -> ReferenceHead:
    """The made-up head, its features known."""
    return ReferenceHead("sub-1_T1w", defaced.features, *upright(original))


def moved(affine: np.ndarray, degrees: float, shift: tuple[float, float, float]) -> np.ndarray:
    """Turn about the left-right axis, and shift."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    matrix = np.eye(4)
    matrix[1:3, 1:3] = [[c, -s], [s, c]]
    matrix[:3, 3] = shift
    return matrix @ affine


def inheriting(reference: ReferenceHead, own=None, **options) -> SessionFeatures:
    return SessionFeatures(own, (partial(lambda r: r, reference),), ALL.labels, "x", **options)


def test_a_moved_head_is_found_in_another_contrast(reference):
    """T2-like, coarser, moved by 15 mm and 8 degrees: found to about a voxel."""
    other = np.sqrt(np.clip(300 - reference.image, 0, None)) * (reference.image > 40)
    there = moved(reference.affine, 8, (5, -12, 6))
    known = conform(reference.image, reference.affine)
    found = align(
        known,
        find_outline(known).mask,
        conform(other[::2, ::2, ::2], there @ np.diag([2.0, 2, 2, 1])),
    )
    expected = moved(np.eye(4), 8, (5, -12, 6))
    places = np.array([[0, 80, -40], [70, 0, -30], [-70, 0, 60.0]])
    off = [places @ m[:3, :3].T + m[:3, 3] for m in (found.matrix, expected)]
    assert np.linalg.norm(off[0] - off[1], axis=1).max() < 5
    assert found.is_sure


def test_a_head_that_did_not_move_is_left_where_the_header_says(reference):
    known = conform(reference.image, reference.affine)
    found = align(
        known,
        find_outline(known).mask,
        conform(reference.image[::2], reference.affine @ np.diag([2.0, 1, 1, 1])),
    )
    assert found.displacement_mm(np.array([[0, 80, -40.0]])) < 3


def test_a_coarser_scan_gets_the_same_regions(reference):
    coarse = reference.affine @ np.diag([2.0, 2, 2, 1])
    carried = carry(reference, reference.image[::2, ::2, ::2], coarse)
    expected = reference.features.dseg[::2, ::2, ::2]
    for index in range(1, 8):
        a, b = carried.dseg == index, expected == index
        assert 2 * (a & b).sum() / (a.sum() + b.sum()) > 0.95
    assert carried.inherited_from == "sub-1_T1w"
    assert not carried.doubts(ALL.labels)


def test_a_slab_is_told_what_is_cut_off_and_what_is_outside(reference):
    """The upper half of the head: eyes inside, the mouth not."""
    k = int(np.argwhere(reference.features.dseg == 3)[:, 2].mean())
    affine = reference.affine.copy()
    affine[:3, 3] += affine[:3, 2] * k
    carried = carry(reference, reference.image[:, :, k:], affine)
    status = {report.index: report.status for report in carried.regions}
    assert status[6] is Status.OUTSIDE
    assert status[3] is Status.CUT_OFF
    assert status[1] is status[2] is Status.FOUND


def test_a_head_in_another_place_awaits_review(reference, original):
    """The patient moved between two scans: the regions follow, and a human looks."""
    there = replace(original, affine=moved(original.affine, 10, (0, 8, -15)))
    result = deface_volume(there, ALL, inheriting(reference, ImageError("no head")))
    assert result.verdict.decision is Decision.REVIEW
    assert any("mm from where it lies in sub-1_T1w" in r for r in result.verdict.reasons)
    nose = reference.features.dseg == 3
    assert canonical_view(result.mask, there.affine)[nose].mean() > 0.9


def test_another_thing_is_refused(reference):
    rng = np.random.default_rng(0)
    noise = ndimage.gaussian_filter(rng.random((60, 70, 60)), 2).astype(np.float32)
    with pytest.raises(ImageError, match="not to be found"):
        carry(reference, noise, np.diag([3.0, 3, 3, 1]))


def test_regions_of_a_turned_reference_are_doubted(original, detector):
    """One wrong header of a session says nothing of the next one."""
    lying = replace(original, affine=TURNS[9] @ original.affine)
    features = deface_volume(lying, ALL, detector).features
    world = features.turn @ lying.affine
    image = spatial_mean(lying)
    lender = ReferenceHead(
        "a", features, canonical_view(image, world), canonical_affine(image.shape, world)
    )
    carried = carry(lender, *upright(lying))
    assert len(carried.doubts(ALL.labels)) == 6
    np.testing.assert_array_equal(carried.dseg, features.dseg)


def test_what_is_known_survives_its_file(defaced: DefaceResult, tmp_path):
    save_features(defaced.features, tmp_path / "f.npz")
    read = load_features(tmp_path / "f.npz")
    assert isinstance(read, FeatureMap)
    assert read.regions == defaced.features.regions
    for field in ("dseg", "head", "turn"):
        np.testing.assert_array_equal(getattr(read, field), getattr(defaced.features, field))
    save_features(NoHeadError("no head", "do this"), tmp_path / "e.npz")
    problem = load_features(tmp_path / "e.npz")
    assert isinstance(problem, ImageError)
    assert (problem.message, problem.hint) == ("no head", "do this")


def test_an_image_without_doubt_keeps_its_own_regions(reference, defaced):
    own = defaced.features
    assert inheriting(reference, own).detect(reference.image, reference.affine) is own


def test_a_doubtful_region_is_inherited_the_others_stay(reference, defaced):
    """The nose is doubted, an eye is larger than in the reference."""
    regions = tuple(r.doubted("odd nose") if r.index == 3 else r for r in defaced.features.regions)
    dseg = defaced.features.dseg.copy()
    wider = ndimage.binary_dilation(dseg == 1, iterations=2) & (dseg == 0)
    dseg[wider] = 1
    dseg[dseg == 3] = 0
    own = replace(defaced.features, regions=regions, dseg=dseg)
    found = inheriting(reference, own).detect(reference.image, reference.affine)
    assert found.inherited_from == "sub-1_T1w"
    assert not found.doubts(ALL.labels)
    assert (found.dseg[wider] == 1).all()
    nose = defaced.features.dseg == 3
    assert (found.dseg[nose] == 3).mean() > 0.98
    assert (found.dseg[defaced.features.dseg == BRAIN] == BRAIN).all()


def test_a_doubtful_reference_lends_nothing_to_a_doubtful_image(reference):
    doubted = tuple(r.doubted("odd") for r in reference.features.regions)
    own = replace(reference.features, regions=doubted)
    lender = replace(reference, features=own)
    found = inheriting(lender, own).detect(reference.image, reference.affine)
    assert found.inherited_from == ""
    assert found.doubts(ALL.labels)


def test_without_any_reference_the_reason_is_told(reference):
    alone = SessionFeatures(None, (), ALL.labels, "x", shows_tissue=False)
    with pytest.raises(ImageError, match="no other image of the session"):
        alone.detect(reference.image, reference.affine)


def test_a_map_is_changed_where_the_reference_shows_skin(reference, defaced, original):
    """A phase-like image of the same scan gets the mask that its magnitude gets."""
    rng = np.random.default_rng(5)
    phase = rng.integers(-2048, 2048, original.data.shape).astype(np.int16)
    volume = replace(original, data=np.asfortranarray(phase.astype(original.data.dtype)))
    source = inheriting(replace(reference, one_scan=True), shows_tissue=False)
    result = deface_volume(volume, ALL, source)
    assert result.verdict.decision is Decision.PASS, result.verdict.reasons
    a, b = result.mask.astype(bool), defaced.mask.astype(bool)
    assert 2 * (a & b).sum() / (a.sum() + b.sum()) > 0.99


def test_what_was_cut_out_of_the_reference_may_be_whole_elsewhere(reference):
    """A T1w that was defaced before lends no absence, nor does a stripped one lend anything."""
    absent = tuple(replace(r, status=Status.ABSENT) for r in reference.features.regions)
    defaced_before = replace(reference, features=replace(reference.features, regions=absent))
    carried = carry(defaced_before, reference.image, reference.affine)
    assert len(carried.doubts(ALL.labels)) == 6
    stripped = replace(reference, features=replace(reference.features, stripped=True))
    with pytest.raises(ImageError, match="skull-stripped"):
        carry(stripped, reference.image, reference.affine)


def test_a_head_that_moved_on_the_same_grid_is_noticed(reference):
    """Repeats share their prescription, not the head's place; one acquisition shares both."""
    shifted = np.roll(reference.image, (0, -8, 6), axis=(0, 1, 2))
    assert any(
        "mm from where" in d
        for d in carry(reference, shifted, reference.affine).doubts(ALL.labels)
    )
    same = carry(replace(reference, one_scan=True), shifted, reference.affine)
    assert not same.doubts(ALL.labels)


def test_a_reference_that_lies_otherwise_does_not_overrule_a_sure_image(reference, defaced):
    regions = tuple(
        replace(r, status=Status.CUT_OFF) if r.index == 6 else r for r in defaced.features.regions
    )
    own = replace(defaced.features, regions=regions, turn=TURNS[9])
    assert inheriting(reference, own).detect(reference.image, reference.affine) is own


def test_motion_and_doubts_about_the_whole_image_are_lent(reference, original):
    """A series that moved lends its slack; what speaks against it speaks against the others."""
    known = replace(reference.features, slack_mm=5.0, image_doubts=("bright air",))
    lender = replace(reference, features=known, one_scan=True)
    result = deface_volume(original, ALL, inheriting(lender, shows_tissue=False))
    plain = deface_volume(original, ALL, inheriting(replace(reference, one_scan=True)))
    assert result.mask.sum() > 1.1 * plain.mask.sum()
    assert result.verdict.decision is Decision.REVIEW
    assert "bright air" in result.verdict.reasons
    assert result.features.slack_mm == 5.0


def test_a_series_is_not_taken_for_stripped(stripped, detector, original):
    """The median frame says nothing of a face that shows in a few frames."""
    data = np.asfortranarray(np.stack([stripped.data] * 3, axis=3))
    with pytest.raises(NoHeadError, match="median frame"):
        deface_volume(replace(original, data=data, affine=stripped.affine), ALL, detector)


def test_phase_series_without_known_motion_awaits_review(reference, original):
    data = np.asfortranarray(np.stack([original.data] * 2, axis=3))
    source = inheriting(replace(reference, one_scan=True), shows_tissue=False)
    result = deface_volume(replace(original, data=data), ALL, source, fill="uniform")
    assert result.verdict.decision is Decision.REVIEW


def test_what_speaks_against_an_image_stays_when_it_inherits(reference):
    found = reference.features
    regions = tuple(r.doubted("odd nose") if r.index == 3 else r for r in found.regions)
    own = replace(found, image_doubts=("odd brain",), regions=regions)
    joined = join(own, found)
    assert joined.image_doubts == ("odd brain",)
    assert joined.doubts(ALL.labels) == ()
