from __future__ import annotations

import numpy as np
import pytest

from bids_deface.heights import (
    Columns,
    enclosing_ellipse,
    membrane,
    skin_intensity,
    surface_height,
    widen,
)

FLAT = np.array([1.0, 1.0])


@pytest.mark.parametrize(("axis", "sign"), [(0, 1), (0, -1), (1, 1), (1, -1)])
def test_columns_there_and_back(axis, sign):
    data = np.arange(60).reshape(3, 4, 5)
    columns = Columns(axis, sign)
    view = columns.view(data)
    assert view.shape[-1] == data.shape[axis]
    np.testing.assert_array_equal(columns.back(view), data)
    outer = np.take(data, -1 if sign > 0 else 0, axis=axis)
    np.testing.assert_array_equal(view[..., -1], outer)


def test_membrane_carries_a_plane_across_a_hole():
    a, b = np.indices((40, 50))
    plane = 10 + 0.3 * a - 0.2 * b
    known = np.ones(plane.shape, bool)
    known[12:30, 15:40] = False
    bumpy = np.where(known, plane, 99.0)
    out = membrane(bumpy, known, FLAT)
    np.testing.assert_allclose(out[14:28, 17:38], plane[14:28, 17:38], atol=0.3)


def test_membrane_knows_nothing_of_what_it_covers():
    rng = np.random.default_rng(0)
    known = np.ones((30, 30), bool)
    known[8:22, 8:22] = False
    rim = rng.normal(20, 1, known.shape)
    inside_one, inside_two = rng.normal(0, 50, (2, *known.shape))
    one, two = (
        membrane(np.where(known, rim, inside), known, FLAT) for inside in (inside_one, inside_two)
    )
    np.testing.assert_allclose(one, two)


def test_surface_height_and_skin():
    head = np.zeros((4, 4, 20), bool)
    head[1:, :, :11] = True
    height = surface_height(head)
    assert (height[0] == -1).all()
    assert (height[1:] == 10).all()
    data = np.zeros(head.shape, np.int16)
    data[..., 7:10], data[..., :7] = 500, 100
    assert skin_intensity(data, height, height >= 0, 3.0) == 500


def test_ellipse_hides_the_outline_it_encloses():
    rng = np.random.default_rng(1)
    shape = rng.random((60, 60)) < 0.5
    shape[:20] = shape[40:] = False
    shape[:, :10] = shape[:, 45:] = False
    ellipse = enclosing_ellipse(shape, FLAT)
    assert (ellipse & shape).sum() == shape.sum()
    assert widen(ellipse, 2, FLAT).sum() > ellipse.sum()
