from __future__ import annotations

import base64
import gzip

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from bids_deface.reports.surface import (
    HeadSurface,
    head_surface,
    load_surface,
    packed,
    save_surface,
)


def ball(zooms=(2.0, 2.0, 2.0), turn=None, radius=60.0):
    """A ball with a cavity, its middle at 5, -3, 8 mm."""
    matrix = np.diag([*zooms, 1.0])
    if turn is not None:
        matrix[:3, :3] = turn @ matrix[:3, :3]
    shape = tuple(int(180 / z) for z in zooms)
    matrix[:3, 3] = np.array([5, -3, 8]) - matrix[:3, :3] @ ((np.array(shape) - 1) / 2)
    ijk = np.moveaxis(np.indices(shape), 0, -1)
    away = np.linalg.norm(ijk @ matrix[:3, :3].T + matrix[:3, 3] - [5, -3, 8], axis=-1)
    image = np.clip(radius - away + 0.5, 0, 1)
    image[away < 20] = 0
    return (300 * image).astype(np.float32), matrix


def outwards(surface: HeadSurface) -> np.ndarray:
    """Return how well each triangle looks away from the middle of the ball."""
    a, b, c = (surface.points[surface.triangles[:, n]] for n in range(3))
    normal = np.cross(b - a, c - a)
    radius = (a + b + c) / 3 - [5, -3, 8]
    return (normal * radius).sum(axis=1)


@pytest.mark.parametrize("zooms", [(2.0, 2.0, 2.0), (1.0, 1.0, 5.0), (-2.0, 2.0, 2.0)])
@pytest.mark.parametrize("degrees", [0, 30])
def test_a_ball_has_its_outer_skin_only(zooms, degrees):
    turn = Rotation.from_euler("z", degrees, degrees=True).as_matrix()
    image, affine = ball(tuple(abs(z) for z in zooms), turn @ np.diag(np.sign(zooms)))
    surface = head_surface(image, affine, 150.0)
    radii = np.linalg.norm(surface.points - [5, -3, 8], axis=1)
    assert np.percentile(np.abs(radii - 60), 99) < 2.5, "in its place, and no cavity"
    assert (outwards(surface) > 0).mean() > 0.99
    assert len(surface.points) < 30_000


def test_air_alone_has_no_surface():
    surface = head_surface(np.zeros((20, 20, 20), np.float32), np.diag([3.0, 3, 3, 1]), 1.0)
    assert len(surface.points) == 0
    assert packed(surface) == ""


def test_a_file_keeps_a_surface_and_tells_no_time(tmp_path):
    surface = head_surface(*ball(), 150.0)
    for name in ("a.surf.gii", "b.surf.gii"):
        save_surface(surface, tmp_path / name)
    assert (tmp_path / "a.surf.gii").read_bytes() == (tmp_path / "b.surf.gii").read_bytes()
    again = load_surface(tmp_path / "a.surf.gii")
    np.testing.assert_array_equal(again.points, surface.points)
    np.testing.assert_array_equal(again.triangles, surface.triangles)


def test_a_page_gets_numbers_it_can_read():
    surface = head_surface(*ball(), 150.0)
    content = gzip.decompress(base64.b64decode(packed(surface)))
    n_points, n_triangles = np.frombuffer(content, "<u4", 2)
    step = np.frombuffer(content, "<f4", 1, 8)[0]
    points = np.frombuffer(content, "<i2", 3 * n_points, 12).reshape(-1, 3) * step
    corners = np.frombuffer(content, "<u2", 3 * n_triangles, 12 + 6 * n_points).reshape(-1, 3)
    assert len(content) == 12 + 6 * n_points + 6 * n_triangles
    middle = (surface.points.min(axis=0) + surface.points.max(axis=0)) / 2
    np.testing.assert_allclose(points, surface.points - middle, atol=0.01)
    np.testing.assert_array_equal(corners, surface.triangles)
    many = HeadSurface(np.zeros((70_000, 3), np.float32), np.zeros((1, 3), np.int32))
    assert packed(many) == "", "more points than corners can name"


def test_a_speck_has_no_surface_and_breaks_nothing():
    image = np.zeros((40, 40, 40), np.float32)
    image[20, 20, 20] = 300
    surface = head_surface(image, np.diag([3.0, 3.0, 3.0, 1.0]), 100.0)
    assert len(surface.points) == len(surface.triangles) == 0
