"""Give a feature's place a new, featureless surface."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from bids_deface.distortion.heights import (
    Columns,
    enclosing_ellipse,
    footprint_of,
    membrane,
    skin_intensity,
    surface_height,
    widen,
)
from bids_deface.distortion.noise import fill_with_air
from bids_deface.distortion.scene import Change, Scene, as_stored
from bids_deface.tissue import bounding_box, dilate_mm

#: Thickness of the uniform layer that replaces the skin, mm, by outward axis: the temporal lobe
#: lies a centimetre under the auricle.
SHELL_MM = (3.0, 5.0)
#: Air above the old and the new surface that is renewed (partial volume), mm.
ABOVE_MM = 3.0
#: Depth under the surface at which the skin's intensity is read, mm.
SKIN_MM = 3.0
#: Widening of the feature's footprint, mm; at least one voxel.
RIM_MM = 3.0
#: Pieces left standing alone after a cut go when they lie this near to it, mm.
REMNANT_MM = 15.0
#: Greatest depth of a cut under the skin's height around it, mm, by outward axis.
DEEPEST_MM = (4.0, 7.0)
#: Width over which the floor of the nose meets the skin around it, mm.
TAPER_MM = 7.0
#: New skin needs tissue within this depth under it, mm, by outward axis: behind an auricle is
#: air, behind the nose are its own cavities.
SUPPORT_MM = (10.0, 60.0)
#: Radius over which the floor of a cut is lowered and smoothed, mm.
FLOOR_MM = 4.0
#: Width of the skin's edge, mm; at least one voxel.
RAMP_MM = 2.0


def flatten_surface(scene: Scene, axis: int, sign: int, rng: np.random.Generator) -> Change:
    """Replace the surface over the region by a smooth membrane of one skin intensity.

    The height of the skin around the feature is carried across it, which keeps no relief of the
    feature itself: lids, sockets and lips are gone. Under the membrane a shell of skin gets one
    local intensity; above it is air noise of the scan.

    Parameters
    ----------
    scene
        Surroundings of the feature.
    axis, sign
        Direction out of the head; (1, 1) is forward.
    rng
        Random generator for the air.
    """
    columns = Columns(axis, sign)
    flat = np.delete(scene.zooms, axis)
    footprint = widen(footprint_of(columns.view(scene.region)), _rim(flat), flat)
    old, new = _heights(scene, columns, footprint, flat)
    return _resurface(scene, columns, footprint, old, new, scene.head, rng)


def remove_outward(scene: Scene, axis: int, sign: int, rng: np.random.Generator) -> Change:
    """Take a protruding feature away and close the skin under it.

    The region is cut from its inner face outwards, along the direction in which it sticks out:
    no tip is left where the detection ended early. All of it, and the air around it, becomes air
    noise of the scan. Under the cut a shell of skin of one local intensity closes nostrils and
    ear canal; its outline is an ellipse for the ears, not the auricle's.

    Parameters
    ----------
    scene
        Surroundings of the feature.
    axis, sign
        Direction out of the head: (1, 1) forward for the nose, (0, -1) left, (0, 1) right.
    rng
        Random generator for the air.
    """
    columns = Columns(axis, sign)
    flat = np.delete(scene.zooms, axis)
    region = columns.view(scene.region)
    own = footprint_of(region)
    footprint = widen(enclosing_ellipse(own, flat) if axis == 0 else own, _rim(flat), flat)
    old, bare = _heights(scene, columns, footprint, flat)
    inner = np.where(own, region.argmax(axis=-1) - 1.0, np.inf)
    # The cut's floor: smooth, and below the region's inner face, but no crater.
    deepest = bare - DEEPEST_MM[axis] / float(scene.zooms[axis])
    floor = np.maximum(np.minimum(bare, inner), deepest)
    floor = ndimage.minimum_filter(floor, footprint=_disc(FLOOR_MM, flat))
    new = ndimage.gaussian_filter(floor, 0.5 * FLOOR_MM / flat)
    if axis == 1:
        # No step between the nose's place and the skin around it.
        depth = ndimage.distance_transform_edt(footprint, sampling=flat)
        new = bare + np.clip(depth / TAPER_MM, 0, 1) * (new - bare)
    outermost = region.shape[-1] - 1 - region[..., ::-1].argmax(axis=-1)
    tip = np.where(footprint, np.where(own, outermost, 0).max(), 0)
    change = _resurface(
        scene, columns, footprint, np.maximum(old, tip), new, scene.head & ~scene.region, rng
    )
    loose = loose_pieces(scene.head, change.mask, scene.zooms)
    values = change.values.copy()
    air = fill_with_air(scene.data, loose, scene.air & ~loose, scene.far_air, rng)
    values[loose] = air[loose]
    outside = loose if change.air is None else change.air | loose
    return Change(change.mask | loose, values, outside)


def _share_of_skin(scene: Scene, skin: float) -> float:
    """Return at which share of skin in a voxel its value is that of the threshold."""
    air = float(np.median(scene.far_air)) if scene.far_air.size else 0.0
    share = (scene.threshold - air) / (skin - air) if skin != air else 0.5
    return float(np.clip(share, 0.1, 0.9)) if np.isfinite(share) else 0.5


def _disc(radius_mm: float, flat: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return a disc (a, b) of the given radius, at least 3 x 3 pixels."""
    reach = np.maximum(1, np.rint(radius_mm / flat)).astype(int)
    a, b = np.ogrid[-reach[0] : reach[0] + 1, -reach[1] : reach[1] + 1]
    return np.asarray((a / reach[0]) ** 2 + (b / reach[1]) ** 2 <= 1.01)


