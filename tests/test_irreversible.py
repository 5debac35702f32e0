"""What an attacker can do with what is shared: the original cannot be had back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from scipy import ndimage, stats

from bids_deface.containers.load import load_volume
from bids_deface.dataset.demo import nifti_bytes
from bids_deface.deface import deface_volume
from bids_deface.distortion import front
from bids_deface.heights import footprint_of, surface_height, widen
from bids_deface.population import SyntheticHead, synthetic_head
from bids_deface.record import success_record
from bids_deface.result import DefaceResult
from bids_deface.settings import DefaceSettings
from bids_deface.tissue import bounding_box, dilate_mm

ZOOM, TISSUE, NOSE = 1.5, 100.0, 3


@dataclass(frozen=True)
class Victim:
    """A head, and what was made of it."""

    head: SyntheticHead
    result: DefaceResult

    @property
    def after(self) -> np.ndarray:
        return self.result.volume.data


def crooked(head: SyntheticHead, side: int) -> SyntheticHead:
    """Give a head a nose that bends to one side, the lower the more."""
    data, dseg = head.data.copy(), head.dseg.copy()
    nose = (head.dseg == NOSE) & (head.data > TISSUE)
    for k in np.unique(np.argwhere(nose)[:, 2]):
        depth = np.argwhere(nose)[:, 2].max() - k
        for step in range(1, 1 + int(depth // 4)):
            there = np.roll(nose[:, :, k], side * step, axis=0) & ~nose[:, :, k]
            data[:, :, k][there] = 450
            dseg[:, :, k][there] = NOSE
    return SyntheticHead(data, dseg, head.affine)


@pytest.fixture(scope="module")
def victims(detector, tmp_path_factory) -> list[Victim]:
    """Two people whose noses bend to different sides, without bumps: these might hide a leak."""
    folder, out = tmp_path_factory.mktemp("victims"), []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(front, "random_relief", lambda weight, *_: np.zeros_like(weight))
        for side in (-1, 1):
            head = crooked(synthetic_head(np.random.default_rng(31 + side)), side)
            (folder / f"{side}.nii.gz").write_bytes(nifti_bytes(head))
            volume = load_volume(folder / f"{side}.nii.gz")
            out.append(Victim(head, deface_volume(volume, DefaceSettings.of(), detector)))
    return out


def silhouette(mask: np.ndarray, axis: int) -> np.ndarray:
    """Return an outline seen along an axis, its box scaled to 32 x 32: extent does not matter."""
    seen = mask.any(axis=axis)
    seen = seen[bounding_box(seen)].astype(float)
    return ndimage.zoom(
        seen, [32 / n for n in seen.shape], order=1, grid_mode=True, mode="nearest"
    )


def tells(features: list[np.ndarray], truth: list[np.ndarray]) -> float:
    """Return how well the difference of two features predicts that of two noses."""
    one, two = ((a - b).ravel() for a, b in (features, truth))
    return float(np.corrcoef(one, two)[0, 1]) if one.std() and two.std() else 0.0


@pytest.mark.parametrize(("axis", "least"), [(0, 0.1), (1, 0.4)])
def test_shared_files_do_not_tell_one_nose_from_another(victims, axis, least):
    truth = [silhouette((v.head.dseg == NOSE) & (v.head.data > TISSUE), axis) for v in victims]
    exact = [silhouette(v.result.dseg == NOSE, axis) for v in victims]
    assert tells(exact, truth) > least, "the attack works on what is kept private"
    regions = [v.result.dseg_volume.data for v in victims]
    boxes = [bounding_box(dseg == NOSE) for dseg in regions]
    shared = [silhouette(dseg == NOSE, axis) for dseg in regions]
    masks = [
        silhouette(v.result.mask_volume.data[b], axis) for v, b in zip(victims, boxes, strict=True)
    ]
    assert tells(shared, truth) == tells(masks, truth) == 0.0


def test_the_patch_in_the_noses_place_does_not_tell_the_nose(victims):
    """Seen from the front, where these noses differ: the patch of one intensity in its place."""
    truth = [silhouette((v.head.dseg == NOSE) & (v.head.data > TISSUE), 1) for v in victims]
    patches = []
    for victim in victims:
        near = victim.after[bounding_box(victim.result.dseg_volume.data == NOSE)]
        values, counts = np.unique(near[near > TISSUE], return_counts=True)
        patch = ndimage.binary_opening(near == values[counts.argmax()])
        assert patch.sum() > 1000
        patches.append(silhouette(patch, 1))
    assert abs(tells(patches, truth)) < 0.15


def skin_height(data: np.ndarray) -> np.ndarray:
    """Return how far forward the skin reaches in each column (i, k), mm, between voxels."""
    soft = ndimage.gaussian_filter(data.astype(np.float32), 0.4)
    columns = np.moveaxis(soft, 1, -1)
    height = surface_height(columns > TISSUE).astype(int)
    inside, outside = (
        np.take_along_axis(columns, np.clip(h, 0, columns.shape[-1] - 1)[..., None], -1)[..., 0]
        for h in (height, height + 1)
    )
    share = (inside - TISSUE) / np.maximum(inside - outside, 1e-3)
    return np.where(height >= 0, (height + np.clip(share, 0, 1)) * ZOOM, np.nan)


@pytest.mark.parametrize("index", [1, 2, 6])
def test_flattened_surfaces_keep_no_relief(victims, index):
    for victim in victims:
        flat = np.full(2, ZOOM)
        own = footprint_of(np.moveaxis(victim.result.dseg == index, 1, -1))
        nose = footprint_of(np.moveaxis(victim.result.dseg == NOSE, 1, -1))
        inner = own & ~widen(~own, 3.0, flat) & ~widen(nose, 6.0, flat)
        assert inner.sum() > 60
        reliefs = []
        for data in (victim.head.data, victim.after):
            height = skin_height(data)
            a, b = np.argwhere(inner).T
            a, b = a - a.mean(), b - b.mean()
            # What a smooth membrane can be, with a bend from nose to chin: a cubic.
            terms = np.stack([a**i * b**j for i in range(4) for j in range(4 - i)], axis=1)
            fit, *_ = np.linalg.lstsq(terms, height[inner], rcond=None)
            reliefs.append(height[inner] - terms @ fit)
        before, after = reliefs
        assert after.std() < 0.25
        assert after.std() < 0.25 * before.std()


def correlations(before: np.ndarray, after: np.ndarray, gone: np.ndarray) -> np.ndarray:
    """Return how a fill goes with what was there: voxel by voxel, with its edges, both smooth."""
    edges = ndimage.gaussian_gradient_magnitude(before, 1.0)
    soft = ndimage.gaussian_filter(before, 1.0), ndimage.gaussian_filter(after, 1.0)
    pairs = ((before, after), (edges, after), soft)
    return np.array([stats.spearmanr(one[gone], two[gone]).statistic for one, two in pairs])


def test_filled_air_is_independent_of_what_was_there(victims):
    rng = np.random.default_rng(5)
    for victim in victims:
        before, after = victim.head.data.astype(float), victim.after.astype(float)
        skin = dilate_mm(after > 1.5 * TISSUE, 4.5, np.full(3, ZOOM))
        gone = (before > 2 * TISSUE) & (victim.result.mask == 1) & ~skin
        assert gone.sum() > 3000
        air = after[:, :6].ravel()

        def refilled(after=after, air=air, gone=gone) -> np.ndarray:
            other = after.copy()
            other[gone] = rng.choice(air, gone.sum())
            return other

        # What a fill that knows nothing gives in the same place, neighbours and all.
        chance = np.array([correlations(before, refilled(), gone) for _ in range(24)])
        centre, limit = chance.mean(axis=0), 6 * chance.std(axis=0)
        leaking = np.where(gone, after + 0.5 * air.std() / before[gone].std() * before, after)
        assert (np.abs(correlations(before, leaking, gone) - centre) > limit)[[0, 2]].all()
        assert (np.abs(correlations(before, after, gone) - centre) < limit).all()
        test = stats.ks_2samp(after[gone], air)
        assert test.statistic < 0.05
        assert stats.ks_2samp(before[gone], air).statistic > 0.9, "tissue was there"


def test_nothing_written_tells_the_random_fill(original, defaced, detector):
    settings = DefaceSettings.of(["ears"])
    one, two = (deface_volume(original, settings, detector) for _ in "ab")
    assert (one.volume.data != two.volume.data).sum() > 1000
    first, second = (success_record("x", settings, result) for result in (one, two))
    # Two voxels may get the value they had; else what is told is the same.
    for record in (first, second):
        for key in ("ChangedVoxels", "ChangedShare"):
            record.pop(key)
    # What is left is measured on the fill: two fills differ by less than can be told from it.
    left = [record.pop("Residues") for record in (first, second)]
    for name, residue in left[0].items():
        assert residue == pytest.approx(left[1][name], abs=0.3), name
    assert first == second
    for kind in ("mask_volume", "dseg_volume"):
        np.testing.assert_array_equal(getattr(one, kind).data, getattr(two, kind).data)
    assert "seed" in "; ".join(defaced.notes)
    assert "seed" not in "; ".join(one.notes)
