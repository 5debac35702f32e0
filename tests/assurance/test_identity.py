from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage
from scipy.spatial.transform import Rotation

from bids_deface.anatomy import BRAIN
from bids_deface.assurance.head_frame import (
    BOX_AFFINE,
    SHAPE,
    FramedHead,
    fit_brain,
    frame_head,
    frame_mask,
)
from bids_deface.assurance.identity import Person, Probe, head_print, identity_test
from bids_deface.assurance.rescan import Rescan, scan_again
from bids_deface.assurance.surface_attack import (
    ANGLES_DEG,
    AXIS_MM,
    HEIGHTS_MM,
    radius_map,
    touched_map,
)
from bids_deface.population import SyntheticHead, average_head, synthetic_head

N = 7


def framed(image: np.ndarray, dseg: np.ndarray, affine: np.ndarray) -> FramedHead:
    to_scan = fit_brain((dseg == BRAIN).astype(np.float32), affine)
    return frame_head(image, affine, to_scan)


def again(head: SyntheticHead, image: np.ndarray, seed: int) -> FramedHead:
    """Another scan of a head; its brain moves along."""
    scan = scan_again(image, head.affine, np.random.default_rng(seed))
    same = np.random.default_rng(seed)
    still = Rescan(bias=0, noise=0)
    brain = scan_again((head.dseg == BRAIN) * 1.0, head.affine, same, still)
    return frame_head(scan, head.affine, fit_brain(np.nan_to_num(brain), head.affine))


def pipe(radius_mm: float) -> FramedHead:
    """A head that is an upright cylinder around the axis of the maps."""
    x, y = (np.arange(n) * 1.5 + BOX_AFFINE[i, 3] for i, n in enumerate(SHAPE[:2]))
    away = np.hypot(x[:, None] - AXIS_MM[0], y[None] - AXIS_MM[1])
    ramp = np.clip((radius_mm - away) / 1.5 + 0.5, 0, 1)[:, :, None]
    image = np.broadcast_to(ramp, SHAPE).astype(np.float32)
    return FramedHead(image, np.ones(SHAPE, bool), 0.5)


@pytest.fixture(scope="module")
def persons() -> list[Person]:
    """Heads of different persons; "defaced" means that everything is one and the same cylinder."""
    faceless = pipe(80.0)
    constant = head_print(faceless)
    out = []
    for seed in range(N):
        head = synthetic_head(np.random.default_rng(seed), zoom=1.5, warp_mm=4.0)
        original = head_print(framed(head.data, head.dseg, head.affine))
        noise = np.random.default_rng(seed).normal(0, 0.02, SHAPE)
        noisy = FramedHead(faceless.image + noise.astype(np.float32), faceless.seen, 0.5)
        out.append(
            Person(
                original,
                {
                    Probe.RESCAN: head_print(again(head, head.data, seed)),
                    Probe.DEFACED: constant,
                    Probe.DEFACED_RESCAN: head_print(noisy),
                },
                touched=np.ones(original.radii.shape, bool),
            )
        )
    return out


def test_attackers_match_untouched_heads_in_another_scan(persons):
    outcomes = [o for o in identity_test(persons) if o.probe is Probe.RESCAN]
    assert {o.attacker for o in outcomes} == {"surface", "picture, HOG", "picture, LBP"}
    for outcome in outcomes:
        assert outcome.heads == N
        if outcome.area != "untouched":
            assert outcome.rank_1.share >= 0.85, outcome


def test_attackers_guess_where_the_face_is_constant(persons):
    for outcome in identity_test(persons):
        if outcome.probe is Probe.DEFACED:
            assert outcome.rank_1.share == pytest.approx(1 / N), outcome
            assert outcome.top_5.share == pytest.approx(5 / N), outcome
        if outcome.probe is Probe.DEFACED_RESCAN:
            assert outcome.rank_1.share <= 3 / N, outcome


def test_strangers_are_in_the_gallery_and_are_no_probes(persons):
    known, strangers = persons[:5], [person.original for person in persons[5:]]
    for outcome in identity_test(known, strangers):
        assert outcome.heads == 5
        assert outcome.rank_1.chance == pytest.approx(1 / N)
        if outcome.probe is Probe.RESCAN and outcome.area != "untouched":
            assert outcome.rank_1.share >= 0.8, outcome


