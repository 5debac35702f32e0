"""A face that is nobody's: the smoothed outline of the average head, laid around a brain.

All of it follows from the brain alone: where a head's own face lies has no say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from nibabel.affines import apply_affine
from numpy.typing import NDArray
from scipy import ndimage

from bids_deface.anatomy import BRAIN
from bids_deface.population import average_head
from bids_deface.tissue import head_mask, tissue_threshold
from bids_deface.volume import zooms_of

#: Every so many voxels of the average head are kept: 4.5 mm, enough for a smooth surface.
STEP = 3
#: Voxels added on every side: the farthest that is cleared lies there.
PAD = 12
#: Smoothing of the surface and of the planes' edges, mm.
SMOOTHING_MM = 5.0
#: Slice (1.5 mm) below which the average head ends; its neck is drawn on from there.
LOWEST_SLICE = 28
#: The new skin lies this far inside the average one, so that most faces are cut, not filled, mm.
INSET_MM = 8.0
#: A ball of the first radius does not fit into what sticks out of a face (nose, ears), one of the
#: second not into its hollows (sockets), mm.
OPENING_MM, CLOSING_MM = 24.0, 30.0
Vector = tuple[float, float, float]
Planes = Sequence[tuple[Vector, Vector]]
#: Planes around the face: a point and the normal that leads out of it, from the brain's centre of
#: the average head (right, anterior, superior; mm): brow, behind the ears, jaw and neck.
PLANES_MM: Final[Planes] = (
    ((0.0, 95.0, 8.0), (0.0, -0.18, 1.0)),
    ((0.0, -38.0, -60.0), (0.0, -1.0, 0.0)),
    ((0.0, -38.0, -80.0), (0.0, -0.78, -0.62)),
    ((0.0, 0.0, -152.0), (0.0, 0.0, -1.0)),
)
#: Below this height from the brain's centre, under the chin, nothing stays but a column around the
#: spine: throat, shoulders, collars and where the field of view ends tell heads apart, mm.
FLOOR_MM = -118.0
#: Where the column stands (right, anterior), and its radius, mm.
SPINE_MM, COLUMN_MM = (0.0, -25.0), 45.0
#: Everything within this distance of the new skin is cleared: noses, beards, ghosts of them, mm.
CLEARED_MM = 45.0


@dataclass(frozen=True)
class AverageFace:
    """Distances on a grid of the average head.

    Attributes
    ----------
    skin
        float32 (i, j, k), signed distance from the new skin, mm; below 0 inside.
    beyond
        float32, distance from the part of the space in which the face lies, mm; 0 there.
    brain
        float32, signed distance from the average brain's surface, mm.
    affine
        Voxel-to-world matrix of the grid; the average brain's centre is at 0.
    """

    skin: NDArray[np.float32]
    beyond: NDArray[np.float32]
    brain: NDArray[np.float32]
    affine: NDArray[np.float64]

    @property
    def above_brow(self) -> NDArray[np.float32]:
        """float32 (i, j, k), distance above the brow, mm; 0 below."""
        return _beyond(self._places(), PLANES_MM[:1])

    def along(self, direction: tuple[float, float, float]) -> NDArray[np.float32]:
        """Return how far (i, j, k; mm) places lie in a direction from the brain's centre."""
        return np.asarray(self._places() @ np.array(direction), dtype=np.float32)

    def _places(self) -> NDArray[np.float64]:
        return places_of(self.skin.shape, self.affine)


@lru_cache(maxsize=1)
def average_face() -> AverageFace:
    """Return the average face, made once per process."""
    image, dseg, affine = average_head()
    intensities = image.astype(np.float32)
    zooms = zooms_of(affine)
    head = head_mask(intensities, tissue_threshold(intensities), zooms)
    head[:, :, :LOWEST_SLICE] = head[:, :, LOWEST_SLICE, None]
    coarse, sides = (slice(None, None, STEP),) * 3, [(PAD, PAD)] * 3
    head = np.pad(head[coarse], sides, mode="edge")
    brain = np.pad(dseg[coarse] == BRAIN, sides)
    grid, zooms = affine.copy(), zooms * STEP
    grid[:3, :3] *= STEP
    centre = np.argwhere(brain).mean(axis=0)
    # The brain's centre becomes the origin; the padding cancels out.
    grid[:3, 3] = -grid[:3, :3] @ centre
    opened = ~dilated(~head, OPENING_MM, zooms)
    closed = dilated(opened, OPENING_MM + CLOSING_MM, zooms)
    smooth = signed_distance(closed, zooms) + CLOSING_MM + INSET_MM
    places = places_of(head.shape, grid)
    above = (places[..., 2] - FLOOR_MM).astype(np.float32)
    beyond = np.minimum(_beyond(places, PLANES_MM), np.maximum(above, 0))
    smooth = _on_a_column(smooth, places, above)
    return AverageFace(
        skin=ndimage.gaussian_filter(smooth, SMOOTHING_MM / zooms),
        beyond=ndimage.gaussian_filter(beyond, SMOOTHING_MM / zooms),
        brain=signed_distance(brain, zooms),
        affine=grid,
    )


def _on_a_column(
    skin: NDArray[np.float32], places: NDArray[np.float64], above: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return distances (mm) from a head of which only a column is left below a height."""
    away = np.hypot(*(places[..., axis] - SPINE_MM[axis] for axis in range(2))) - COLUMN_MM
    gone = np.minimum(-above, away.astype(np.float32))
    # Shoulders reach farther out than anything of a face, and go as well.
    under = np.minimum(gone, np.float32(CLEARED_MM - 5))
    return np.where(above < 0, under, np.maximum(skin, gone))


def signed_distance(mask: NDArray[np.bool_], zooms: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the distance from a mask's surface in mm, below 0 inside (float32)."""
    outside = ndimage.distance_transform_edt(~mask, sampling=zooms)
    inside = ndimage.distance_transform_edt(mask, sampling=zooms)
    return np.asarray(outside - inside, dtype=np.float32)


def dilated(
    mask: NDArray[np.bool_], radius_mm: float, zooms: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Return a mask dilated by a distance in mm; as a whole, for the radius is no small one."""
    return np.asarray(ndimage.distance_transform_edt(~mask, sampling=zooms) <= radius_mm)


def places_of(shape: tuple[int, ...], affine: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the world coordinates (i, j, k, 3; mm) of all voxels of a grid."""
    return np.asarray(apply_affine(affine, np.moveaxis(np.indices(shape), 0, -1)))


def _beyond(xyz: NDArray[np.float64], planes: Planes) -> NDArray[np.float32]:
    """Return how far places (..., 3) lie outside of planes, mm."""
    out = np.zeros(xyz.shape[:-1])
    for point, normal in planes:
        unit = np.array(normal) / np.linalg.norm(normal)
        np.maximum(out, (xyz - point) @ unit, out=out)
    return out.astype(np.float32)
