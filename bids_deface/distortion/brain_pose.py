"""How a head lies, told by its brain alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from nibabel.affines import apply_affine
from numpy.typing import NDArray
from scipy import ndimage, optimize
from scipy.spatial.transform import Rotation

from bids_deface.distortion.average_face import average_face, dilated
from bids_deface.tissue import largest_component
from bids_deface.volume import zooms_of

#: Voxel size on which brains are looked at, and half the width of what is not taken for one, mm.
COARSE_MM, THIN_MM = 2.5, 6.0
#: Voxels on the brain's surface that are fitted.
FITTED = 3000
#: Distances above this count less in the fit: a brain drawn wrongly in one place, mm.
OUTLIER_MM = 3.0
#: Median distance of the fitted brain's surface from the average one above which they are not
#: alike, mm, and the sizes a brain may have.
GREATEST_MISFIT_MM = 5.5
SCALES = (0.7, 1.3)
#: Sizes in which a face is laid: a free one would tell the brain's, and faces grow with brains.
SIZES = (0.72, 0.85, 1.0)
#: Share of the brain that tells how the head lies.
LEAST_SEEN = 0.5


@dataclass(frozen=True)
class BrainPose:
    """How a brain lies.

    Attributes
    ----------
    matrix
        4x4, from the world of :class:`AverageFace` to the scan's: rotation, size and place.
    scale
        Size relative to the average brain.
    misfit_mm
        Median distance of the brain's surface from the average one.
    seen
        Volume of the brain as a share of that of the whole one.
    """

    matrix: NDArray[np.float64]
    scale: float
    misfit_mm: float
    seen: float

    @property
    def size(self) -> float:
        """The one of ``SIZES`` that is nearest."""
        return min(SIZES, key=lambda size: abs(np.log(size / self.scale)))

    @property
    def laid(self) -> NDArray[np.float64]:
        """4x4, as ``matrix``, with the nearest size: the average brain's centre is at 0."""
        ratio = self.size / self.scale
        return np.asarray(self.matrix @ np.diag([ratio, ratio, ratio, 1.0]))

    @property
    def doubts(self) -> tuple[str, ...]:
        """In words, why the pose may be wrong."""
        if self.seen < LEAST_SEEN:
            return ("too little of the brain is in the image to tell the face's place",)
        likely = SCALES[0] <= self.scale <= SCALES[1] and self.misfit_mm <= GREATEST_MISFIT_MM
        return () if likely else ("the brain is unlike others, so the face's place is a guess",)


def core_of(
    brain: NDArray[np.bool_], affine: NDArray[np.float64]
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Return a brain on a coarse grid, without what hangs on it by a thread, and its affine.

    Parameters
    ----------
    brain
        bool (i, j, k), drawn so that what may be brain is spared.
    affine
        Its voxel-to-world matrix.
    """
    steps = np.maximum(1, np.rint(COARSE_MM / zooms_of(affine))).astype(int)
    coarse = brain[tuple(slice(None, None, int(step)) for step in steps)]
    grid = affine @ np.diag([*steps, 1.0])
    zooms = zooms_of(grid)
    # What the image cuts off is no edge.
    inner = (
        ndimage.distance_transform_edt(np.pad(coarse, 3, mode="edge"), sampling=zooms) > THIN_MM
    )
    inner = largest_component(inner[3:-3, 3:-3, 3:-3])
    core = coarse & dilated(inner, THIN_MM, zooms) if inner.any() else coarse
    # A brain of a slice or two may lie between those of the coarse grid.
    return (core, grid) if core.any() else (brain, affine)


def _surface_points(brain: NDArray[np.bool_], affine: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return places (n, 3; world mm) on a brain's surface, none where the image cuts it."""
    rim = brain & ~ndimage.binary_erosion(brain, border_value=1)
    voxels = np.argwhere(rim if rim.any() else brain)
    chosen = voxels[np.random.default_rng(0).permutation(len(voxels))[:FITTED]]
    return np.asarray(apply_affine(affine, chosen))


def brain_pose(brain: NDArray[np.bool_], affine: NDArray[np.float64]) -> BrainPose:
    """Lay the average brain over a brain: rotation, place and size.

    Parameters
    ----------
    brain
        bool (i, j, k); where it meets the border of the field of view it is cut.
    affine
        Its voxel-to-world matrix.
    """
    points = _surface_points(brain, affine)
    field = average_face()
    centre = points.mean(axis=0)
    to_grid = np.linalg.inv(field.affine)

    def distances(pose: NDArray[np.float64]) -> NDArray[np.float64]:
        matrix = np.linalg.inv(_matrix(pose, centre))
        ijk = apply_affine(to_grid @ matrix, points)
        return np.asarray(ndimage.map_coordinates(field.brain, ijk.T, order=1, mode="nearest"))

    fit = optimize.least_squares(
        distances,
        np.zeros(7),
        loss="soft_l1",
        f_scale=OUTLIER_MM,
        x_scale=(0.1,) * 3 + (5,) * 3 + (0.1,),
    )
    scale = float(np.exp(fit.x[6]))
    whole = float((field.brain < 0).sum()) * abs(np.linalg.det(field.affine[:3, :3])) * scale**3
    here = float(brain.sum()) * abs(np.linalg.det(affine[:3, :3]))
    misfit = float(np.median(np.abs(fit.fun)))
    return BrainPose(_matrix(fit.x, centre), scale, misfit, here / whole)


def _matrix(pose: NDArray[np.float64], centre: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the matrix of rotation vector, shift of the centre (mm) and log size."""
    out = np.eye(4)
    out[:3, :3] = np.exp(pose[6]) * Rotation.from_rotvec(pose[:3]).as_matrix()
    out[:3, 3] = centre + pose[3:6]
    return out
