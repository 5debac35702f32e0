from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest

from bids_deface.detection.grid import (
    Grid,
    conform,
    conform_again,
    detector_grid,
    resample_labels,
)
from bids_deface.volume import zooms_of


def test_two_mm_ras_images_map_voxel_to_voxel():
    data = np.random.default_rng(0).random((12, 14, 10)).astype(np.float32)
    affine = np.diag([2.0, 2.0, 2.0, 1.0])
    affine[:3, 3] = [-11, 5, 7]
    conformed = conform(data, affine)
    np.testing.assert_allclose(conformed.grid.affine, affine)
    low, high = conformed.low, conformed.high
    np.testing.assert_allclose(
        conformed.image, np.clip((data - low) / (high - low), 0, 1), atol=1e-6
    )


@pytest.mark.parametrize("codes", ["LPS", "PSR", "AIR", "SLA"])
def test_orientation_does_not_matter(head, codes):
    image = nib.Nifti1Image(head.data, head.affine)
    start, end = nib.io_orientation(head.affine), nib.orientations.axcodes2ornt(codes)
    turned = image.as_reoriented(nib.orientations.ornt_transform(start, end))
    one = conform(head.data, head.affine)
    two = conform(np.asanyarray(turned.dataobj), turned.affine)
    np.testing.assert_allclose(one.grid.affine, two.grid.affine)
    np.testing.assert_allclose(one.image, two.image, atol=1e-5)


@pytest.mark.parametrize("zooms", [(0.5, 0.5, 6.0), (1, 1, 1), (3, 3, 3), (0.7, 0.7, 0.7)])
def test_fine_and_thick_voxels_keep_places(zooms):
    """A ball stays where it is in the world."""
    shape = tuple(int(120 / z) for z in zooms)
    affine = np.diag([*zooms, 1.0])
    affine[:3, 3] = [-60, -50, -40]
    world = np.moveaxis(np.indices(shape), 0, -1) * zooms + affine[:3, 3]
    centre = np.array([4.0, 6.0, 12.0])
    ball = (np.linalg.norm(world - centre, axis=-1) < 18).astype(np.int16)
    conformed = conform(ball, affine)
    np.testing.assert_allclose(zooms_of(conformed.grid.affine), 2)
    ijk = np.argwhere(conformed.image > 0.5).mean(axis=0)
    found = conformed.grid.affine[:3, :3] @ ijk + conformed.grid.affine[:3, 3]
    np.testing.assert_allclose(found, centre, atol=1.2)


def test_grid_covers_an_oblique_field_of_view():
    angle = np.deg2rad(25)
    affine = np.eye(4)
    affine[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    grid = detector_grid((100, 80, 60), affine)
    corner = affine[:3, :3] @ [99, 79, 59]
    index = np.linalg.inv(grid.affine) @ [*corner, 1]
    assert np.all(index[:3] > -1)
    assert np.all(index[:3] < grid.shape)


def test_labels_resample_to_labels(head):
    grid = Grid((40, 40, 40), np.diag([4.0, 4.0, 4.0, 1.0]) + head.affine * 0)
    grid.affine[:3, 3] = head.affine[:3, 3]
    out = resample_labels(head.dseg, head.affine, grid)
    assert set(np.unique(out)) <= set(range(8))


@pytest.mark.parametrize("zoom", [0.7, 1.0, 2.0])
@pytest.mark.parametrize("angle", [0.0, 0.1])
def test_what_changed_in_a_box_is_seen_there_and_nowhere_else(zoom, angle):
    rng = np.random.default_rng(1)
    shape = np.array([43, 58, 51])
    affine = np.diag([zoom, 1.1 * zoom, zoom, 1.0])
    affine[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    affine[:2, :2] *= zoom
    data = rng.integers(0, 1000, shape).astype(np.int16)
    before, box = conform(data, affine), (slice(5, 20), slice(40, 58), slice(0, 11))
    data[box] = rng.integers(0, 1000, data[box].shape)
    after, again = conform(data, affine), conform_again(before, data, affine, [box])
    # On the scale of the image before, as far as it reaches.
    wanted = after.image * (after.high - after.low) + after.low
    wanted = (wanted - before.low) / (before.high - before.low)
    inside = (after.image > 0) & (after.image < 1) & (again.image > 0) & (again.image < 1)
    np.testing.assert_allclose(again.image[inside], wanted[inside], atol=1e-5)
    assert (again.image != before.image).any()
    assert (again.image == before.image).mean() > 0.5


def test_constant_images_conform_to_zero():
    assert not conform(np.full((8, 8, 8), 5, np.int16), np.eye(4)).image.any()


def test_nan_and_inf_do_not_spread():
    data = np.random.default_rng(0).random((20, 20, 20)).astype(np.float32)
    data[3, 3, 3], data[5, 5, 5] = np.nan, np.inf
    assert np.isfinite(conform(data, np.eye(4)).image).all()
