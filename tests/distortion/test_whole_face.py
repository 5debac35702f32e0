"""The new face is nobody's: it follows from the brain alone."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage
from scipy.spatial.transform import Rotation

from bids_deface.anatomy import BRAIN
from bids_deface.distortion.average_face import COLUMN_MM, FLOOR_MM, SPINE_MM, average_face
from bids_deface.distortion.brain_pose import BrainPose, brain_pose, core_of
from bids_deface.distortion.face_model import (
    DEPTHS_MM,
    ROUNDED_MM,
    FaceModel,
    _rounded_minimum,
    lay_face,
)
from bids_deface.distortion.scene import Scene
from bids_deface.distortion.whole_face import NewFace, replace_face
from bids_deface.heights import crossing_height, surface_height
from bids_deface.population import average_head
from bids_deface.tissue import dilate_mm, head_mask

ZOOMS = np.full(3, 1.5)
MARGIN_MM = 3.0
THRESHOLD = 25.0


def person(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return intensities, labels and affine of a head with the average brain and its own face."""
    image, dseg, affine = average_head()
    rng = np.random.default_rng(seed)
    knots = rng.normal(0, 5.0 / 1.5, size=(3, 6, 6, 6))
    far = ndimage.distance_transform_edt(dseg != BRAIN, sampling=ZOOMS)
    weight = np.clip((far - 4.0) / 12.0, 0, 1)
    places = np.indices(image.shape).astype(np.float32)
    for axis in range(3):
        factors = [n / 6 for n in image.shape]
        field = ndimage.zoom(knots[axis], factors, order=3, grid_mode=True, mode="nearest")
        places[axis] += field * weight
    moved = ndimage.map_coordinates(image.astype(np.float32), places, order=1)
    labels = ndimage.map_coordinates(dseg, places, order=0)
    labels[(labels == BRAIN) != (dseg == BRAIN)] = 0
    labels[dseg == BRAIN] = BRAIN
    return (
        np.hypot(moved + rng.normal(0, 3, moved.shape), rng.normal(0, 3, moved.shape)),
        labels,
        affine,
    )


def scene_of(image: np.ndarray, labels: np.ndarray) -> Scene:
    head = head_mask(image.astype(np.float32), THRESHOLD, ZOOMS)
    air = ~dilate_mm(head, 5.0, ZOOMS)
    face = (labels > 0) & (labels < BRAIN)
    return Scene(
        image, face, labels.astype(np.uint8), (), head, air, ZOOMS, THRESHOLD, image[air][:2000]
    )


def defaced(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, FaceModel]:
    """Return original, result, mask and model."""
    image, labels, affine = person(seed)
    model = lay_face(labels == BRAIN, affine, MARGIN_MM)
    box = tuple(slice(0, n) for n in image.shape)
    new = model.within(box, affine)
    change = replace_face(new, scene_of(image, labels), np.random.default_rng(seed))
    return image, change.painted(image), change.mask, model


@pytest.fixture(scope="module")
def people():
    return [defaced(seed) for seed in range(4)]


def depth_maps(image: np.ndarray) -> np.ndarray:
    """Return how far the face reaches forward, mm, between brow and chin (a, b)."""
    soft = ndimage.gaussian_filter(image, 0.5)
    height = surface_height(np.moveaxis(soft > THRESHOLD, 1, -1)) * 1.5
    return height[30:94, 40:108]


def test_all_people_get_the_same_face(people):
    before = np.array([depth_maps(image) for image, *_ in people])
    after = np.array([depth_maps(out) for _, out, *_ in people])
    assert before.std(axis=0).mean() > 2.0, "the people differ"
    assert np.median(after.std(axis=0)) < 0.3
    assert after.std(axis=0).mean() < 0.15 * before.std(axis=0).mean()
    assert np.abs(after - before).mean() > 4.0, "the old face is gone"


def test_the_new_face_does_not_go_with_the_old_one(people):
    """What is particular to a face before is not found in it afterwards."""
    before, after = (np.array([depth_maps(p[which]).ravel() for p in people]) for which in (0, 1))
    before, after = before - before.mean(axis=0), after - after.mean(axis=0)
    table = np.corrcoef(before, after)[: len(people), len(people) :]
    own, others = np.diag(table), table[~np.eye(len(people), dtype=bool)]
    assert np.corrcoef(before)[~np.eye(len(people), dtype=bool)].mean() < 0.0
    assert own.mean() - others.mean() < 0.3


def test_the_mask_tells_nothing_of_the_face(people):
    """It is published: it may depend on the brain and on nothing else."""
    masks = [mask for _, _, mask, _ in people]
    assert 0.05 < masks[0].mean() < 0.5
    for mask in masks[1:]:
        np.testing.assert_array_equal(mask, masks[0])


