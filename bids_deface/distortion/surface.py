"""A new, featureless surface: skin of one intensity under it, air of the scan above it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bids_deface.distortion.loose import loose_pieces
from bids_deface.distortion.noise import fill_with_air
from bids_deface.distortion.scene import Change, Scene, as_stored
from bids_deface.errors import ImageError
from bids_deface.heights import (
    RIM_SMOOTHING_MM,
    Columns,
    footprint_of,
    membrane,
    skin_intensity,
    surface_height,
    widen,
)

#: Thickness of the uniform layer that replaces the skin, mm, by outward axis: the temporal lobe
#: lies a centimetre under the auricle.
SHELL_MM = (3.0, 5.0)
#: Air above the old and the new surface that is renewed (partial volume), mm.
ABOVE_MM = 3.0
#: Depth under the surface at which the skin's intensity is read, mm.
SKIN_MM = 3.0
#: New skin needs tissue within this depth under it, mm, by outward axis: behind an auricle is
#: air, behind the nose are its own cavities.
SUPPORT_MM = (10.0, 60.0)
#: Width of the skin's edge, mm; at least one voxel.
RAMP_MM = 2.0


@dataclass(frozen=True)
class Heights:
    """Height maps (a, b) of one change, voxels outwards.

    Attributes
    ----------
    footprint
        bool, columns to change.
    old
        The surface as it is; -1 where a column holds no head.
    new
        The surface to be; what changes follows from it.
    shown
        The surface that is drawn there.
    outermost
        Air is renewed up to here at least: the tip of what protrudes.
    innermost
        What lies above this changes at least: the inner face of what must go as a whole; inf
        where nothing must.
    ground
        The outermost tissue under the new surface that stays and may carry new skin; -1 where
        there is none.
    """

    footprint: NDArray[np.bool_]
    old: NDArray[np.float64]
    new: NDArray[np.float64]
    shown: NDArray[np.float64]
    outermost: NDArray[np.float64]
    innermost: NDArray[np.float64]
    ground: NDArray[np.float64]


def skin_around(
    scene: Scene,
    columns: Columns,
    footprint: NDArray[np.bool_],
    smoothing_mm: float = RIM_SMOOTHING_MM,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the surface as it is, and as the skin around all features would have it.

    Parameters
    ----------
    scene, columns
        As in :func:`resurface`.
    footprint
        bool (a, b), columns whose own height has no say.
    smoothing_mm
        Of the heights that are carried across.

    Raises
    ------
    ImageError
        There is no such skin.
    """
    flat = np.delete(scene.zooms, columns.axis)
    old = surface_height(columns.view(scene.head))
    hidden = widen(footprint_of(columns.view(scene.features)), 1.0, flat)
    known = (old >= 0) & ~footprint & ~hidden
    if not known.any():
        raise ImageError(
            "no skin is seen around a feature that was to be hidden.",
            "The field of view is too narrow; leave the image out of what you share.",
        )
    return old, membrane(old, known, flat, smoothing_mm)


def tip_of(region: NDArray[np.bool_]) -> float:
    """Return the outermost height of a region (a, b, height); -1 where there is none."""
    return float(surface_height(region).max())


def inner_face(region: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the height just under a region (a, b, height) in each column; inf beside it."""
    return np.where(footprint_of(region), region.argmax(axis=-1) - 1.0, np.inf)


def ground_under(
    columns: Columns, solid: NDArray[np.bool_], new: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the outermost tissue at or under a surface in each column; -1 where there is none.

    Parameters
    ----------
    columns
        Views with the outward direction as the last axis.
    solid
        bool (i, j, k), what may carry new skin: none is built in the air.
    new
        The surface (a, b).
    """
    level = np.arange(solid.shape[columns.axis])
    return surface_height(columns.view(solid) & (level <= new[..., None]))


def resurface(
    scene: Scene,
    columns: Columns,
    heights: Heights,
    rng: np.random.Generator,
) -> Change:
    """Put skin under and air above a new height map; what then hangs in the air goes, too.

    Parameters
    ----------
    scene
        Surroundings of the feature.
    columns
        Views with the outward direction as the last axis.
    heights
        Where the surface is and where it is to be.
    rng
        Random generator of the air.
    """
    zoom = float(scene.zooms[columns.axis])
    old, new, footprint = heights.old, heights.new, heights.footprint
    level = np.arange(scene.data.shape[columns.axis])
    place = footprint & ((old >= 0) | (new >= 0))
    reached = np.maximum(np.where(old >= 0, old, new), heights.outermost)
    above, shell = (mm + scene.slack_mm for mm in (ABOVE_MM, SHELL_MM[columns.axis]))
    top = (np.maximum(reached, new) + above / zoom)[..., None]
    under = np.where(old >= 0, np.minimum(old, new), new) - shell / zoom
    lowest = np.minimum(under, heights.innermost)
    changed = place[..., None] & (level >= lowest[..., None]) & (level <= top)
    skin = skin_intensity(columns.view(scene.data), old, ~footprint, SKIN_MM / zoom)
    # A ramp as wide as real skin's blurred edge, which crosses the threshold where real skin
    # does, half a voxel above the height: a step would be seen beside it.
    ramp = max(1.0, RAMP_MM / zoom)
    crossing = share_of_skin(scene, skin)
    ground = heights.ground
    stands = (ground >= 0) & (ground >= new - SUPPORT_MM[columns.axis] / zoom)
    cut = columns.back(changed)
    # What a cut leaves hanging in the air goes with it, and no skin is built there.
    loose = loose_pieces(scene.head, cut, scene.zooms, ABOVE_MM)
    mask = cut | loose
    height, carried = (columns.spread(m, mask.shape)[mask] for m in (heights.shown, stands))
    cover = np.clip((height + 0.5 - columns.levels(mask.shape)[mask]) / ramp + crossing, 0, 1)
    cover[~carried | ~cut[mask]] = 0
    return put_skin(scene, mask, cover, skin, rng)


def put_skin(
    scene: Scene,
    changed: NDArray[np.bool_],
    cover: NDArray[np.floating],
    skin: float,
    rng: np.random.Generator,
) -> Change:
    """Fill voxels with air, and skin as far as it covers them.

    Parameters
    ----------
    scene
        Where.
    changed
        bool (i, j, k), voxels to fill.
    cover
        Share of skin in each of them (1D).
    skin
        Stored value of the skin.
    rng
        Random generator for the air.
    """
    to_fill = changed.copy()
    to_fill[changed] = cover < 1
    under = np.full(cover.shape, skin)
    air = fill_with_air(scene.data, to_fill, scene.air, scene.far_air, rng)
    under[cover < 1] = air
    values = as_stored(cover * skin + (1 - cover) * under, scene.data.dtype)
    # Bit by bit the scan's own noise where there is no skin.
    values[cover == 0] = air[cover[cover < 1] == 0]
    return Change(changed, values, cover == 0)


def share_of_skin(scene: Scene, skin: float) -> float:
    """Return at which share of skin in a voxel its value is that of the threshold.

    Parameters
    ----------
    scene
        Its threshold and its air.
    skin
        Stored value of the skin.
    """
    air = float(np.median(scene.far_air)) if scene.far_air.size else 0.0
    share = (scene.threshold - air) / (skin - air) if skin != air else 0.5
    return float(np.clip(share, 0.1, 0.9)) if np.isfinite(share) else 0.5
