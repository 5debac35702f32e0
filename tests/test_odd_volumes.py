"""The whole job on what is not a plain T1w: frames, complex values, maps, odd air."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage, stats
from scipy.spatial.transform import Rotation

from bids_deface.anatomy import BRAIN
from bids_deface.assurance.verdict import Decision
from bids_deface.bright_air import GUESS
from bids_deface.deface import deface_volume
from bids_deface.detection.featuremap import Surface
from bids_deface.errors import ImageError, NoHeadError
from bids_deface.frames import frames_of, relative_levels
from bids_deface.population import SyntheticHead, synthetic_head
from bids_deface.settings import DefaceSettings
from bids_deface.surroundings import Surroundings
from bids_deface.tissue import dilate_mm
from bids_deface.volume import Volume, canonical_affine, spatial_mean


@pytest.fixture(scope="module")
def coarse() -> SyntheticHead:
    """A made-up head, 2.1 mm: the job takes a second."""
    return synthetic_head(np.random.default_rng(7), zoom=1.4)


@pytest.fixture(scope="module")
def job(coarse, detector):
    """Return a function that defaces an array on the grid of the coarse head."""

    def run(data, source=None, features=None, affine=coarse.affine, level="features", **options):
        volume = Volume(np.asfortranarray(data), affine, b"", b"", 1.0)
        settings = DefaceSettings.of(features, random_seed=1, level=level)
        return deface_volume(volume, settings, source or detector, **options)

    return run


@pytest.fixture(scope="module")
def plain(coarse, job):
    """The coarse head after the whole job."""
    return job(coarse.data)


def shifted(data, millimetres, axis=1, zoom=2.1):
    """Move a head along one axis."""
    steps = np.zeros(3)
    steps[axis] = millimetres / zoom
    return ndimage.shift(data.astype(np.float32), steps, order=1, mode="nearest").astype(
        data.dtype
    )


def same_outside(before, after, mask):
    """Tell whether all bits outside a mask are the same."""
    kept = mask == 0
    return before[kept].tobytes() == after[kept].tobytes()


def test_frames_that_do_not_move_change_nothing(coarse, plain, job):
    """Echoes of different brightness, one of them empty, in five dimensions."""
    echoes = [coarse.data, coarse.data // 2, coarse.data // 4, 0 * coarse.data]
    data = np.stack(echoes, axis=3).reshape(*coarse.data.shape, 2, 2)
    result = job(data)
    assert result.notes == plain.notes
    assert result.verdict.decision is Decision.PASS, result.verdict.reasons
    overlap = 2 * (result.mask & plain.mask).sum() / (result.mask.sum() + plain.mask.sum())
    assert overlap > 0.98
    assert same_outside(data, result.volume.data, result.mask)
    # The skin of the third echo is as bright as that echo.
    inside = result.mask == 1
    first, third = (result.volume.data[..., i, 0][inside].astype(float) for i in (0, 1))
    assert np.percentile(third, 95) == pytest.approx(np.percentile(first, 95) / 4, rel=0.25)


def test_small_motion_grows_the_regions(coarse, plain, job):
    data = np.stack([coarse.data, coarse.data, shifted(coarse.data, 4.0)], axis=3)
    result = job(data)
    words = "the head moves by 4 mm between frames: regions were grown by as much"
    assert result.notes == (words, *plain.notes)
    assert result.mask.sum() > 1.1 * plain.mask.sum()
    brain = dilate_mm(result.dseg == BRAIN, 3.0 + 3.5, np.full(3, 2.1))
    assert not result.mask[brain].any()
    nose = np.argwhere(coarse.dseg == 3)[:, 1].max()
    moved_tip = (shifted(coarse.data, 4.0) > 120) & (coarse.dseg == 3)
    assert nose > 0
    assert result.mask[moved_tip].mean() > 0.95


def test_large_motion_needs_a_human(coarse, job):
    data = np.stack([coarse.data, coarse.data, shifted(coarse.data, 16.0, axis=2)], axis=3)
    result = job(data, features=["nose"])
    assert result.verdict.decision is Decision.REVIEW
    assert any("moves by 16 mm" in reason for reason in result.verdict.reasons)


class Reference:
    """Stands in for the detector: regions and surface are known from the magnitude."""

    sha256 = "of the magnitude"

    def __init__(self, coarse, plain, surface_affine=None):
        # Whoever lends regions lies in the matrix that all work is done in.
        own = canonical_affine(coarse.data.shape, coarse.affine)
        affine = own if surface_affine is None else surface_affine
        surface = Surface(coarse.data.astype(np.float32), affine, plain.features.dseg)
        self.found = replace(plain.features, surface=surface)

    def detect(self, image, affine):
        return self.found


def phase_of(coarse):
    """A phase image: smooth with wraps in the head, anything in air."""
    rng = np.random.default_rng(5)
    smooth = ndimage.gaussian_filter(rng.normal(0, 1, coarse.data.shape), 12)
    wrapped = np.angle(np.exp(1j * 20 * smooth / smooth.std())) / np.pi
    air = ndimage.gaussian_filter(coarse.data.astype(float), 1) < 60
    return np.rint(4095 * np.where(air, rng.uniform(-1, 1, air.shape), wrapped)).astype(np.int16)


def test_phase_gets_the_surface_of_the_magnitude_and_uniform_noise(coarse, plain, job):
    data = phase_of(coarse)
    result = job(data, Reference(coarse, plain), fill="uniform")
    np.testing.assert_array_equal(result.mask, plain.mask)
    assert same_outside(data, result.volume.data, result.mask)
    new = result.volume.data[result.mask == 1]
    assert new.min() >= data.min()
    assert new.max() <= data.max()
    assert stats.kstest(new, stats.uniform(-4095, 8190).cdf).statistic < 0.01


def test_maps_keep_their_blank_air(coarse, plain, job):
    """A float map that is 0 outside the head; NaN in places; the range is its own."""
    head = ndimage.gaussian_filter(coarse.data.astype(float), 1) > 60
    data = np.where(head, 300 + coarse.data, 0).astype(np.float32)
    data[::9, ::9, ::9] = np.nan
    result = job(data, Reference(coarse, plain), fill="uniform")
    inside = result.mask == 1
    assert same_outside(data, result.volume.data, result.mask)
    new = result.volume.data[inside]
    assert np.isfinite(new).all()
    assert new.max() <= np.nanmax(data)
    ears = inside & np.isin(coarse.dseg, (4, 5))
    assert (result.volume.data[ears] == 0).mean() > 0.9
    assert 0.1 < (new == 0).mean() < 0.9
    assert stats.kstest(new[new != 0], stats.uniform(0, np.nanmax(data)).cdf).statistic < 0.02


def test_a_reference_on_another_grid_tells_the_surface(coarse, plain, job):
    """In both fills: the scan shows no surface, the shifted grid of the reference does."""
    inner = coarse.data[1:-1, 1:, :-2]
    reference = Reference(coarse, plain)
    affine = coarse.affine.copy()
    affine[:3, 3] = (coarse.affine @ [1, 1, 0, 1])[:3]
    found = replace(reference.found, dseg=plain.dseg[1:-1, 1:, :-2])
    reference.found = found
    flat = np.full(inner.shape, 100, np.int16) + np.arange(inner.shape[0])[:, None, None]
    masks = [
        job(flat.astype(np.int16), reference, affine=affine, fill=fill).mask
        for fill in ("tissue", "uniform")
    ]
    np.testing.assert_array_equal(*masks)
    expected = plain.mask[1:-1, 1:, :-2]
    assert 2 * (masks[0] & expected).sum() / (masks[0].sum() + expected.sum()) > 0.97


def test_complex_values_are_defaced_by_their_magnitude(coarse, plain, job):
    phase = ndimage.gaussian_filter(np.random.default_rng(6).normal(0, 30, coarse.data.shape), 4)
    data = (coarse.data * np.exp(1j * phase)).astype(np.complex64)
    data[::11, ::11, ::11] = complex(np.nan, 1)
    result = job(data)
    assert result.verdict.decision is Decision.PASS, result.verdict.reasons
    assert same_outside(data, result.volume.data, result.mask)
    assert 2 * (result.mask & plain.mask).sum() / (result.mask.sum() + plain.mask.sum()) > 0.98
    inside = result.mask == 1
    new = result.volume.data[inside]
    assert np.isfinite(new).all()
    assert np.abs(np.exp(1j * np.angle(new)).mean()) < 0.03, "phase of nothing"
    assert like_air(np.abs(result.volume.data), np.abs(data), auricles(coarse, result))


def auricles(coarse, result):
    """The outer parts of both auricles, well outside the new skin."""
    out = np.zeros(coarse.dseg.shape, bool)
    for index, sign in ((4, -1), (5, 1)):
        ear = (coarse.dseg == index) & (result.mask == 1)
        outwards = sign * np.arange(ear.shape[0])[:, None, None]
        out |= ear & (outwards > np.percentile((ear * 1.0 * outwards)[ear], 65))
    assert out.sum() > 200
    return out


def like_air(after, before, ears):
    """Tell whether what fills the auricles has the distribution of this scan's air."""
    air = before[[0, 1, 2, -3, -2, -1]]
    return stats.ks_2samp(after[ears], air[np.isfinite(air)]).pvalue > 0.001


