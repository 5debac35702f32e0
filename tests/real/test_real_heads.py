"""The main job on real heads; skipped where there are none."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy import ndimage

from bids_deface.anatomy import LABELS
from bids_deface.assurance.aliasing import find_wrapped
from bids_deface.assurance.brain_shape import is_guarded
from bids_deface.case import find_features
from bids_deface.containers.load import load_volume
from bids_deface.deface import deface_volume
from bids_deface.settings import DefaceSettings
from bids_deface.tissue import dilate_mm
from bids_deface.volume import canonical_affine, canonical_view, zooms_of
from tests.conftest import command, tree
from tests.real.assemble import assemble, bids_path, rows_of

pytestmark = pytest.mark.real


def test_full_resolution_scans_from_end_to_end(heads_dir, tmp_path):
    """T1w, T2w, FLAIR, T2*, PDw; other scanners, orientations, positions and voxel sizes."""
    rows = rows_of(heads_dir, "external")
    raw = assemble(heads_dir, tmp_path / "raw", rows)
    out = tmp_path / "out"
    done = command(raw, out, "participant", "--nprocs", "2")
    assert "Traceback" not in done.stderr
    passed = 0
    for row in rows:
        name = bids_path(row)
        stem = name.rpartition("/")[2].removesuffix(".nii.gz")
        record = json.loads((out / "logs" / "images" / f"{stem}.json").read_text())
        subject, suffix = stem.split("_")
        image = out / subject / "anat" / f"{subject}_desc-defaced_{suffix}.nii.gz"
        assert image.is_file() == (record["Verdict"] == "PASS")
        if not image.is_file():
            continue
        passed += 1
        before, after = load_volume(raw / name), load_volume(image)
        mask = load_volume(
            out / subject / "anat" / f"{subject}_mod-{suffix}_desc-face_defacemask.nii.gz"
        ).data.astype(bool)
        changed = before.data != after.data
        assert before.prefix == after.prefix
        assert not changed[~mask].any()
        # Air in its own place may get the value it had: it is as good as changed.
        air = before.data <= np.percentile(before.data, 20)
        check_against_labels(heads_dir / row["label"], changed, changed | (mask & air), row)
    assert passed >= 11, done.stdout
    again = command(raw, out, "participant", "--nprocs", "1", "--participant-label", subject)
    assert "[1/" not in again.stdout


def check_against_labels(label_file, changed, mask, row):
    """The labelled brain is spared, the labelled features are covered.

    Labels are accurate to about 2 mm or a slice: brain within that of its border may be skull.
    """
    labels = load_volume(label_file)
    dseg, affine = labels.data, labels.affine
    zooms = zooms_of(affine)
    depth = ndimage.distance_transform_edt(dseg == 7, sampling=zooms)
    assert not changed[depth > max(3.0, zooms.max())].any(), row["head"]
    visible = dict(part.split("=") for part in row["visible"].split(";"))
    keys = {1: "eyes", 2: "eyes", 3: "nose", 4: "ear_left", 5: "ear_right", 6: "mouth"}
    for label in LABELS[:-1]:
        if visible[keys[label.index]] != "full":
            continue
        region = dseg == label.index
        if label.index in (3, 4, 5):
            share, least = mask[region].mean(), 0.8 if label.index == 3 else 0.7
        else:
            # Eyes and mouth are balls of which the skin changes: seen from the front, all of it.
            columns = canonical_view(region, affine).any(axis=1)
            share, least = canonical_view(mask, affine).any(axis=1)[columns].mean(), 0.85
        assert share > least, (row["head"], label.name, share)


def test_already_defaced_scans_are_hardly_touched(heads_dir, detector):
    for row in rows_of(heads_dir, "negative"):
        volume = load_volume(heads_dir / row["image"])
        result = deface_volume(volume, DefaceSettings.of(), detector)
        assert result.mask.mean() < 0.06, row["head"]


def test_labelled_brain_is_spared_on_validation_heads(heads_dir, detector):
    for row in rows_of(heads_dir, "val")[:8]:
        volume = load_volume(heads_dir / row["image"])
        result = deface_volume(volume, DefaceSettings.of(), detector)
        brain = load_volume(heads_dir / row["label"]).data == 7
        assert not result.mask[brain].any(), row["head"]
        margin = dilate_mm(result.dseg == 7, 3.0, zooms_of(volume.affine))
        assert not result.mask[margin].any()


def test_inputs_stay_as_they_are(heads_dir, tmp_path):
    rows = rows_of(heads_dir, "val")[:1]
    raw = assemble(heads_dir, tmp_path / "raw", rows)
    before = tree(raw)
    command(raw, tmp_path / "out", "participant", "--nprocs", "1", "--features", "nose")
    assert tree(raw) == before


def test_no_real_brain_is_doubted_and_no_nose_taken_for_a_copy(heads_dir, detector):
    """About a third of the noses touch the border, without a copy at the other one."""
    at_border = 0
    for row in rows_of(heads_dir, "val", "external"):
        image, found = find_features(load_volume(heads_dir / row["image"]), detector)
        assert not is_guarded(found.image_doubts), (row["head"], found.image_doubts)
        affine = found.turn @ load_volume(heads_dir / row["image"]).affine
        upright, affine = canonical_view(image, affine), canonical_affine(image.shape, affine)
        at_border += bool((found.dseg[:, -1] == 3).any())
        wrapped = find_wrapped(upright, found.dseg, affine, found.threshold, range(1, 7))
        assert wrapped.copies == wrapped.doubts == (), row["head"]
    assert at_border >= 8
