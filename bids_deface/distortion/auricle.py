"""Take an auricle away."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from bids_deface.distortion.scene import Change, Scene
from bids_deface.distortion.surface import (
    Heights,
    ground_under,
    inner_face,
    resurface,
    skin_around,
    tip_of,
)
from bids_deface.heights import (
    Columns,
    enclosing_ellipse,
    footprint_of,
    widen,
)

#: Widening of the auricle's footprint, mm; at least one voxel.
RIM_MM = 3.0
#: Greatest depth of the cut under the skin's height around it, mm.
DEEPEST_MM = 4.0
#: Radius over which the floor of the cut is lowered and smoothed, mm.
FLOOR_MM = 4.0


def remove_auricle(scene: Scene, axis: int, sign: int, rng: np.random.Generator) -> Change:
    """Take a protruding feature away and close the skin under it.

    The region is cut from its inner face outwards, along the direction in which it sticks out:
    no tip is left where the detection ended early. All of it, and the air around it, becomes air
    noise of the scan. Under the cut a shell of skin of one local intensity closes the ear canal;
    its outline is an ellipse, not the auricle's.

    Parameters
    ----------
    scene
        Surroundings of the auricle.
    axis, sign
        Direction out of the head: (0, -1) left, (0, 1) right.
    rng
        Random generator for the air.
    """
    columns = Columns(axis, sign)
    flat = np.delete(scene.zooms, axis)
    region = columns.view(scene.region)
    rim = max(RIM_MM, float(flat.max()))
    footprint = widen(enclosing_ellipse(footprint_of(region), flat), rim, flat)
    old, bare = skin_around(scene, columns, footprint)
    # The cut's floor: smooth, and below the region's inner face, but no crater.
    deepest = bare - DEEPEST_MM / float(scene.zooms[axis])
    floor = np.maximum(np.minimum(bare, inner_face(region)), deepest)
    floor = ndimage.minimum_filter(floor, footprint=_disc(FLOOR_MM, flat))
    new = ndimage.gaussian_filter(floor, 0.5 * FLOOR_MM / flat)
    heights = Heights(
        footprint=footprint,
        old=old,
        new=new,
        outermost=np.where(footprint, tip_of(region), -1.0),
        innermost=np.full(old.shape, np.inf),
        ground=ground_under(columns, scene.head & ~scene.region, new),
    )
    return resurface(scene, columns, heights, rng)


def _disc(radius_mm: float, flat: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return a disc (a, b) of the given radius, at least 3 x 3 pixels."""
    reach = np.maximum(1, np.rint(radius_mm / flat)).astype(int)
    a, b = np.ogrid[-reach[0] : reach[0] + 1, -reach[1] : reach[1] + 1]
    return np.asarray((a / reach[0]) ** 2 + (b / reach[1]) ** 2 <= 1.01)