def head_of(coarse):
    """The head as it truly is."""
    return ndimage.binary_fill_holes(ndimage.gaussian_filter(coarse.data.astype(float), 0.7) > 70)


def with_air(coarse, kind):
    """Give the head another kind of air."""
    rng, head = np.random.default_rng(3), head_of(coarse)
    if kind == "zero":
        return np.where(head, coarse.data, 0).astype(np.int16)
    if kind == "UNIT1":
        return np.where(head, coarse.data / 800 - 0.5, rng.uniform(-0.5, 0.5, head.shape))
    if kind == "salt and pepper":
        return np.where(head, coarse.data, rng.choice([0, 1000], head.shape)).astype(np.uint16)
    return coarse.data


@pytest.mark.parametrize("kind", ["Rician", "zero", "UNIT1", "salt and pepper"])
def test_auricles_become_the_air_of_the_scan(coarse, plain, job, kind):
    data = with_air(coarse, kind)
    result = plain if kind == "Rician" else job(data)
    assert same_outside(data, result.volume.data, result.mask)
    assert like_air(result.volume.data, data, auricles(coarse, result))
    unseen = "no skin is seen in this image" in " ".join(result.notes)
    assert unseen == (result.inspection is None) == (kind in ("UNIT1", "salt and pepper"))
    for index in (3, 4, 5):
        assert result.mask[(coarse.dseg == index) & (coarse.data > 120)].mean() > 0.85, index
    new = result.volume.data[result.mask == 1]
    assert data.min() <= new.min()
    assert new.max() <= data.max()
    if kind == "zero":
        assert (result.volume.data[auricles(coarse, result)] == 0).all()


