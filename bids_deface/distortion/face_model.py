"""Where the new face lies: the average one laid around one brain."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from nibabel.affines import apply_affine
from numpy.typing import NDArray
from scipy import ndimage

from bids_deface.anatomy import REFERENCE_OFFSETS_MM
from bids_deface.distortion.average_face import (
    CLEARED_MM,
    FLOOR_MM,
    AverageFace,
    average_face,
    signed_distance,
)
from bids_deface.distortion.brain_pose import BrainPose, brain_pose, core_of
from bids_deface.distortion.whole_face import NewFace
from bids_deface.tissue import Box
from bids_deface.volume import zooms_of

#: Around the face the new skin departs from its place by this share of the way outwards, either
#: side of it, until it meets the old one; at the latest after so many mm.
SLOPE, TAPER_MM = 0.35, 40.0
#: Depths to which what lies under the new skin is replaced, mm: the first that reaches everywhere
#: under the old skin. Few of them, for the choice is seen.
DEPTHS_MM = (12.0, 18.0, 24.0)
#: Share of the face where the old skin may lie deeper.
GREATEST_DEEPER = 0.02
#: New skin keeps this distance from where the brain's margin ends, mm: bone must not show, nor
#: may a crease mark where this begins, so it is rounded over this width.
OVER_BRAIN_MM, ROUNDED_MM = 5.0, 16.0
#: Direction (right, anterior, superior) out of the plane along which the face is taken off.
REMOVED_ALONG = (0.0, 0.8, -0.6)


@dataclass(frozen=True)
class FaceModel:
    """A face laid around one brain.

    Attributes
    ----------
    face
        Distances on the average head's grid, in mm of the scan's world.
    pose
        How the brain lies.
    removed
        Whether the face is taken off along a plane and nothing put in its place.
    """

    face: AverageFace
    pose: BrainPose
    removed: bool = False

    def box(self, affine: NDArray[np.float64], shape: tuple[int, ...]) -> Box | None:
        """Return the box of a scan in which something may change; None outside its field of view.

        Parameters
        ----------
        affine
            Voxel-to-world matrix of the scan.
        shape
            Its shape (i, j, k).
        """
        where = np.argwhere(self._near(self.face.skin, self.face.beyond))
        ijk = self._voxels(where, affine)
        low = np.clip(np.floor(ijk.min(axis=0)), 0, shape).astype(int)
        high = np.clip(np.ceil(ijk.max(axis=0)) + 1, 0, shape).astype(int)
        if (high <= low).any():
            return None
        return tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))

    def within(self, box: Box, affine: NDArray[np.float64]) -> NewFace:
        """Return the new face in a box of a scan; parameters as in :meth:`depth`."""
        matrix = np.linalg.inv(self.pose.laid @ self.face.affine) @ affine
        offset = matrix[:3, :3] @ [s.start for s in box] + matrix[:3, 3]
        shape = tuple(s.stop - s.start for s in box)
        skin, beyond = (
            ndimage.affine_transform(
                field, matrix[:3, :3], offset, shape, np.float32, order=1, mode="nearest"
            )
            for field in (self.face.skin, self.face.beyond)
        )
        near = self._near(skin, beyond)
        if self.removed:
            return NewFace(skin, skin, near, 0.0)
        beyond *= np.float32(SLOPE)
        return NewFace(skin - beyond, skin + beyond, near, DEPTHS_MM[0])

    def depth(
        self, head: NDArray[np.bool_], box: Box, affine: NDArray[np.float64], slack_mm: float
    ) -> tuple[float, float]:
        """Return how deep to replace what lies under the new skin.

        Parameters
        ----------
        head
            bool, filled head outline in the box.
        box
            Slices (i, j, k) of the scan.
        affine
            Voxel-to-world matrix of the scan.
        slack_mm
            How far the skin may lie from ``head`` in some frame.

        Returns
        -------
        depth_mm : float
            One of ``DEPTHS_MM``.
        deeper : float
            Share of the face in which the old skin lies deeper.
        """
        face = (self.face.beyond <= 0) & (self.face.along((0.0, 0.0, 1.0)) > FLOOR_MM)
        start, spacing = np.array([s.start for s in box]), float(self.face.affine[0, 0])
        deeper = 0.0
        for depth_mm in DEPTHS_MM:
            layer = face & (np.abs(self.face.skin + depth_mm - slack_mm) < spacing / 2)
            ijk = np.rint(self._voxels(np.argwhere(layer), affine)).astype(int) - start
            ijk = ijk[np.all((ijk >= 0) & (ijk < head.shape), axis=1)]
            deeper = 1 - float(head[tuple(ijk.T)].mean()) if len(ijk) else 0.0
            if deeper <= GREATEST_DEEPER:
                break
        return depth_mm, deeper

    def places_outside(self) -> frozenset[int]:
        """Return the labels of the features whose usual place lies outside of the new skin."""
        to_grid = np.linalg.inv(self.face.affine)
        labels = list(REFERENCE_OFFSETS_MM)
        ijk = apply_affine(to_grid, np.array([REFERENCE_OFFSETS_MM[index] for index in labels]))
        away = ndimage.map_coordinates(self.face.skin, ijk.T, order=1, mode="nearest")
        return frozenset(index for index, mm in zip(labels, away, strict=True) if mm > 0)

    def _near(self, skin: NDArray[np.float32], beyond: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Return where something may change."""
        if self.removed:
            return (skin > 0) & (beyond <= 0)
        return (beyond < TAPER_MM) & (skin < CLEARED_MM)

    def _voxels(self, where: NDArray[np.int_], affine: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return voxels (n, 3) of the average head's grid as voxels of a scan."""
        to_scan = np.linalg.inv(affine) @ self.pose.laid @ self.face.affine
        return np.asarray(apply_affine(to_scan, where))


def lay_face(
    brain: NDArray[np.bool_],
    affine: NDArray[np.float64],
    margin_mm: float,
    *,
    removed: bool = False,
) -> FaceModel:
    """Lay the average face around a brain, outside of its margin.

    Parameters
    ----------
    brain
        bool (i, j, k).
    affine
        Its voxel-to-world matrix.
    margin_mm
        Distance from the brain within which nothing changes.
    removed
        Take the face off in front of a plane before the brain, below the brow.
    """
    core, grid = core_of(brain, affine)
    pose, face = brain_pose(core, grid), average_face()
    to_brain = np.linalg.inv(grid) @ pose.laid @ face.affine
    here = ndimage.affine_transform(
        core.astype(np.float32), to_brain[:3, :3], to_brain[:3, 3], face.skin.shape, order=1
    )
    here = here > 0.5
    scale, margin = np.float32(pose.size), np.float32(margin_mm + OVER_BRAIN_MM)
    if removed:
        ahead = face.along(REMOVED_ALONG)
        skin = (ahead - ahead[here].max(initial=0.0)) * scale - margin
        return FaceModel(replace(face, skin=skin, beyond=face.above_brow), pose, removed=True)
    # A brain that comes closer to the average skin than others lifts it.
    over = signed_distance(here, zooms_of(face.affine)) * scale - margin
    skin = _rounded_minimum(face.skin * scale, ndimage.gaussian_filter(over, 1.0))
    return FaceModel(replace(face, skin=skin, beyond=face.beyond * scale), pose)


def _rounded_minimum(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the smaller of two distances (mm), less where they are about the same."""
    alike = np.maximum(1 - np.abs(a - b) / np.float32(ROUNDED_MM), 0)
    return np.asarray(np.minimum(a, b) - np.float32(ROUNDED_MM / 4) * alike**2)
