"""Nasion and preauricular points, on made-up heads whose regions are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bids_deface.anatomy import BRAIN
from bids_deface.detection.face_frame import find_frame, similarity, whole_centroids
from bids_deface.detection.featuremap import FeatureMap
from bids_deface.detection.grid import Grid
from bids_deface.detection.landmark_model import NAMES, load_model
from bids_deface.detection.landmarks import LEAST_CONFIDENCE, estimate_landmarks
from bids_deface.detection.plausibility import RegionReport, Status
from bids_deface.detection.turns import UPRIGHT
from bids_deface.population import SyntheticHead, synthetic_head
from bids_deface.training.landmark_fit import LabelledHead, as_toml, fit_landmarks

MOUTH, LEFT_EAR, RIGHT_EAR = 6, 4, 5
SKIN = 100.0


def features_of(head: SyntheticHead, **status: Status) -> FeatureMap:
    """What a detector that makes no mistake would know of a head."""
    regions = tuple(
        RegionReport(i, status.get(f"r{i}", Status.FOUND), 5.0, 0.9) for i in range(1, BRAIN)
    )
    shape = head.data.shape
    grid = Grid(shape, head.affine)
    return FeatureMap(head.dseg, regions, 1400.0, SKIN, head.data > SKIN, grid, UPRIGHT)


def places(head: SyntheticHead, **status: Status) -> dict[str, np.ndarray]:
    found = estimate_landmarks(head.data, head.affine, features_of(head, **status))
    return {mark.name: np.array(mark.place_mm) for mark in found}


def centroid(head: SyntheticHead, index: int) -> np.ndarray:
    ijk = np.argwhere(head.dseg == index).mean(axis=0)
    return head.affine[:3, :3] @ ijk + head.affine[:3, 3]


@pytest.fixture(scope="module")
def person() -> SyntheticHead:
    """A made-up head, 3 mm."""
    return synthetic_head(np.random.default_rng(3), zoom=2.0)


def test_landmarks_lie_where_anatomy_has_them(person):
    found = places(person)
    eyes = (centroid(person, 1) + centroid(person, 2)) / 2
    across = centroid(person, 2) - centroid(person, 1)
    across /= np.linalg.norm(across)
    assert abs((found["NAS"] - eyes) @ across) < 4, "midway between the eyes"
    assert 5 < (found["NAS"] - eyes)[1] < 30, "in front of them"
    assert found["NAS"][2] > centroid(person, 3)[2] + 10, "above the nose's middle"
    for name, ear in (("LPA", LEFT_EAR), ("RPA", RIGHT_EAR)):
        away = found[name] - centroid(person, ear)
        assert np.linalg.norm(away) < 30
        assert away[1] > 5, "in front of the auricle's middle"
    assert (found["RPA"] - found["LPA"]) @ across > 110


def test_they_lie_on_the_skin(person):
    """Within two voxels, there is both tissue and air."""
    for place in places(person).values():
        i, j, k = np.round(np.linalg.inv(person.affine) @ [*place, 1])[:3].astype(int)
        near = person.data[i - 2 : i + 3, j - 2 : j + 3, k - 2 : k + 3] > SKIN
        assert 0.1 < near.mean() < 0.97


def test_a_turned_head_has_turned_landmarks(person):
    c, s = np.cos(0.4), np.sin(0.4)
    turn = np.array([[1, 0, 0, 8.0], [0, c, -s, -20], [0, s, c, 5], [0, 0, 0, 1]])
    turned = replace(person, affine=turn @ person.affine)
    there = places(turned)
    for name, place in places(person).items():
        np.testing.assert_allclose(there[name], turn[:3, :3] @ place + turn[:3, 3], atol=0.1)


def test_both_sides_are_alike(person):
    swap = np.array([0, 2, 1, 3, 5, 4, 6, 7], dtype=np.uint8)
    affine = np.diag([-1.0, 1, 1, 1]) @ person.affine @ np.diag([-1.0, 1, 1, 1])
    affine[:3, 3] -= affine[:3, 0] * (person.data.shape[0] - 1)
    other = SyntheticHead(person.data[::-1], swap[person.dseg[::-1]], affine)
    here, there = places(person), places(other)
    for one, two in (("NAS", "NAS"), ("LPA", "RPA"), ("RPA", "LPA")):
        np.testing.assert_allclose(there[two], here[one] * [-1, 1, 1], atol=1.0)


def test_what_is_not_seen_is_not_sure(person):
    def sure(head, **status):
        found = estimate_landmarks(head.data, head.affine, features_of(head, **status))
        return [mark.name for mark in found if mark.confidence >= LEAST_CONFIDENCE]

    assert sure(person) == list(NAMES)
    assert sure(person, r4=Status.DOUBTFUL) == ["NAS", "RPA"]
    assert sure(person, r6=Status.CUT_OFF) == ["NAS"]
    assert (
        estimate_landmarks(person.data, person.affine, features_of(person, r1=Status.ABSENT)) == ()
    )
    thick = SyntheticHead(
        person.data[:, :, ::3], person.dseg[:, :, ::3], person.affine @ np.diag([1.0, 1, 3, 1])
    )
    assert sure(thick) == []


def test_regions_that_go_on_beyond_the_border_are_left_out(person):
    k = int(np.argwhere(person.dseg == MOUTH)[:, 2].mean())
    affine = person.affine.copy()
    affine[:3, 3] += affine[:3, 2] * k
    cut = SyntheticHead(person.data[:, :, k:], person.dseg[:, :, k:], affine)
    whole = whole_centroids(features_of(person), person.affine)
    assert set(whole) == set(range(1, 8))
    assert MOUTH not in whole_centroids(features_of(cut), affine)


def test_a_similarity_is_found():
    rng = np.random.default_rng(0)
    here, (q, _) = rng.normal(size=(7, 3)) * 50, np.linalg.qr(rng.normal(size=(3, 3)))
    q *= np.sign(np.linalg.det(q))
    scale, rotation, shift = similarity(here, 1.2 * here @ q.T + [1, 2, 3])
    assert scale == pytest.approx(1.2)
    np.testing.assert_allclose(rotation, q, atol=1e-9)
    np.testing.assert_allclose(shift, [1, 2, 3], atol=1e-9)
    frame = find_frame(dict(zip(range(1, 8), here, strict=True)), load_model().shape)
    np.testing.assert_allclose(frame.to_world(frame.to_frame(here)), here, atol=1e-9)


def test_what_was_learned_tells_heads_that_were_not_seen(tmp_path):
    """Points at fixed places of each head's own regions, in the warped heads of many people."""

    def labelled(seed: int) -> LabelledHead:
        head = synthetic_head(np.random.default_rng(seed), zoom=2.0)
        left, right, nose = (centroid(head, i) for i in (1, 2, 3))
        ahead = np.array([0, 15.0, 0])
        marks = {
            "NAS": (left + right) / 2 * 0.7 + nose * 0.3,
            "LPA": centroid(head, LEFT_EAR) + ahead,
            "RPA": centroid(head, RIGHT_EAR) + ahead,
        }
        return LabelledHead(head.data, head.affine, features_of(head), marks)

    model = fit_landmarks([labelled(seed) for seed in range(10)])
    path = tmp_path / "model.toml"
    path.write_text(as_toml(model, "for a test"))
    loaded = load_model(path)
    np.testing.assert_allclose(loaded.by_regions, model.by_regions, atol=1e-4)
    new = labelled(100)
    found = estimate_landmarks(new.image, new.affine, new.features, loaded)
    for mark in found:
        assert np.linalg.norm(np.array(mark.place_mm) - new.landmarks[mark.name]) < 5
    with pytest.raises(ValueError, match="fewer than ten"):
        fit_landmarks([new])