@pytest.mark.parametrize("kind", ["zero", "UNIT1"])
def test_the_whole_face_becomes_skin_and_air_of_the_scan(coarse, job, kind):
    data = with_air(coarse, kind)
    result = job(data, level="face")
    assert result.changes.in_brain == 0
    assert same_outside(data, result.volume.data, result.mask)
    assert result.verdict.decision is Decision.PASS
    for index in (3, 4, 5, 6):
        assert result.mask[(coarse.dseg == index) & (coarse.data > 120)].mean() > 0.98, index
    nose = (coarse.dseg == 3) & (result.mask == 1)
    nose &= np.arange(nose.shape[1])[:, None] > np.percentile(np.argwhere(nose)[:, 1], 60)
    assert like_air(result.volume.data, data, nose)
    new = result.volume.data[result.mask == 1]
    assert data.min() <= new.min()
    assert new.max() <= data.max()


def test_where_no_brain_is_seen_no_face_can_be_laid(coarse, plain, job):
    class Below:
        sha256 = ""

        def detect(self, image, affine):
            return replace(plain.features, dseg=np.where(plain.dseg == 7, 0, plain.dseg))

    with pytest.raises(ImageError, match="no brain is in the field of view"):
        job(coarse.data, Below(), level="face")


def test_smooth_bright_air_needs_a_human(coarse, job):
    result = job(np.where(head_of(coarse), coarse.data, 900).astype(np.int16) + coarse.data % 7)
    assert result.verdict.decision is Decision.REVIEW
    assert GUESS in result.verdict.reasons


def test_negative_values_and_no_numbers_in_another_byte_order(coarse, plain, job):
    data = (coarse.data - 500.0).astype(">f4")
    data[::7, ::7, ::7], data[1::9, ::9, ::9], data[2::9, ::9, ::9] = np.nan, np.inf, -np.inf
    result = job(data)
    assert same_outside(data, result.volume.data, result.mask)
    assert 2 * (result.mask & plain.mask).sum() / (result.mask.sum() + plain.mask.sum()) > 0.97
    new = result.volume.data[result.mask == 1]
    assert np.isfinite(new).all()
    assert new.min() >= -500
    assert new.max() <= coarse.data.max() - 500


def test_stored_values_with_an_offset(coarse, plain, job):
    """As nibabel stores floats: air at the least integer, and 0 is bright tissue."""
    data = (coarse.data.astype(np.int32) * 12 - 32768).astype(np.int16)
    turn = np.eye(4)
    turn[:3, :3] = Rotation.from_euler("z", 25, degrees=True).as_matrix()
    result = job(data, affine=turn @ coarse.affine)
    assert result.verdict.decision is Decision.PASS, result.verdict.reasons
    assert same_outside(data, result.volume.data, result.mask)
    straight = job(coarse.data, affine=turn @ coarse.affine)
    both = result.mask.sum() + straight.mask.sum()
    assert 2 * (result.mask & straight.mask).sum() / both > 0.98
    assert like_air(result.volume.data, data, auricles(coarse, result))


