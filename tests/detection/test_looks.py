from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from scipy import ndimage

from bids_deface.anatomy import BRAIN
from bids_deface.detection.detector import FeatureDetector
from bids_deface.detection.grid import ConformedImage, conform
from bids_deface.detection.inference import predict_array
from bids_deface.detection.looks import BRIGHTER, glance, look, with_dark_air
from bids_deface.detection.outline import HeadOutline, find_outline
from bids_deface.detection.plausibility import Status
from bids_deface.detection.sighting import SEEN
from bids_deface.detection.weights import load_weights


@pytest.fixture(scope="module")
def predict():
    from bids_deface.detection.checksum import DEFAULT_WEIGHTS

    return partial(predict_array, load_weights(DEFAULT_WEIGHTS).network)


def dimmed(head, left):
    """A head whose face and ears keep so much of their signal; noise in the air."""
    face = np.isin(head.dseg, range(1, BRAIN))
    near = ndimage.gaussian_filter(
        ndimage.binary_dilation(face, iterations=6).astype(np.float32), 3
    )
    rng = np.random.default_rng(0)
    return np.hypot(head.data * (1 - (1 - left) * near), rng.normal(0, 4, head.data.shape))


def of(image, affine) -> tuple[ConformedImage, HeadOutline]:
    conformed = conform(image, affine)
    return conformed, find_outline(conformed)


def test_dark_and_noisy_air_stay_as_they_are(head):
    image = conform(head.data, head.affine).image
    np.testing.assert_array_equal(with_dark_air(image), image)
    noise = np.random.default_rng(0).random(image.shape).astype(np.float32)
    unit1 = np.where(image > 0.06, image, noise)
    np.testing.assert_array_equal(with_dark_air(unit1), unit1)
    np.testing.assert_allclose(with_dark_air(1 - image), image, atol=1e-6)


def test_an_inverted_head_is_found_as_it_is(head, detector: FeatureDetector):
    plain, inverted = (
        detector.look(data, head.affine)[1]
        for data in (head.data, head.data.max() - head.data.astype(np.int32))
    )
    assert set(inverted.found) == set(plain.found)
    for index, region in plain.found.items():
        apart = np.linalg.norm(region.centroid - inverted.found[index].centroid)
        assert apart < 1, index


NOSE_CHANNEL, EARS_CHANNEL = 2, 3


def blinded(predict, channels, shown):
    """Return a network that does not see one channel in some looks, the first being 1."""

    def see(image):
        shown.append(image)
        probseg = predict(image)
        channel = channels.get(len(shown))
        if channel:
            probseg[0] += probseg[channel]
            probseg[channel] = 0
        return probseg

    return see


@pytest.mark.parametrize(
    ("left", "status"), [(0.08, Status.DOUBTFUL), (0.03, Status.ABSENT)], ids=str
)
def test_a_nose_too_dim_for_the_first_look_is_found_in_the_second(head, predict, left, status):
    scan, shown = of(dimmed(head, left), head.affine), []
    first = glance(blinded(predict, {1: NOSE_CHANNEL}, shown), *scan)
    assert {r.index: r.status for r in first.regions}[3] is status, "else nothing is tested"
    shown.clear()
    both = look(blinded(predict, {1: NOSE_CHANNEL}, shown), *scan)
    np.testing.assert_allclose(shown[1], shown[0] ** BRIGHTER)
    assert both.is_settled
    assert {r.index for r in both.regions if r.status in SEEN} == {1, 2, 3, 4, 5, 6}


def test_the_second_look_counts_only_if_it_settles_every_doubt(head, predict):
    scan, shown = of(dimmed(head, 0.08), head.affine), []
    first = glance(blinded(predict, {1: NOSE_CHANNEL}, shown), *scan)
    assert first.n_doubtful, "else nothing is tested"
    shown.clear()
    half_blind = blinded(predict, {1: NOSE_CHANNEL, 2: EARS_CHANNEL}, shown)
    sighting = look(half_blind, *scan)
    assert len(shown) == 2
    assert sighting.regions == first.regions


def test_no_second_look_where_all_is_clear(head, predict):
    calls = []
    conformed, outline = of(head.data, head.affine)
    sighting = look(lambda image: calls.append(1) or predict(image), conformed, outline)
    assert len(calls) == 1
    assert all(report.status is not Status.DOUBTFUL for report in sighting.regions)
    assert sighting.is_settled
