from __future__ import annotations

import numpy as np
import pytest
import torch

from bids_deface.anatomy import BRAIN, LABELS
from bids_deface.detection.detector import FeatureDetector
from bids_deface.detection.plausibility import Status
from bids_deface.errors import NoHeadError
from bids_deface.population import synthetic_head


def dice(a, b):
    return 2 * (a & b).sum() / max(1, a.sum() + b.sum())


@pytest.mark.parametrize("contrast", ["T1w", "T2w", "FLAIR"])
def test_features_of_made_up_heads_are_found(detector, contrast):
    head = synthetic_head(np.random.default_rng(21), contrast=contrast)
    found = detector.detect(head.data.astype(np.float32), head.affine)
    assert {r.status for r in found.regions} <= {Status.FOUND, Status.CUT_OFF}
    for label in LABELS:
        drawn, truth = found.dseg == label.index, head.dseg == label.index
        # Regions are drawn for recall: larger than the labels, and whole.
        assert drawn[truth].mean() > 0.8, label.name
        apart = head.affine[:3, :3] @ (np.argwhere(drawn).mean(0) - np.argwhere(truth).mean(0))
        assert np.linalg.norm(apart) < 10, label.name
    assert dice(found.dseg == BRAIN, head.dseg == BRAIN) > 0.9


@pytest.mark.parametrize("kind", ["zeros", "noise", "constant"])
def test_images_without_a_head_are_refused(detector, kind):
    shape = (80, 80, 80)
    image = {
        "zeros": np.zeros(shape, np.float32),
        "constant": np.full(shape, 7, np.float32),
        "noise": np.random.default_rng(0).rayleigh(20, shape).astype(np.float32),
    }[kind]
    with pytest.raises(NoHeadError):
        detector.detect(image, np.diag([2.0, 2.0, 2.0, 1.0]))


def test_a_stripped_brain_has_no_face(detector, stripped):
    found = detector.detect(stripped.data.astype(np.float32), stripped.affine)
    assert found.stripped
    assert {report.status for report in found.regions} == {Status.ABSENT}
    assert set(np.unique(found.dseg)) == {0, 7}


def test_a_brain_with_something_around_it_is_refused(detector, stripped, head):
    """A strip of face left in front of a stripped brain: nobody can tell what it shows."""
    left = np.where(head.dseg == 3, head.data, stripped.data).astype(np.float32)
    with pytest.raises(NoHeadError, match="without skull"):
        detector.detect(left, stripped.affine)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_sees_what_the_processor_sees(detector, head):
    image = head.data.astype(np.float32)
    here, there = (
        one.detect(image, head.affine) for one in (detector, FeatureDetector(device="cuda"))
    )
    assert [r.status for r in here.regions] == [r.status for r in there.regions]
    for label in LABELS:
        assert dice(here.dseg == label.index, there.dseg == label.index) > 0.98, label.name