def _rim(flat: NDArray[np.float64]) -> float:
    """Return by how many mm a footprint is widened on pixels of this size."""
    return max(RIM_MM, float(flat.max()))


def loose_pieces(
    head: NDArray[np.bool_], cut: NDArray[np.bool_], zooms: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Return what hangs in the air near a cut, with its blurred edge.

    Parameters
    ----------
    head
        bool (i, j, k), head before the cut.
    cut
        bool (i, j, k), voxels of the cut.
    zooms
        Voxel size in mm.
    """
    rest = head & ~cut
    labels, n = ndimage.label(rest)
    if n < 2:
        return np.zeros_like(cut)
    # By slabs: counting takes 8 bytes a voxel.
    slabs = (labels[i : i + 16].ravel() for i in range(0, len(labels), 16))
    sizes = np.sum([np.bincount(slab, minlength=n + 1) for slab in slabs], axis=0)
    sizes[0] = 0
    loose = rest & (labels != sizes.argmax())
    loose &= dilate_mm(cut, REMNANT_MM, zooms, where=loose)
    return np.asarray((dilate_mm(loose, ABOVE_MM, zooms) & ~rest & ~cut) | loose)


def _heights(
    scene: Scene,
    columns: Columns,
    footprint: NDArray[np.bool_],
    flat: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the surface as it is and as the skin around the features would have it."""
    old = surface_height(columns.view(scene.head))
    hidden = widen(footprint_of(columns.view(scene.features)), 1.0, flat)
    known = (old >= 0) & ~footprint & ~hidden
    return old, membrane(old, known, flat)


def _resurface(
    scene: Scene,
    columns: Columns,
    footprint: NDArray[np.bool_],
    old: NDArray[np.float64],
    new: NDArray[np.float64],
    solid: NDArray[np.bool_],
    rng: np.random.Generator,
) -> Change:
    """Put skin under and air above a new height map.

    Parameters
    ----------
    scene, columns, rng
        As in the callers.
    footprint
        bool (a, b), columns to change.
    old, new
        Surface heights (a, b), voxels; -1 in ``old`` where a column holds no head.
    solid
        bool (i, j, k), what may carry new skin: none is built in the air.
    """
    zoom = float(scene.zooms[columns.axis])
    level = np.arange(scene.data.shape[columns.axis])
    place = footprint & ((old >= 0) | (new >= 0))
    reached = np.where(old >= 0, old, new)
    above, shell = (mm + scene.slack_mm for mm in (ABOVE_MM, SHELL_MM[columns.axis]))
    top = (np.maximum(reached, new) + above / zoom)[..., None]
    bottom = (np.minimum(reached, new) - shell / zoom)[..., None]
    changed = place[..., None] & (level >= bottom) & (level <= top)
    skin = skin_intensity(columns.view(scene.data), old, ~footprint, SKIN_MM / zoom)
    # A ramp as wide as real skin's blurred edge, which crosses the threshold where real skin
    # does, half a voxel above the height: a step would be seen beside it.
    ramp = max(1.0, RAMP_MM / zoom)
    crossing = _share_of_skin(scene, skin)
    box = bounding_box(changed)
    height = new[box[:2]][..., None]
    cover = np.clip(crossing + (height + 0.5 - level[box[2]]) / ramp, 0, 1) * changed[box]
    support = surface_height(columns.view(solid) & (level <= new[..., None]))
    stands = (support >= 0) & (support >= new - SUPPORT_MM[columns.axis] / zoom)
    cover *= stands[box[:2]][..., None]
    bare, airy = np.zeros_like(changed), np.zeros_like(changed)
    bare[box], airy[box] = changed[box] & (cover == 0), changed[box] & (cover < 1)
    values = fill_with_air(scene.data, columns.back(airy), scene.air, scene.far_air, rng)
    inner = columns.view(values)[box]
    blend = cover > 0
    part = cover[blend]
    # Where all is skin, what was there before has no say: it may be no number.
    under = np.where(part < 1, inner[blend].astype(np.float64), skin)
    inner[blend] = as_stored(part * skin + (1 - part) * under, values.dtype)
    return Change(columns.back(changed), values, columns.back(bare))