def test_doubles_in_the_gallery_are_found_as_often(persons):
    """Strangers who look just like the persons halve the rate, but for rounding."""
    known = persons[:5]
    alone, doubled = (
        [o for o in identity_test(known, more) if o.probe is Probe.RESCAN and o.area == "face"]
        for more in ([], [person.original for person in known])
    )
    for before, after in zip(alone, doubled, strict=True):
        assert after.rank_1.share == pytest.approx(before.rank_1.share / 2, abs=0.21)


def test_an_area_that_is_empty_tells_nothing(persons):
    """Everything was touched, so that there is no untouched area to compare."""
    for outcome in identity_test(persons):
        if outcome.area == "untouched":
            assert outcome.rank_1.share == pytest.approx(1 / N)


def test_the_map_is_the_distance_from_the_axis():
    radii = radius_map(pipe(71.3))
    assert radii.shape == (len(HEIGHTS_MM), len(ANGLES_DEG))
    np.testing.assert_allclose(radii, 71.3, atol=0.6)


def test_the_map_is_unknown_where_the_field_of_view_ends_in_the_head():
    head = pipe(71.3)
    seen = np.broadcast_to(
        (np.arange(SHAPE[0]) * 1.5 + BOX_AFFINE[0, 3] < 60)[:, None, None], SHAPE
    )
    cut = FramedHead(np.where(seen, head.image, np.float32(0)), seen.copy(), head.threshold)
    radii = radius_map(cut)
    assert np.isnan(radii[:, ANGLES_DEG == 90]).all()
    assert np.isfinite(radii[:, ANGLES_DEG == 0]).all()


def test_touched_is_what_lies_behind_a_change():
    changed = np.zeros(SHAPE, bool)
    front = np.round((np.array([0.0, 60.0, -17.0]) - BOX_AFFINE[:3, 3]) / 1.5).astype(int)
    changed[tuple(slice(i - 4, i + 5) for i in front)] = True
    touched = touched_map(changed)
    assert touched[HEIGHTS_MM == -18.0, ANGLES_DEG == 0].all()
    assert not touched[:, ANGLES_DEG == 60].any()
    assert not touched[HEIGHTS_MM == 40.0].any()


def test_the_brain_alone_tells_how_the_head_lies():
    _, dseg, affine = average_head()
    brain = (dseg == BRAIN).astype(np.float32)
    turn = np.eye(4)
    turn[:3, :3] = Rotation.from_euler("xyz", [12, -8, 15], degrees=True).as_matrix()
    turn[:3, 3] = [14, -9, 22]
    matrix = fit_brain(brain, turn @ affine)
    places = np.array([[0.0, 46, -1], [70, -77, -7], [0, 44, -60]])
    there = places @ matrix[:3, :3].T + matrix[:3, 3]
    wanted = places @ turn[:3, :3].T + turn[:3, 3]
    assert np.linalg.norm(there - wanted, axis=1).max() < 1.0


def test_the_face_has_no_say_in_the_frame(head):
    """The same brain with another nose lies in the same place; and the nose shows."""
    shaved = np.where(head.dseg == 3, 0, head.data)
    both = [framed(image, head.dseg, head.affine) for image in (head.data, shaved)]
    maps = [radius_map(framed_head) for framed_head in both]
    back = np.abs(ANGLES_DEG) > 40
    np.testing.assert_allclose(maps[0][:, back], maps[1][:, back], atol=1.5)
    assert np.nanmax(maps[0] - maps[1]) > 10


def test_a_mask_lands_where_its_voxels_are(head):
    to_scan = fit_brain((head.dseg == BRAIN).astype(np.float32), head.affine)
    box = frame_mask(head.dseg == 3, head.affine, to_scan)
    place = BOX_AFFINE[:3, :3] @ ndimage.center_of_mass(box) + BOX_AFFINE[:3, 3]
    assert np.linalg.norm(place - [0, 46, -1]) < 12


def test_a_rescan_is_the_head_somewhere_else_and_noisy(head):
    scan = scan_again(head.data, head.affine, np.random.default_rng(3))
    same = scan_again(head.data, head.affine, np.random.default_rng(3))
    np.testing.assert_array_equal(scan, same)
    assert scan.shape == head.data.shape
    assert 0.001 < np.isnan(scan).mean() < 0.4, "what was never scanned is not known"
    still = Rescan(turn_deg=0, shift_mm=0, bias=0, noise=0)
    np.testing.assert_allclose(
        scan_again(head.data, head.affine, np.random.default_rng(3), still), head.data, atol=0.5
    )
    assert np.corrcoef(np.nan_to_num(scan).ravel(), head.data.ravel())[0, 1] < 0.95