def test_every_feature_lies_in_the_mask():
    _, labels, _ = person(0)
    mask = defaced(0)[2]
    for index, least in ((1, 0.4), (2, 0.4), (3, 0.99), (4, 0.99), (5, 0.99), (6, 0.99)):
        assert mask[labels == index].mean() > least, index


def test_the_new_skin_has_one_intensity_and_the_rest_is_air(people):
    image, out, mask, model = people[0]
    new = model.within(tuple(slice(0, n) for n in image.shape), average_head()[2])
    # Below, the average head ends, and with it its neck.
    above = np.arange(image.shape[2]) > 45
    in_face = mask & (new.filled - new.cut < 0.1) & above
    skin = out[in_face & (new.cut < -3) & (new.cut > -10)]
    assert skin.std() < 0.02 * skin.mean()
    air = out[in_face & (new.cut > 3)]
    assert np.percentile(air, 99) < THRESHOLD


def test_the_new_surface_does_not_run_in_steps():
    """Steps from voxel to voxel are a pattern of this scan, by which it is matched."""
    zooms = np.full(3, 2.0)
    x, y, z = np.indices((24, 30, 24)) * 2.0
    plane = 30.0 + 0.21 * x[:, 0] - 0.13 * z[:, 0]
    away = ((y - plane[:, None]) * 0.97).astype(np.float32)
    image = np.where(away < 2, 100.0, 0.0)
    everywhere = np.ones(image.shape, bool)
    scene = Scene(
        image, everywhere, np.zeros(image.shape, np.uint8), (), away < 2, away > 6, zooms, 50.0,
        np.zeros(50),
    )  # fmt: skip
    new = NewFace(away, away, everywhere, DEPTHS_MM[0])
    out = np.moveaxis(replace_face(new, scene, np.random.default_rng(0)).painted(image), 1, -1)
    off = crossing_height(out, out > 50, 50.0) - plane / 2
    assert (off - off.mean()).std() < 0.02


def test_under_the_chin_nothing_stays_but_a_column():
    """Throat, shoulders and collars tell heads apart, and lie in every picture of a face."""
    image, labels, affine = person(0)
    xyz = np.moveaxis(np.indices(image.shape), 0, -1) @ affine[:3, :3].T + affine[:3, 3]
    xyz -= np.argwhere(labels == BRAIN).mean(axis=0) @ affine[:3, :3].T + affine[:3, 3]
    low = xyz[..., 2] < FLOOR_MM - 8
    assert low.any()
    away = np.hypot(xyz[..., 0] - SPINE_MM[0], xyz[..., 1] - SPINE_MM[1])
    image[low & (away < 90)] = 100.0
    new = lay_face(labels == BRAIN, affine, MARGIN_MM).within(
        tuple(slice(0, n) for n in image.shape), affine
    )
    out = replace_face(new, scene_of(image, labels), np.random.default_rng(0)).painted(image)
    assert (out[low & (away > COLUMN_MM + 6)] > THRESHOLD).mean() < 0.01
    assert (out[low & (away < COLUMN_MM - 6)] > THRESHOLD).mean() > 0.99
    kept = low & (away < COLUMN_MM - 30)
    np.testing.assert_array_equal(out[kept], image[kept])


def test_a_brain_lifts_the_skin_without_a_crease():
    a, b = np.linspace(-40, 40, 401, dtype=np.float32), np.zeros(401, np.float32)
    out = _rounded_minimum(a, b)
    far = np.abs(a) >= ROUNDED_MM
    np.testing.assert_allclose(out[far], np.minimum(a, b)[far], atol=1e-5)
    assert (out <= np.minimum(a, b) + 1e-5).all()
    assert np.abs(np.diff(out, 2)).max() < 0.005, "no kink"


def test_all_grown_ups_get_a_face_of_one_size():
    """Faces grow with brains: a size of its own would tell a person with a large head."""
    sizes = {BrainPose(np.eye(4), scale, 1.0, 1.0).size for scale in (0.93, 1.0, 1.1, 1.25)}
    assert sizes == {1.0}


def test_what_was_cut_out_before_stays_so():
    image, labels, affine = person(1)
    front = int(np.argwhere(labels == 1)[:, 1].min()) - 20
    top = int(np.argwhere(labels == 1)[:, 2].max())
    image[:, front:, :top] = 0
    new = lay_face(labels == BRAIN, affine, MARGIN_MM).within(
        tuple(slice(0, n) for n in image.shape), affine
    )
    change = replace_face(new, scene_of(image, labels), np.random.default_rng(0))
    out = change.painted(image)
    built = (out > THRESHOLD) & (image <= THRESHOLD)
    assert not built[:, front + 27 :, : top - 27].any(), "no mask hangs in the air"


