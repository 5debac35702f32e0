"""What a reviewer says of regions, on arrays."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bids_deface.anatomy import BRAIN
from bids_deface.detection.corrected import CorrectedFeatures
from bids_deface.detection.corrections import (
    Correction,
    Ellipsoid,
    PaintedLabels,
    RegionCorrection,
    correct,
)
from bids_deface.detection.featuremap import FeatureMap, load_features, save_features
from bids_deface.detection.grid import Grid
from bids_deface.detection.orientation import WRONG_HEADER
from bids_deface.detection.plausibility import RegionReport, Status
from bids_deface.detection.session import join
from bids_deface.detection.turns import TURNS, UPRIGHT, turned
from bids_deface.errors import CorrectionError

SHAPE = (40, 44, 48)
#: 2 x 2 x 3 mm, the first voxel at -40, -30, -70.
AFFINE = np.array([[2.0, 0, 0, -40], [0, 2, 0, -30], [0, 0, 3, -70], [0, 0, 0, 1]])
NOSE, LEFT_EAR, MOUTH = 3, 4, 6


def found(reasons: dict[int, str] | None = None, **more) -> FeatureMap:
    """Boxes as regions; those with a reason are doubtful."""
    dseg = np.zeros(SHAPE, dtype=np.uint8)
    dseg[15:25, 36:42, 20:24] = NOSE
    dseg[2:6, 18:24, 18:26] = LEFT_EAR
    dseg[14:26, 34:40, 8:12] = MOUTH
    dseg[10:30, 8:30, 24:44] = BRAIN
    reasons = reasons or {}
    regions = tuple(
        RegionReport(
            i, Status.DOUBTFUL if i in reasons else Status.FOUND, 5.0, 0.9, reasons.get(i, "")
        )
        for i in range(1, 7)
    )
    grid = Grid(SHAPE, AFFINE)
    return FeatureMap(dseg, regions, 1400.0, 50.0, np.ones(SHAPE, bool), grid, UPRIGHT, **more)


def ball(index: int, centre, radii=(8, 8, 8), **more) -> Correction:
    return Correction((RegionCorrection(index, Ellipsoid(centre, radii), **more),))


def centroid(dseg: np.ndarray, index: int, affine=AFFINE) -> np.ndarray:
    return affine[:3, :3] @ np.argwhere(dseg == index).mean(axis=0) + affine[:3, 3]


def report(features: FeatureMap, index: int) -> RegionReport:
    return next(r for r in features.regions if r.index == index)


def test_an_ellipsoid_replaces_the_region():
    before = found({NOSE: "nose was not found though there is tissue where it should be"})
    after = correct(before, ball(NOSE, (2, 40, 4), (10, 6, 12)), AFFINE)
    np.testing.assert_allclose(centroid(after.dseg, NOSE), (2, 40, 4), atol=1.5)
    volume = (after.dseg == NOSE).sum() * 12
    assert volume == pytest.approx(4 / 3 * np.pi * 10 * 6 * 12, rel=0.1)
    assert not (after.dseg[15:25, 36:42, 20:24] == NOSE)[:, 4:].any(), "the old one is gone"
    for index in (1, 2, 4, 5, 6, BRAIN):
        np.testing.assert_array_equal(after.dseg == index, before.dseg == index)
    told = report(after, NOSE)
    assert (told.status, told.reason, told.corrected) == (Status.FOUND, "", True)
    assert told.volume_ml == pytest.approx(volume / 1000)
    assert not report(after, MOUTH).corrected
    assert before.dseg[16, 37, 21] == NOSE, "the input is left as it was"


def test_add_unites():
    before = found()
    after = correct(before, ball(NOSE, (0, 44, 20), add=True), AFFINE)
    assert (after.dseg[before.dseg == NOSE] == NOSE).all()
    assert (after.dseg == NOSE).sum() > (before.dseg == NOSE).sum()


def test_what_is_absent_is_gone_without_a_doubt():
    before = found(
        {LEFT_EAR: "there is hardly any tissue at the left ear: was it removed before?"}
    )
    after = correct(before, Correction((RegionCorrection(LEFT_EAR, absent=True),)), AFFINE)
    assert not (after.dseg == LEFT_EAR).any()
    assert report(after, LEFT_EAR).status is Status.ABSENT
    assert after.doubts(frozenset({LEFT_EAR})) == ()
    assert after.image_doubts == ()


def test_painted_labels_on_another_grid_replace_what_occurs_in_them():
    """The same world, other voxels, axes turned: nearest by the affines."""
    before = found()
    fine = np.array([[0, 0, 1.0, -40], [-1, 0, 0, 58], [0, 1, 0, -70], [0, 0, 0, 1]])
    dseg = np.zeros((89, 145, 81), dtype=np.uint8)
    dseg[58 - 46 : 58 - 30, 60:90, 30:50] = NOSE
    after = correct(before, Correction((), PaintedLabels(dseg, fine)), AFFINE)
    np.testing.assert_allclose(centroid(after.dseg, NOSE), centroid(dseg, NOSE, fine), atol=1.6)
    assert (after.dseg == NOSE).sum() * 12 == pytest.approx((dseg == NOSE).sum(), rel=0.15)
    np.testing.assert_array_equal(after.dseg == MOUTH, before.dseg == MOUTH)
    assert [r.index for r in after.regions if r.corrected] == [NOSE]


def test_the_brain_is_never_taken_away():
    before = found()
    painted = before.dseg.copy()
    painted[before.dseg == BRAIN] = NOSE
    painted[35:38, 10:14, 30:34] = BRAIN
    after = correct(before, Correction((), PaintedLabels(painted, AFFINE)), AFFINE)
    assert (after.dseg[before.dseg == BRAIN] == BRAIN).all()
    assert (after.dseg[35:38, 10:14, 30:34] == BRAIN).all(), "painted brain is spared, too"


@pytest.mark.parametrize(
    "reason",
    [WRONG_HEADER, "brain lies 60 mm from between the eyes", "the head lies 9 mm from x_T1w"],
)
def test_doubts_about_the_head_stay(reason):
    before = found(dict.fromkeys(range(1, 7), reason))
    everything = Correction(
        tuple(RegionCorrection(i, Ellipsoid((0, 20, 0), (8, 8, 8))) for i in range(1, 7))
    )
    after = correct(before, everything, AFFINE)
    assert after.doubts(frozenset(range(1, 7))) == ()
    assert after.image_doubts == (reason,)


def test_a_pair_that_does_not_fit_is_cured_side_by_side():
    doubt = "the ears lie unevenly"
    after = correct(found({4: doubt, 5: doubt}), ball(LEFT_EAR, (-34, 12, -4)), AFFINE)
    assert after.doubts(frozenset({4, 5})) == (doubt,)
    assert after.image_doubts == ()


@pytest.mark.parametrize("turn", TURNS[1:6:2])
def test_a_head_turned_against_its_header_is_corrected_in_the_headers_world(turn):
    dseg, there = turned(found().dseg, AFFINE, turn)
    features = replace(found(), dseg=np.ascontiguousarray(dseg), turn=turn)

    class Known:
        sha256 = "x"

        def detect(self, image, affine):
            return features

    source = CorrectedFeatures(Known(), ball(NOSE, (2, 40, 4)))
    after = source.detect(np.zeros(SHAPE), AFFINE)
    np.testing.assert_allclose(
        centroid(after.dseg, NOSE, np.linalg.inv(turn) @ there), (2, 40, 4), atol=1.5
    )
    assert source.sha256 == "x"


def test_thick_slices_hold_an_ellipsoid_between_them():
    thick = AFFINE.copy()
    thick[2, 2] = 12
    after = correct(found(), ball(NOSE, (0, 40, -70 + 12 * 20 + 5), (6, 6, 2)), thick)
    assert (after.dseg == NOSE).any()


def test_a_region_at_the_border_may_go_on_elsewhere_but_is_sure_here(tmp_path):
    after = correct(found(), ball(LEFT_EAR, (-40, 12, -4)), AFFINE)
    assert report(after, LEFT_EAR).status is Status.CUT_OFF
    assert after.is_whole(frozenset({LEFT_EAR}))
    save_features(after, tmp_path / "x.npz")
    kept = load_features(tmp_path / "x.npz")
    assert report(kept, LEFT_EAR) == report(after, LEFT_EAR)
    lent = replace(found(), inherited_from="x_T1w")
    joined = join(after, lent)
    np.testing.assert_array_equal(joined.dseg == LEFT_EAR, after.dseg == LEFT_EAR)
    assert report(joined, LEFT_EAR).corrected


def test_a_stripped_image_with_a_feature_shows_a_face():
    bare = found(stripped=True)
    bare = replace(bare, regions=tuple(replace(r, status=Status.ABSENT) for r in bare.regions))
    assert not bare.shows_face
    assert correct(bare, ball(NOSE, (0, 40, 0)), AFFINE).shows_face
    gone = Correction((RegionCorrection(NOSE, absent=True),))
    assert not correct(bare, gone, AFFINE).shows_face


def test_what_lies_elsewhere_is_refused():
    with pytest.raises(CorrectionError, match=r"centre of the nose.*CentreMm"):
        correct(found(), ball(NOSE, (0, 300, 0)), AFFINE)
    far = AFFINE.copy()
    far[1, 3] = 500
    with pytest.raises(CorrectionError, match="painted nose"):
        correct(found(), Correction((), PaintedLabels(found().dseg, far)), AFFINE)
