from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
from scipy import stats

from bids_deface import deface_image
from bids_deface.anatomy import FacialFeature
from bids_deface.assurance.verdict import Decision
from bids_deface.containers.load import load_volume
from bids_deface.containers.save import save_volume
from bids_deface.deface import DefaceSettings, deface_volume
from bids_deface.errors import OutputError, UsageError
from bids_deface.tissue import dilate_mm


def test_voxels_outside_the_mask_are_bit_identical(original, defaced, tmp_path):
    assert defaced.verdict.decision is Decision.PASS, defaced.verdict.reasons
    save_volume(defaced.volume, tmp_path / "out.nii")
    save_volume(original, tmp_path / "in.nii")
    before, after = ((tmp_path / n).read_bytes() for n in ("in.nii", "out.nii"))
    assert before[:352] == after[:352], "the header"
    differs = defaced.volume.data != original.data
    assert differs.any()
    assert not differs[defaced.mask == 0].any()
    assert differs.sum() == defaced.changes.changed


def test_no_voxel_of_the_brain_changes(original, defaced):
    brain = dilate_mm(defaced.dseg == 7, 3.0, np.full(3, 1.5))
    assert brain.sum() > 100_000
    assert not defaced.mask[brain].any()
    np.testing.assert_array_equal(defaced.volume.data[brain], original.data[brain])


def test_the_true_features_are_covered(head, defaced):
    """Labels of the made-up head, not the detector's own: the skin of each lies in the mask."""
    mask = defaced.mask.astype(bool)
    for index, least in ((3, 0.9), (4, 0.85), (5, 0.85)):
        tissue = (head.dseg == index) & (head.data > 120)
        assert mask[tissue].mean() > least, index


def test_filled_auricle_looks_like_air(head, original, defaced):
    """Well outside the new skin, what replaces the auricle is this scan's air."""
    ear = (head.dseg == 4) & (defaced.mask == 1)
    i = np.argwhere(ear)[:, 0]
    outer = ear & (np.arange(ear.shape[0]) < np.percentile(i, 25))[:, None, None]
    air = original.data[:8]
    assert stats.ks_2samp(defaced.volume.data[outer], air.ravel()).statistic < 0.15


@pytest.mark.parametrize("codes", ["LPS", "PSR", "IAL"])
def test_any_orientation_gives_the_same_result(original, defaced, detector, tmp_path, codes):
    image = nib.Nifti1Image(np.array(original.data), original.affine)
    ornt = nib.orientations.ornt_transform(
        nib.io_orientation(original.affine), nib.orientations.axcodes2ornt(codes)
    )
    nib.save(image.as_reoriented(ornt), tmp_path / "turned.nii")
    turned = load_volume(tmp_path / "turned.nii")
    result = deface_volume(turned, DefaceSettings.of(random_seed=1), detector)
    expected = nib.orientations.apply_orientation(defaced.mask, ornt)
    overlap = 2 * (result.mask & expected).sum() / (result.mask.sum() + expected.sum())
    assert overlap > 0.99


def test_features_can_be_chosen(original, defaced, detector):
    result = deface_volume(original, DefaceSettings.of(["nose"], random_seed=1), detector)
    beyond = (result.mask == 1) & (defaced.mask == 0)
    assert beyond.sum() < 0.05 * result.mask.sum()
    assert result.mask[defaced.dseg == 3].mean() > 0.99
    assert result.mask[np.isin(defaced.dseg, (4, 5))].mean() < 0.01


def test_jeong2020_hides_three_features(original, detector):
    settings = DefaceSettings.of(protocol="jeong2020", random_seed=1)
    assert FacialFeature.MOUTH not in settings.features
    result = deface_volume(original, settings, detector)
    assert result.changes.in_brain == 0
    nose = (result.dseg == 3) & (result.mask == 1)
    assert nose.sum() > 1000
    assert (result.volume.data[nose] == 0).all()


def test_frames_share_one_mask(original, detector, tmp_path, save_nifti):
    data = np.stack([original.data, original.data // 2], axis=3)
    path = save_nifti(tmp_path / "4d.nii", data, original.affine)
    result = deface_volume(load_volume(path), DefaceSettings.of(["nose"]), detector)
    changed = result.volume.data != data
    assert changed[..., 0].any()
    assert changed[..., 1].any()
    assert not changed[result.mask == 0].any()


def test_random_fill_differs_from_run_to_run(original, detector):
    settings = DefaceSettings.of(["ears"])
    one, two = (deface_volume(original, settings, detector).volume.data for _ in "ab")
    assert (one != two).any()


def test_unknown_names_are_refused():
    with pytest.raises(UsageError, match="chin"):
        DefaceSettings.of(["chin"])
    with pytest.raises(UsageError, match="mouth"):
        DefaceSettings.of(["mouth"], "jeong2020")
    with pytest.raises(UsageError, match="Unknown protocol"):
        DefaceSettings.of(None, "magic")
    with pytest.raises(UsageError, match="No feature"):
        DefaceSettings.of([])


def test_deface_image_writes_scan_and_mask(head_file, tmp_path):
    before = head_file.read_bytes()
    other = tmp_path / "other.nii.gz"
    other.write_bytes(before)
    result = deface_image(
        head_file,
        tmp_path / "out.nii.gz",
        mask_file=tmp_path / "mask.nii.gz",
        apply_to=[(other, tmp_path / "other_defaced.nii.gz")],
        features=["nose", "ears"],
    )
    assert head_file.read_bytes() == before
    mask = np.asanyarray(nib.load(tmp_path / "mask.nii.gz").dataobj)
    source = np.asanyarray(nib.load(head_file).dataobj)
    for name in ("out.nii.gz", "other_defaced.nii.gz"):
        out = np.asanyarray(nib.load(tmp_path / name).dataobj)
        assert out.dtype == source.dtype
        assert not (out != source)[mask == 0].any()
        assert (out != source)[mask == 1].mean() > 0.5
    assert result.verdict.decision is Decision.PASS


def test_inputs_are_never_overwritten(head_file):
    before = head_file.read_bytes()
    with pytest.raises(OutputError, match="never overwritten"):
        deface_image(head_file, head_file)
    assert head_file.read_bytes() == before