@pytest.mark.parametrize("cut", [False, True])
def test_a_brain_tells_how_the_head_lies(cut):
    _, dseg, affine = average_head()
    brain = dseg == BRAIN
    turn = Rotation.from_euler("xyz", (14, -6, 5), degrees=True)
    matrix = np.eye(4)
    matrix[:3, :3] = 1.08 * turn.as_matrix()
    there = matrix @ affine
    if cut:
        brain = brain[:, :, : int(np.percentile(np.argwhere(brain)[:, 2], 75))]
    pose = brain_pose(brain, there)
    off = Rotation.from_matrix(pose.matrix[:3, :3] / pose.scale) * turn.inv()
    assert off.magnitude() < np.deg2rad(2.0)
    assert pose.scale == pytest.approx(1.08, abs=0.03)
    centre = matrix @ np.append(np.argwhere(dseg == BRAIN).mean(axis=0) * 1.5 + affine[:3, 3], 1)
    np.testing.assert_allclose(pose.matrix[:3, 3], centre[:3], atol=3.0)
    assert pose.doubts == ()


def test_what_is_no_brain_is_doubted():
    blob = np.zeros((80, 80, 80), bool)
    blob[10:70, 30:50, 5:75] = True
    assert brain_pose(blob, np.diag([2.0, 2.0, 2.0, 1.0])).doubts
    pose = BrainPose(np.eye(4), scale=1.0, misfit_mm=9.0, seen=1.0)
    assert "unlike others" in pose.doubts[0]


def test_what_hangs_on_a_brain_by_a_thread_is_not_taken_for_it():
    """Noise in bright air is spared as if it were brain, and must not turn the head."""
    _, dseg, affine = average_head()
    brain = dseg == BRAIN
    specks = np.random.default_rng(0).random((31, 43, 43)) < 0.05
    noisy = brain | np.kron(specks, np.ones((4, 4, 4), bool))
    core, grid = core_of(noisy, affine)
    assert abs(core.sum() * np.linalg.det(grid[:3, :3]) / 1000 - brain.sum() * 1.5**3 / 1000) < 100
    turned = Rotation.from_matrix(brain_pose(core, grid).matrix[:3, :3])
    assert turned.magnitude() < np.deg2rad(2.0)


@pytest.mark.parametrize("slices", [1, 2])
def test_a_brain_of_few_slices_has_a_core(slices):
    _, dseg, affine = average_head()
    brain = np.zeros(dseg.shape, bool)
    brain[..., 81 : 81 + slices] = dseg[..., 81 : 81 + slices] == BRAIN
    core, grid = core_of(brain, affine)
    assert core.any()
    assert np.isfinite(brain_pose(core, grid).matrix).all()


def test_a_slab_of_brain_does_not_tell_how_the_head_lies():
    _, dseg, affine = average_head()
    k = int(np.argwhere(dseg == BRAIN)[:, 2].mean())
    slab = dseg[:, :, k - 8 : k + 8] == BRAIN
    assert "too little" in brain_pose(slab, affine).doubts[0]


def test_a_deeper_face_is_replaced_deeper():
    image, labels, affine = person(0)
    model = lay_face(labels == BRAIN, affine, MARGIN_MM)
    head = head_mask(image.astype(np.float32), THRESHOLD, ZOOMS)
    box = tuple(slice(0, n) for n in image.shape)
    depths = []
    for thinner in (0, 22, 60):
        distance = ndimage.distance_transform_edt(head, sampling=ZOOMS)
        depths.append(model.depth(distance > thinner, box, affine, 0.0))
    assert depths[0][0] == DEPTHS_MM[0]
    assert depths[1][0] > DEPTHS_MM[0]
    assert depths[2][1] > 0.5, "too deep for all"


def test_a_removed_face_leaves_a_plane():
    image, labels, affine = person(2)
    model = lay_face(labels == BRAIN, affine, MARGIN_MM, removed=True)
    new = model.within(tuple(slice(0, n) for n in image.shape), affine)
    change = replace_face(new, scene_of(image, labels), np.random.default_rng(0))
    assert change.air.all()
    for index in (3, 6):
        assert change.mask[labels == index].all()
    assert not change.mask[dilate_mm(labels == BRAIN, MARGIN_MM, ZOOMS)].any()
    assert model.places_outside() == {1, 2, 3, 6}


def test_the_average_face_is_made_once():
    assert average_face() is average_face()
