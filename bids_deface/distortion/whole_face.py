"""Replace the whole facial surface by one that is nobody's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from bids_deface.distortion.scene import Change, Scene
from bids_deface.distortion.surface import RAMP_MM, SKIN_MM, put_skin, share_of_skin
from bids_deface.heights import (
    Columns,
    footprint_of,
    skin_intensity,
    surface_height,
)

#: Where the new skin runs out into the old one, the depth shrinks by this share of the gap between
#: its sides, down to a shell, mm: skin that stays where it is keeps its own edge.
SHRINKING, SHELL_MM = 1.5, 3.0
#: No new skin is built farther than this from any tissue, mm: a face that was cut out stays so.
SUPPORT_MM = 20.0
#: Width of the new skin's edge, at least: in a narrower one the surface runs in steps from voxel
#: to voxel, whose pattern is that of this scan.
EDGE_VOXELS = 2.0
#: Share of tissue in a box of this half-width from which new skin is held.
LEAST_SUPPORT = 0.02


@dataclass(frozen=True)
class NewFace:
    """Where the new skin lies in a box of a scan; all arrays have the box's shape.

    Attributes
    ----------
    cut
        float32 (i, j, k), distance in mm from the surface that nothing sticks out of; below 0
        inside.
    filled
        float32, distance from the surface up to which hollows are filled.
    near
        bool, voxels of the face and what surrounds it.
    depth_mm
        Depth under ``cut`` to which tissue is replaced.
    """

    cut: NDArray[np.float32]
    filled: NDArray[np.float32]
    near: NDArray[np.bool_]
    depth_mm: float

    @property
    def mask(self) -> NDArray[np.bool_]:
        """Voxels to change, bool (i, j, k): the old face has no say in it."""
        shell = min(SHELL_MM, self.depth_mm)
        deep = np.maximum(shell, self.depth_mm - SHRINKING * (self.filled - self.cut))
        return np.asarray(self.near & (self.cut > -deep))


def replace_face(new: NewFace, scene: Scene, rng: np.random.Generator) -> Change:
    """Put skin under and air above a new face.

    Parameters
    ----------
    new
        Where the new skin lies.
    scene
        The box for which the new face was made.
    rng
        Random generator for the air.
    """
    mask = new.mask
    columns, zoom = Columns(1, 1), float(scene.zooms[1])
    old = surface_height(columns.view(scene.head))
    around = footprint_of(columns.view(mask))
    skin = skin_intensity(columns.view(scene.data), old, around, SKIN_MM / zoom)
    cover = np.zeros(mask.shape, dtype=np.float32)
    if new.depth_mm:
        _cover(cover, scene, new, share_of_skin(scene, skin))
    return put_skin(scene, mask, cover[mask], skin, rng)


def _cover(cover: NDArray[np.float32], scene: Scene, new: NewFace, crossing: float) -> None:
    """Compute the share of skin in each voxel, ``crossing`` at the surface."""
    ramp = max(RAMP_MM, EDGE_VOXELS * float(scene.zooms.min()))
    soft = scene.head.astype(np.float32)
    reach = np.maximum(1, np.rint(2 * SUPPORT_MM / scene.zooms)).astype(int)
    supported = ndimage.uniform_filter(soft, tuple(reach), mode="nearest") > LEAST_SUPPORT
    soft = ndimage.gaussian_filter(soft, 0.5 * ramp / scene.zooms) + np.float32(crossing - 0.5)
    np.clip(soft, 0, 1, out=soft)
    np.clip(crossing - new.filled / ramp, 0, 1, out=cover)
    cover *= supported
    np.maximum(cover, np.minimum(np.clip(crossing - new.cut / ramp, 0, 1), soft), out=cover)
