from __future__ import annotations

import numpy as np
import pytest

from bids_deface.anatomy import BRAIN, LABELS
from bids_deface.containers.load import load_volume
from bids_deface.deface import DefaceSettings, deface_volume
from bids_deface.detection.carried import CarriedRegions
from bids_deface.detection.plausibility import Status
from bids_deface.errors import ImageError, NoHeadError
from bids_deface.population import synthetic_head
from bids_deface.volume import canonical_affine


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


def test_a_stripped_brain_is_refused(detector, stripped):
    with pytest.raises(NoHeadError, match="without skull"):
        detector.detect(stripped.data.astype(np.float32), stripped.affine)


def test_regions_carry_over_to_a_scan_of_the_same_session(
    head_file, defaced, detector, tmp_path, save_nifti
):
    """A coarser grid of the same head gets the same regions; another place is refused."""
    volume = load_volume(head_file)
    affine = canonical_affine(volume.data.shape, volume.affine)
    carried = CarriedRegions(defaced.features, affine, "x")
    coarse = volume.affine.copy()
    coarse[:3, :3] *= 2
    other = load_volume(save_nifti(tmp_path / "c.nii", volume.data[::2, ::2, ::2].copy(), coarse))
    result = deface_volume(other, DefaceSettings.of(["nose"]), carried)
    expected = defaced.dseg[::2, ::2, ::2] == 3
    assert dice(result.dseg == 3, expected) > 0.9
    assert result.mask[expected].mean() > 0.95
    moved = coarse.copy()
    moved[:3, 3] += [0, 90, 0]
    away = load_volume(save_nifti(tmp_path / "m.nii", other.data.copy(), moved))
    with pytest.raises(ImageError, match="overlaps"):
        deface_volume(away, DefaceSettings.of(), carried)
