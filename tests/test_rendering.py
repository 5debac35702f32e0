from __future__ import annotations

import numpy as np

from bids_deface.rendering import VIEWS, render_head
from bids_deface.tissue import tissue_threshold


def test_views_show_a_head(head):
    image = head.data.astype(np.float32)
    views = render_head(image, head.affine, tissue_threshold(image))
    assert set(views) == set(VIEWS)
    for picture in views.values():
        assert picture.dtype == np.uint8
        assert 0.2 < (picture > 20).mean() < 0.9
        assert picture[picture > 20].std() > 10, "shaded, not flat"


def test_profiles_look_the_right_way(head):
    """In the view from the left the nose points to the left edge of the picture."""
    image = head.data.astype(np.float32)
    views = render_head(image, head.affine, tissue_threshold(image))
    nose = np.argwhere(head.dseg == 3).mean(axis=0)
    row = int((image.shape[2] - nose[2]) * 1.5 / 1.25)
    for name, side in (("left", 0), ("right", -1)):
        hit = np.flatnonzero(views[name][row - 4 : row + 4].max(axis=0) > 20)
        centre = views[name].shape[1] / 2
        reach = [centre - hit[0], hit[-1] - centre]
        assert reach[side] == max(reach), name


def test_empty_image_renders_dark():
    views = render_head(np.zeros((20, 20, 20), np.float32), np.eye(4), 0.5)
    assert all((picture == 12).all() for picture in views.values())


def test_a_single_slice_makes_a_picture_all_the_same():
    image = np.zeros((40, 40, 1), np.float32)
    image[10:30, 10:30] = 1
    front = render_head(image, np.diag([2.0, 2.0, 2.0, 1.0]), 0.5)["front"]
    assert front.shape[0] == 1
    assert front.dtype == np.uint8
