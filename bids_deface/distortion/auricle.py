"""Take an auricle away."""

from __future__ import annotations

import numpy as np

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
    slope_inwards,
    widen,
)

#: Widening of the auricle's footprint, over which the cut slopes down, mm; at least one voxel.
RIM_MM = 4.0
#: Greatest depth of the cut under the skin's height around it, mm.
DEEPEST_MM = 4.0


def remove_auricle(scene: Scene, axis: int, sign: int, rng: np.random.Generator) -> Change:
    """Take a protruding feature away and close the skin under it.

    The region is cut from its inner face outwards, along the direction in which it sticks out:
    no tip is left where the detection ended early. All of it, and the air around it, becomes air
    noise of the scan. Under the cut a shell of skin of one local intensity closes the ear canal;
    its outline is an ellipse, not the auricle's, and its floor one depth below the skin around.

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
    # Below the region's inner face, but as deep everywhere: a floor that follows the face of an
    # auricle looks like one.
    deepest = DEEPEST_MM / float(scene.zooms[axis])
    depth = np.clip((bare - inner_face(region))[footprint_of(region)], 0, deepest).max(initial=0)
    inwards = slope_inwards(footprint, rim, flat)
    new = bare - depth * inwards**2 * (3 - 2 * inwards)
    heights = Heights(
        footprint=footprint,
        old=old,
        new=new,
        shown=new,
        outermost=np.where(footprint, tip_of(region), -1.0),
        innermost=np.full(old.shape, np.inf),
        ground=ground_under(columns, scene.head & ~scene.region, new),
    )
    return resurface(scene, columns, heights, rng)
