"""The made-up head as a perfect network would see it."""

from __future__ import annotations

import numpy as np
import pytest

from bids_deface.anatomy import CLASS_OF_LABEL, LABELS
from bids_deface.detection.grid import conform, resample_labels
from bids_deface.tissue import head_mask, tissue_threshold


@pytest.fixture(scope="module")
def truth(head):
    """Perfect class probabilities, head mask and grid of the made-up head."""
    conformed = conform(head.data, head.affine)
    labels = resample_labels(head.dseg, head.affine, conformed.grid)
    probseg = np.zeros((6, *labels.shape), np.float32)
    lookup = np.array([0, *(CLASS_OF_LABEL[label.index] for label in LABELS)])
    np.put_along_axis(probseg, lookup[labels][None], 1.0, axis=0)
    image = conformed.image
    mask = head_mask(image, tissue_threshold(image), np.full(3, 2.0))
    return probseg, labels, mask, conformed.grid


@pytest.fixture(scope="module")
def conformed(head):
    """The made-up head on the detector's grid."""
    return conform(head.data, head.affine)


@pytest.fixture(scope="module")
def image(conformed):
    """Its intensities."""
    return conformed.image
