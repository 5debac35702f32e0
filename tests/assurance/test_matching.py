from __future__ import annotations

import numpy as np
import pytest

from bids_deface.assurance.matching import (
    Rate,
    centred,
    cosine_distances,
    map_distances,
    match_rate,
)


def test_rates_count_the_right_head_among_the_nearest():
    # Probe 0 finds itself; for probe 1 one other is nearer, for probe 2 two are.
    distances = np.array([[0.0, 1, 2], [1, 2, 3], [1, 2, 3]])
    assert match_rate(distances, 1).share == pytest.approx(1 / 3)
    assert match_rate(distances, 2).share == pytest.approx(2 / 3)
    assert match_rate(distances, 3).share == 1


@pytest.mark.parametrize("value", [0.0, np.inf])
@pytest.mark.parametrize("top", [1, 5])
def test_equal_distances_give_chance_and_no_more(value, top):
    rate = match_rate(np.full((8, 8), value), top)
    assert rate.share == pytest.approx(top / 8)
    assert rate.chance == pytest.approx(top / 8)


def test_interval_is_wilsons():
    # Newcombe 1998 (doi 10.1002/(SICI)1097-0258(19980430)17:8<857::AID-SIM777>3.0.CO;2-E),
    # table I: 81 of 263.
    rate = Rate.of(81, 263, 0.1)
    assert (rate.low, rate.high) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    # ... and where all are hit, the interval does not shrink to a point.
    assert Rate.of(20, 20, 0.05).low == pytest.approx(0.8389, abs=1e-4)


def test_maps_are_compared_where_both_are_known_and_asked_for():
    gallery = np.array([[0, 0, 0, 9], [4, 4, 4, 9], [8, 8, 8, 9]], np.float32)
    probe = np.array([[4, np.nan, 4, 0]] * 3, np.float32)
    area = np.array([[1, 1, 1, 0]] * 3, bool)
    out = map_distances(probe, gallery, area)
    assert out[0, 1] == 0
    assert out[0, 0] == out[0, 2] > 0
    unknown = gallery.copy()
    unknown[1, :3] = np.nan
    assert np.isinf(map_distances(probe, unknown, area)[:, 1]).all()


def test_one_wild_place_does_not_decide():
    rng = np.random.default_rng(0)
    gallery = rng.normal(0, 1, (10, 200)).astype(np.float32)
    probes = gallery.copy()
    probes[:, 7] = 1000
    out = map_distances(probes, gallery, np.ones(probes.shape, bool))
    assert match_rate(out, 1).share == 1


def test_what_all_have_in_common_is_taken_off():
    rng = np.random.default_rng(1)
    gallery = rng.normal(0, 1, (6, 50)).astype(np.float32)
    moved = gallery + np.linspace(5, 9, 50, dtype=np.float32)
    np.testing.assert_allclose(centred(moved), centred(gallery), atol=1e-5)
    holes = np.where(np.eye(6, 50, dtype=bool), np.nan, moved).astype(np.float32)
    assert np.isnan(centred(holes)).sum() == 6


def test_a_descriptor_without_content_is_equally_far_from_all():
    vectors = np.eye(5, dtype=np.float32)
    np.testing.assert_allclose(np.diag(cosine_distances(3 * vectors, vectors)), 0)
    assert (cosine_distances(np.zeros((5, 5), np.float32), vectors) == 1).all()
