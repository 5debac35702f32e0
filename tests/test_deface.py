from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import nibabel as nib
import numpy as np
import pytest
from scipy import stats

from bids_deface import deface, deface_image
from bids_deface.anatomy import FacialFeature
from bids_deface.assurance.verdict import Decision
from bids_deface.containers.load import load_volume
from bids_deface.containers.save import save_volume
from bids_deface.deface import deface_volume
from bids_deface.errors import OutputError, UsageError
from bids_deface.settings import DefaceSettings
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
    assert result.mask_volume.data[result.mask == 1].all()
    dseg = result.dseg_volume.data
    np.testing.assert_array_equal(dseg == 7, result.dseg == 7)
    assert dseg[result.dseg == 3].all()


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


def test_frames_share_one_mask(original, defaced, detector, tmp_path, save_nifti):
    data = np.stack([original.data, original.data // 2], axis=3)
    path = save_nifti(tmp_path / "4d.nii", data, original.affine)
    result = deface_volume(load_volume(path), DefaceSettings.of(["nose"]), detector)
    changed = result.volume.data != data
    assert changed[..., 0].any()
    assert changed[..., 1].any()
    assert not changed[result.mask == 0].any()
    # The bumps are the same, too: what differs is how the frames' noise rounds the skin's edge.
    bright, dark = np.moveaxis(result.volume.data, 3, 0)
    level = defaced.features.threshold
    apart = (bright > level) != (dark > level / 2)
    assert apart[result.mask == 1].mean() < 0.01


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
        assert (out != source)[result.mask == 1].mean() > 0.5
    np.testing.assert_array_equal(mask, result.mask_volume.data)
    assert result.verdict.decision is Decision.PASS


def test_inputs_are_never_overwritten(head_file):
    before = head_file.read_bytes()
    with pytest.raises(OutputError, match="never overwritten"):
        deface_image(head_file, head_file)
    assert head_file.read_bytes() == before


@pytest.fixture(scope="module")
def faceless(original, detector):
    return deface_volume(original, DefaceSettings.of(level="face", random_seed=1), detector)


def test_the_whole_face_is_replaced_and_nothing_else(head, original, faceless):
    assert faceless.verdict.decision is Decision.PASS, faceless.verdict.reasons
    mask = faceless.mask.astype(bool)
    differs = faceless.volume.data != original.data
    assert not differs[~mask].any()
    brain = dilate_mm(faceless.dseg == 7, 3.0, np.full(3, 1.5))
    assert brain.sum() > 100_000
    assert not mask[brain].any()
    for index in (3, 4, 5, 6):
        tissue = (head.dseg == index) & (head.data > 120)
        assert mask[tissue].mean() > 0.99, index
    below = np.arange(mask.shape[2]) < np.argwhere(faceless.dseg == 7)[:, 2].max() - 40
    assert mask[(head.data > 120) & below].mean() < 0.5, "most of the head stays"
    assert not mask[..., -10:].any(), "the top of the head stays"


def test_frames_share_one_new_face(original, detector, tmp_path, save_nifti):
    data = np.stack([original.data, original.data // 2], axis=3)
    path = save_nifti(tmp_path / "4d.nii", data, original.affine)
    result = deface_volume(load_volume(path), DefaceSettings.of(level="face"), detector)
    changed = result.volume.data != data
    assert not changed[result.mask == 0].any()
    nose = (result.dseg == 3) & (result.mask == 1)
    assert changed[nose].mean(axis=0).min() > 0.8
    skin = [np.median(f[f > f.max() / 4]) for f in np.moveaxis(result.volume.data, 3, 0)]
    assert skin[1] == pytest.approx(skin[0] / 2, rel=0.1)


def test_phase_gets_noise_over_its_range_at_the_level_face(original, detector):
    result = deface_volume(
        original, DefaceSettings.of(level="face", random_seed=1), detector, fill="uniform"
    )
    values = result.volume.data[result.mask == 1]
    middle = (int(original.data.min()) + int(original.data.max())) / 2
    assert values.mean() == pytest.approx(middle, rel=0.05)


def test_a_bare_brain_gets_no_face(stripped, detector, tmp_path, save_nifti):
    path = save_nifti(tmp_path / "stripped.nii", stripped.data, stripped.affine)
    result = deface_volume(load_volume(path), DefaceSettings.of(level="face"), detector)
    assert result.changes.changed == 0


class Doubting:
    """The detector, with doubts about some regions."""

    def __init__(self, detector, doubts):
        self.detector, self.doubts, self.sha256 = detector, doubts, detector.sha256

    def detect(self, image, affine):
        found = self.detector.detect(image, affine)
        regions = (
            r.doubted(self.doubts[r.index]) if r.index in self.doubts else r for r in found.regions
        )
        return replace(found, regions=tuple(regions))


def settle(original, detector, on_doubt, doubts):
    settings = DefaceSettings.of(random_seed=1, on_doubt=on_doubt)
    return deface_volume(original, settings, Doubting(detector, doubts))


def test_a_face_in_doubt_is_taken_off_where_that_is_asked_for(original, detector):
    doubts = {1: "left eye was not found", 3: "nose was not found", 6: "mouth is odd"}
    assert settle(original, detector, "review", doubts).verdict.decision is Decision.REVIEW
    result = settle(original, detector, "remove-face", doubts)
    assert result.verdict.decision is Decision.PASS, result.verdict.reasons
    assert "taken off" in " ".join(result.notes)
    assert "nose was not found" in " ".join(result.notes)
    assert result.changes.in_brain == result.changes.outside_mask == 0
    for index in (3, 6):
        region = result.dseg == index
        assert (result.mask[region] == 1).all()
        limit = np.percentile(original.data[:8], 99.9)
        assert (result.volume.data[region] <= limit).mean() > 0.95
    for index in (4, 5):
        assert result.mask[result.dseg == index].mean() > 0.95, "the ears are hidden all the same"


@pytest.mark.parametrize(
    "doubts",
    [
        {4: "the ears lie unevenly"},
        {3: "brain lies 200 mm from between the eyes"},
    ],
)
def test_other_doubts_are_not_cured_by_taking_the_face_off(original, detector, doubts):
    result = settle(original, detector, "remove-face", doubts)
    assert result.verdict.decision is Decision.REVIEW
    assert result.verdict.reasons == tuple(doubts.values())


def test_strict_takes_doubt_for_failure(original, detector):
    result = settle(original, detector, "strict", {3: "nose was not found"})
    assert result.verdict.decision is Decision.FAIL
    assert result.verdict.reasons == ("nose was not found",)
    assert settle(original, detector, "strict", {}).verdict.decision is Decision.PASS


def test_levels_and_doubt_are_checked():
    with pytest.raises(UsageError, match="Unknown word 'all'"):
        DefaceSettings.of(level="all")
    with pytest.raises(UsageError, match="Unknown word 'ignore'"):
        DefaceSettings.of(on_doubt="ignore")
    for choice in ({"features": ["nose"]}, {"protocol": "jeong2020"}):
        with pytest.raises(UsageError, match="all of the face"):
            DefaceSettings.of(level="face", **choice)


@pytest.mark.parametrize(
    ("settings", "faces", "wanted"),
    [
        (DefaceSettings.of(), 0, [True]),
        (DefaceSettings.of(), 1, [True, True]),
        (DefaceSettings.of(), 9, [*[True] * deface.DRAWS, False]),
        (DefaceSettings.of(["ears"]), 9, [False]),
        (DefaceSettings.of(level="face"), 9, [False]),
        (DefaceSettings.of(protocol="jeong2020"), 9, [False]),
    ],
)
def test_bumps_in_which_a_face_is_seen_give_way(monkeypatch, settings, faces, wanted):
    tried: list[bool] = []
    monkeypatch.setattr(deface, "_edits", lambda *_, bumps=True: bumps)

    def attempt(_case, _settings, bumps, earlier):
        assert earlier == (len(tried) or None), "what was before is looked at once"
        tried.append(bumps)
        return SimpleNamespace(bumps=bumps, inspection=len(tried))

    monkeypatch.setattr(deface, "_attempt", attempt)
    monkeypatch.setattr(deface, "_seen", lambda *_: ("a face",) * (len(tried) <= faces))
    assert deface._unseen(None, settings, np.random.default_rng(0)).bumps == wanted[-1]
    assert tried == wanted