def test_frames_with_an_offset(coarse, plain, job):
    """Echoes of falling brightness, stored with their air below 0."""
    frames = [coarse.data * 12.0, coarse.data * 6.0, coarse.data * 3.0]
    data = np.stack([(f - 20000).astype(np.int16) for f in frames], axis=3)
    result = job(data)
    assert result.verdict.decision is Decision.PASS, result.verdict.reasons
    assert same_outside(data, result.volume.data, result.mask)
    assert 2 * (result.mask & plain.mask).sum() / (result.mask.sum() + plain.mask.sum()) > 0.97
    ear = auricles(coarse, result)
    for frame, before in zip(
        np.moveaxis(result.volume.data, 3, 0), np.moveaxis(data, 3, 0), strict=True
    ):
        assert like_air(frame, before, ear)


def test_bytes_in_an_oblique_left_handed_grid(coarse, job):
    angle = np.radians(12)
    turn = np.eye(4)
    turn[1:3, 1:3] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    flip = np.diag([-1.0, 1, 1, 1])
    flip[0, 3] = coarse.data.shape[0] - 1
    data = np.clip(coarse.data[::-1] / 4, 0, 255).astype(np.uint8)
    result = job(data, affine=turn @ coarse.affine @ flip)
    assert result.verdict.decision is Decision.PASS, result.verdict.reasons
    assert same_outside(data, result.volume.data, result.mask)
    nose = (coarse.dseg[::-1] == 3) & (coarse.data[::-1] > 120)
    assert result.mask[nose].mean() > 0.9


def test_thick_slices(coarse, job):
    zooms = np.array([0.9, 0.9, 6.0])
    matrix = zooms / 2.1
    shape = tuple(int(n) for n in np.array(coarse.data.shape) / matrix)
    data = ndimage.affine_transform(coarse.data, matrix, output_shape=shape, order=1)
    nose = ndimage.affine_transform(coarse.dseg == 3, matrix, output_shape=shape, order=0)
    affine = coarse.affine.copy()
    affine[:3, :3] = np.diag(zooms)
    result = job(data, affine=affine)
    assert result.changes.in_brain == 0
    assert same_outside(data, result.volume.data, result.mask)
    assert result.mask[nose & (data > 120)].mean() > 0.9


@pytest.mark.parametrize(
    "data",
    [
        np.arange(512, dtype=np.int16).reshape(8, 8, 8),
        np.arange(100 * 80, dtype=np.int16).reshape(100, 80, 1),
        np.full((40, 40, 40), 7, np.uint8),
        np.full((40, 40, 40), np.nan, np.float32),
        np.full((1, 1, 1, 3), 1e300),
    ],
    ids=["tiny", "one slice", "constant", "no numbers", "one voxel"],
)
def test_what_shows_no_head_is_refused_in_words(job, data):
    with pytest.raises(NoHeadError, match=r"no head|constant"):
        job(data)


def test_less_may_be_more(coarse):
    """A negative slope: levels, darkness and what is no number follow the sign."""
    frames = np.stack([coarse.data, coarse.data // 2, coarse.data], axis=3).astype(np.float32)
    frames[:4] = np.nan
    up = Volume(frames, coarse.affine, b"", b"", 1.0)
    down = Volume(-frames, coarse.affine, b"", b"", -1.0)
    np.testing.assert_allclose(spatial_mean(down), spatial_mean(up))
    assert spatial_mean(down)[:4].max() <= np.percentile(spatial_mean(down), 5)
    levels = [
        relative_levels(frames_of(v.data), frames_of(v.data), sign)
        for v, sign in ((up, 1), (down, -1))
    ]
    np.testing.assert_allclose(levels[0], levels[1])
    assert levels[0][1] == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("offset", [0, -32768])
def test_air_is_known_whatever_the_offset(coarse, offset):
    image = (coarse.data.astype(np.int32) * 12 + offset).astype(np.int16)
    head = head_of(coarse)
    around = Surroundings.of(image, coarse.affine, head, coarse.affine, 12 * 70 + offset)
    box = tuple(slice(0, n) for n in image.shape)
    _, air = around.parts(box, np.zeros(image.shape, bool))
    assert 0.2 < air.mean() < 0.8
    assert not (air & head).any()
