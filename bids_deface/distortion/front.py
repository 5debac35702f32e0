"""Eyes, nose and mouth under one smooth surface."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from bids_deface.anatomy import FacialFeature, labels_of
from bids_deface.distortion.relief import DOWN_MM, random_relief
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
    closed,
    footprint_of,
    slope_inwards,
    widen,
)
from bids_deface.tissue import labelled

#: Gaps between features up to twice as wide as this are hidden with them, mm: a strip of skin
#: between eye, nose and mouth would keep the face's layout.
BRIDGE_MM = 10.0
#: Widening of the features' footprint, mm; at least one voxel.
RIM_MM = 5.0
#: Width over which the new surface meets the skin around it, mm.
TAPER_MM = 8.0
#: Smoothing of the rim from which the surface starts, and of the surface itself, mm: no brow
#: ridge and no fold of the cheek is carried into it.
RIM_SMOOTHING_MM = 4.0
SMOOTHING_MM = 6.0
#: Uniform skin left under the deepest place a bump may have, mm.
UNDER_MM = 3.0
#: Most relief of bumps over eyes and nose, and over the mouth, mm: half of what awaits review.
ROUGHEST_MM, ROUGHEST_MOUTH_MM = 0.6, 0.4
MOUTH = labels_of(FacialFeature.MOUTH)


def smooth_front(scene: Scene, axis: int, sign: int, rng: np.random.Generator) -> Change:
    """Replace the surface over all features of the front by one smooth membrane of skin.

    The height of the skin around the features is carried across them and smoothed, which keeps
    no relief of the features themselves: lids, sockets, nose and lips are gone. What a recogniser
    would still read off that surface is drowned by bumps drawn by chance. Under the new
    surface a shell of skin gets one local intensity; above it is air noise of the scan. The nose
    changes as a whole, down to its root.

    Parameters
    ----------
    scene
        Surroundings of the features.
    axis, sign
        Direction out of the head; (1, 1) is forward.
    rng
        Random generator for the air.
    """
    columns = Columns(axis, sign)
    flat = np.delete(scene.zooms, axis)
    own = footprint_of(columns.view(scene.region))
    core = widen(closed(own, BRIDGE_MM, flat), max(RIM_MM, float(flat.max())), flat)
    footprint = widen(core, TAPER_MM, flat)
    old, bare = skin_around(scene, columns, core, RIM_SMOOTHING_MM)
    bare = ndimage.gaussian_filter(bare, SMOOTHING_MM / flat, mode="nearest")
    weight = slope_inwards(footprint, TAPER_MM, flat)
    new = np.where(old >= 0, old + weight * (bare - old), bare)
    zoom = float(scene.zooms[axis])
    deepest = new - (DOWN_MM * weight + UNDER_MM + scene.slack_mm) / zoom
    mouth = footprint_of(columns.view(scene.region & labelled(scene.labels, MOUTH)))
    roughest = np.where(mouth, ROUGHEST_MOUTH_MM, np.where(own, ROUGHEST_MM, np.inf))
    relief = np.zeros_like(new)
    if scene.chance is not None:
        relief = random_relief(weight, roughest, flat, scene.chance)
    protruding = scene.protruding
    nose = columns.view(protruding)
    near = widen(footprint_of(nose), RIM_MM, flat)
    heights = Heights(
        footprint=footprint,
        old=old,
        new=new,
        # The mask is that of all images of one scan: it must not know what was drawn.
        shown=new + relief / zoom,
        outermost=np.where(near, tip_of(nose), -1.0),
        innermost=np.minimum(inner_face(nose), deepest),
        ground=ground_under(columns, scene.head & ~protruding, new),
    )
    # The box of a face is a third of a large scan: nothing of its size is kept for long.
    del nose, protruding
    return resurface(scene, columns, heights, rng)
