from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bids_deface.anatomy import ALL_FEATURES, FacialFeature
from bids_deface.detection.grid import conform
from bids_deface.inspection import inspect_head
from bids_deface.volume import canonical_affine, canonical_view

FACE = range(1, 7)


@pytest.fixture(scope="module")
def parts(original, defaced):
    before, after = (canonical_view(v.data, v.affine) for v in (original, defaced.volume))
    affine = canonical_affine(before.shape, original.affine)
    dseg, mask = (canonical_view(a, original.affine) for a in (defaced.dseg, defaced.mask))
    changed = mask.astype(bool).__getitem__
    return before, after, affine, dseg, changed, defaced.features.threshold


def test_the_face_is_seen_before_and_gone_after(parts, defaced):
    found = inspect_head(*parts)
    assert sum(found.faces_before.values()) >= 3
    assert not any(found.faces_after.values())
    assert found.doubts(ALL_FEATURES, FACE) == ()
    where = inspect_head(*parts, [edit.box for edit in defaced.edits])
    assert defaced.inspection == where, "the job looks in the same way"
    assert where.faces_after == found.faces_after, "all else is as it was"
    for index, residue in found.residues.items():
        assert where.residues[index].height_mm == pytest.approx(residue.height_mm, abs=0.05)


@pytest.mark.parametrize("own_skin", [True, False])
@pytest.mark.parametrize("brightness", [1.0, 2.5])
def test_an_untouched_head_is_told_feature_by_feature(parts, own_skin, brightness):
    before, _, affine, dseg, _, threshold = parts
    # As where another tool or the fill has changed the scale: the old head keeps its own.
    seen = conform(before.astype(np.float32), affine)
    found = inspect_head(
        before * brightness, before * brightness, affine, dseg,
        np.zeros(dseg.shape, bool).__getitem__, threshold * brightness,
        seen=replace(seen, low=seen.low * brightness, high=seen.high * brightness),
        own_skin=own_skin,
    )  # fmt: skip
    words = " ".join(found.doubts(ALL_FEATURES, FACE))
    assert ("stands out" in words) == own_skin, "heights say nothing on a new face"
    assert "a face is still found" in words
    for name in ("left eye", "right eye", "nose", "left ear", "right ear", "mouth"):
        assert name in words, name


def test_only_what_was_to_be_hidden_counts(parts):
    before, _, affine, dseg, _, threshold = parts
    found = inspect_head(
        before, before, affine, dseg, np.zeros(dseg.shape, bool).__getitem__, threshold
    )
    words = " ".join(found.doubts([FacialFeature.EARS], FACE))
    assert "left ear" in words
    assert "nose" not in words
    assert "face" not in words


def test_skin_that_was_not_found_is_told(parts):
    found = inspect_head(*parts)
    unseen = replace(found, residues={i: r for i, r in found.residues.items() if i != 4})
    assert unseen.doubts(ALL_FEATURES, FACE) == (
        "no skin was found at the left ear, so nobody knows what is left of it",
    )
    assert unseen.doubts([FacialFeature.NOSE], FACE) == ()
    assert unseen.doubts(ALL_FEATURES, FACE, frozenset({4})) == (), "taken off altogether"
    assert unseen.doubts(ALL_FEATURES, {1, 2, 3}) == (), "cut off by the field of view"
