"""The pieces of the augmentation, one by one."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from bids_deface.anatomy import CLASSES
from bids_deface.training import artefacts, contrasts, geometry, negatives
from bids_deface.training.data import load_heads

EYES, NOSE, EARS, MOUTH, BRAIN = (CLASSES.index(name) for name in CLASSES[1:])


@pytest.fixture(scope="module")
def sample(table):
    """Image in [0, 1] and classes of a made-up head."""
    head = load_heads(table, "train")[0]
    return head.image.float() / 255, head.classes.long()


def test_synthetic_contrasts_differ_and_keep_the_shape(sample, draw):
    image, classes = sample
    brain = classes == BRAIN
    made = [contrasts.synthesise_contrast(image, classes, draw) for _ in range(20)]
    for out in made:
        assert out.shape == image.shape
        assert torch.isfinite(out).all()
        assert float(out.min()) >= 0
    # White matter is brighter than grey in some and darker in others.
    order = [float(np.corrcoef(out[brain], image[brain])[0, 1]) for out in made]
    assert min(order) < -0.2 < 0.5 < max(order)


def test_air_stays_dark_in_most_contrasts(sample, draw):
    image, classes = sample
    air = image < contrasts.VOID / 4
    dark = [
        float(contrasts.synthesise_contrast(image, classes, draw)[air].mean()) < 0.1
        for _ in range(30)
    ]
    assert 20 <= sum(dark) < 30


def test_cut_fields_of_view_lose_what_they_should(sample, draw):
    image, classes = sample
    lost = dict.fromkeys((NOSE, EARS, MOUTH, BRAIN), 0)
    for _ in range(60):
        cut, labels = geometry.crop_field_of_view(image, classes, draw)
        outside = (cut == 0) & (image > 0)
        assert not labels[outside].any()
        assert torch.equal(cut[~outside], image[~outside])
        for index in lost:
            lost[index] += int((labels == index).sum() < 0.5 * (classes == index).sum())
    assert all(count >= 3 for count in lost.values()), lost


def test_thick_slices_blur_one_axis_only(sample):
    image, _ = sample
    for axis in range(3):
        thick = artefacts.thick_slices(image, axis, 6.0)
        rough = [
            float(thick.diff(dim=a).abs().mean() / image.diff(dim=a).abs().mean())
            for a in range(3)
        ]
        assert int(np.argmin(rough)) == axis
        assert rough[axis] < 0.8


def test_noise_is_rician(draw):
    air = artefacts.add_noise(torch.zeros(40, 40, 40), 0.1, draw)
    # Rayleigh: mean sigma sqrt(pi/2), https://doi.org/10.1002/mrm.1910340618
    assert float(air.mean()) == pytest.approx(0.1 * np.sqrt(np.pi / 2), rel=0.01)
    tissue = artefacts.add_noise(torch.ones(40, 40, 40), 0.1, draw)
    assert float(tissue.std()) == pytest.approx(0.1, rel=0.03)


def test_ghosts_are_copies_along_the_axis():
    image = torch.zeros(8, 12, 8)
    image[4, 2, 4] = 1
    out = artefacts.ghosts(image, 1, 3, 0.4)
    assert out[4, :, 4].tolist() == pytest.approx([0, 0, 1, 0, 0, 0, 0.2, 0, 0, 0, 0.2, 0])


@pytest.mark.parametrize("fill", [artefacts.noisy_air, artefacts.grainy_air])
def test_noisy_air_leaves_tissue_alone(sample, draw, fill):
    image, _ = sample
    void = image < contrasts.VOID
    out = fill(image, void, draw)
    assert torch.equal(out[~void], image[~void])
    assert float(out[void].std()) > 0.1


def test_blobs_lie_inside_the_head(sample, draw):
    image, _ = sample
    out = artefacts.blobs(image, image > 0.1, draw)
    changed = out != image
    assert 20 < int(changed.sum()) < 0.05 * image.numel()


def test_negatives_have_no_label_where_the_face_is_gone(sample, draw):
    image, classes = sample
    seen = set()
    for _ in range(40):
        out, labels = negatives.take_face_away(image, classes, draw)
        for index in (EYES, NOSE, EARS, MOUTH):
            left = int((labels == index).sum())
            assert left == 0 or left >= negatives.LEAST_LEFT * int((classes == index).sum())
            if not left:
                seen.add(index)
        assert torch.equal(labels == BRAIN, classes == BRAIN)
        assert torch.equal(out[labels > 0], image[labels > 0])
    assert seen == {EYES, NOSE, EARS, MOUTH}


def test_a_defacing_plane_spares_the_brain(sample):
    _, classes = sample
    for tilt in (0.0, 0.5, 1.0):
        beyond = negatives.behind_plane(classes, tilt, 1.0)
        assert not (beyond & (classes == BRAIN)).any()
        assert (beyond & (classes == NOSE)).sum() > 0.5 * (classes == NOSE).sum()


@pytest.mark.parametrize("tilt", [0.3, 0.5, 0.7])
def test_a_cut_below_the_eyes_leaves_them_and_the_root_of_the_nose(sample, tilt):
    _, classes = sample
    gone = negatives.below_eyes(classes, tilt, 0.0)
    assert not (gone & ((classes == BRAIN) | (classes == EYES))).any()
    # An auricle that hangs low may lose its lobe.
    assert (gone & (classes == EARS)).sum() < 0.3 * (classes == EARS).sum()
    for index in (NOSE, MOUTH):
        assert (gone & (classes == index)).sum() > 0.7 * (classes == index).sum()
