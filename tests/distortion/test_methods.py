from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from bids_deface.anatomy import ALL_FEATURES, OUTWARD, FacialFeature, labels_of
from bids_deface.distortion import auricle
from bids_deface.distortion.methods import DEFAULT_PROTOCOL, JEONG2020, PROTOCOLS
from bids_deface.distortion.scene import Scene, as_stored
from bids_deface.distortion.surface import resurface, skin_around
from bids_deface.errors import ImageError
from bids_deface.heights import Columns, surface_height
from bids_deface.tissue import dilate_mm, head_mask, tissue_threshold


@pytest.fixture(scope="module")
def surroundings(head):
    image = head.data.astype(np.float32)
    outline = head_mask(image, tissue_threshold(image), np.full(3, 1.5))
    return outline, ~dilate_mm(outline, 5.0, np.full(3, 1.5))


def scene_of(head, surroundings, index):
    outline, air = surroundings
    return Scene(
        data=head.data,
        region=head.dseg == index,
        labels=head.dseg,
        others=(1, 2, 3, 4, 5, 6),
        head=outline,
        air=air,
        zooms=np.full(3, 1.5),
        threshold=tissue_threshold(head.data.astype(np.float32)),
        far_air=head.data[air][:1000],
    )


def method_of(protocol, feature):
    return next(step.method for step in protocol.steps if feature in step.features)


@pytest.mark.parametrize("protocol", list(PROTOCOLS))
@pytest.mark.parametrize("feature", ALL_FEATURES)
def test_every_method_changes_its_feature_in_stored_values(head, surroundings, protocol, feature):
    if feature not in PROTOCOLS[protocol].features:
        pytest.skip("the paper's protocol leaves the mouth")
    for index in labels_of(feature):
        scene = scene_of(head, surroundings, index)
        change = method_of(PROTOCOLS[protocol], feature)(
            scene, *OUTWARD[index], np.random.default_rng(0)
        )
        assert change.values.dtype == head.data.dtype
        assert (change.values != head.data[change.mask]).mean() > 0.5
        away = ~dilate_mm(scene.region, 60.0, scene.zooms)
        assert not change.mask[away].any(), "nothing far from the feature changes"


@pytest.mark.parametrize("index", [3, 4, 5])
def test_nose_and_auricles_become_air(head, surroundings, index):
    scene = scene_of(head, surroundings, index)
    feature = FacialFeature.NOSE if index == 3 else FacialFeature.EARS
    change = method_of(DEFAULT_PROTOCOL, feature)(scene, *OUTWARD[index], np.random.default_rng(0))
    assert change.mask[scene.region].all()
    outer = scene.region & ndimage.binary_erosion(change.mask)
    outer &= dilate_mm(~scene.head, 2.0, scene.zooms) | ~scene.head
    limit = np.percentile(head.data[scene.air], 99.9)
    assert (change.painted(head.data)[outer] <= limit).mean() > 0.9


@pytest.mark.parametrize("index", [4, 5])
def test_the_floor_of_a_cut_is_as_deep_everywhere(head, surroundings, index, monkeypatch):
    """What an auricle's inner face looks like is not told by what lies under it."""
    scene = scene_of(head, surroundings, index)
    axis, sign = OUTWARD[index]
    seen = {}

    def around(*args):
        seen["skin"] = skin_around(*args)
        return seen["skin"]

    def put(scene, columns, heights, rng):
        seen["heights"] = heights
        return resurface(scene, columns, heights, rng)

    monkeypatch.setattr(auricle, "skin_around", around)
    monkeypatch.setattr(auricle, "resurface", put)
    auricle.remove_auricle(scene, axis, sign, np.random.default_rng(0))
    heights, columns = seen["heights"], Columns(axis, sign)
    depth = seen["skin"][1] - heights.new
    inner = ndimage.binary_erosion(heights.footprint, iterations=5)
    assert depth[inner].min() == pytest.approx(depth[inner].max())
    region = columns.view(scene.region)
    shallow = inner & region.any(axis=-1) & (depth < auricle.DEEPEST_MM / 1.5 - 1e-6)
    assert (heights.new <= region.argmax(axis=-1))[shallow].all(), "all of it becomes air"


@pytest.mark.parametrize("index", [1, 2, 6])
def test_flattened_surfaces_keep_no_relief(head, surroundings, index):
    """What sticks out of a smooth surface is less after than before."""
    scene = scene_of(head, surroundings, index)
    feature = FacialFeature.MOUTH if index == 6 else FacialFeature.EYES
    axis, sign = OUTWARD[index]
    change = method_of(DEFAULT_PROTOCOL, feature)(scene, axis, sign, np.random.default_rng(0))
    after = change.painted(head.data).astype(np.float32)
    threshold = tissue_threshold(head.data.astype(np.float32))
    columns = Columns(axis, sign)
    where = columns.view(scene.region).any(axis=-1)
    inner = ndimage.binary_erosion(where, iterations=3)

    def relief(data):
        height = surface_height(columns.view(ndimage.gaussian_filter(data, 0.5) > threshold))
        return (height - ndimage.gaussian_filter(height, 4))[inner].std()

    assert relief(after) < 0.6 * relief(head.data.astype(np.float32))
    level = np.arange(head.data.shape[axis])
    new_height = surface_height(columns.view(after > threshold))[..., None]
    shell = (level < new_height - 1.5) & (level > new_height - 3) & inner[..., None]
    values = columns.view(after)[shell & columns.view(change.mask)]
    assert values.std() < 0.05 * values.mean(), "one intensity in the shell"


def test_jeong2020_keeps_to_the_papers_voxel_rules(head, surroundings):
    rng = np.random.default_rng(0)
    assert JEONG2020.features == (FacialFeature.EYES, FacialFeature.NOSE, FacialFeature.EARS)
    nose = scene_of(head, surroundings, 3)
    change = method_of(JEONG2020, FacialFeature.NOSE)(nose, 1, 1, rng)
    size = np.ptp(np.argwhere(nose.region), axis=0) + 1
    box = np.ptp(np.argwhere(change.mask), axis=0) + 1
    clipped = np.argwhere(change.mask).max(axis=0) == np.array(head.data.shape) - 1
    np.testing.assert_allclose(box[~clipped], 2 * size[~clipped], atol=2)
    assert (change.values == 0).all()
    ear = scene_of(head, surroundings, 4)
    change = method_of(JEONG2020, FacialFeature.EARS)(ear, 0, -1, rng)
    np.testing.assert_array_equal(change.mask, ear.region)
    air = head.data[ear.air]
    assert change.values.max() <= air.max()
    eye = scene_of(head, surroundings, 1)
    change = method_of(JEONG2020, FacialFeature.EYES)(eye, 1, 1, rng)
    assert len(np.unique(change.values)) == 1


@pytest.mark.parametrize(
    ("dtype", "value", "stored"), [("u1", 300.2, 255), ("i2", -4.6, -5), ("u2", -3, 0)]
)
def test_values_are_legal_stored_integers(dtype, value, stored):
    assert as_stored(value, np.dtype(dtype)) == stored


@pytest.mark.parametrize("index", [3, 4])
def test_where_no_skin_is_seen_nothing_is_laid(head, surroundings, index):
    scene = scene_of(head, surroundings, index)
    bare = replace(scene, head=scene.region)
    feature = FacialFeature.NOSE if index == 3 else FacialFeature.EARS
    with pytest.raises(ImageError, match="no skin is seen around"):
        method_of(DEFAULT_PROTOCOL, feature)(bare, *OUTWARD[index], np.random.default_rng(0))
