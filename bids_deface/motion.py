"""How far a head moves between the frames of one image.

Compared are soft outlines of the head, which look alike in every contrast. A rigid motion is
fitted to their difference (Gauss-Newton), beside a growth of the outline that takes up what a
change of contrast does to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from bids_deface.frames import real_part
from bids_deface.tissue import head_mask, tissue_threshold
from bids_deface.volume import zooms_of

#: Voxel size on which outlines are compared, mm.
COARSE_MM = 4.0
#: Smoothing of the outlines, mm: the fit sees no farther than about twice this.
SMOOTHING_MM = 6.0
#: Smoothing of the image before its outline is looked for, mm.
DENOISING_MM = 4.0
#: Voxels with less of an edge (per mm) say nothing about motion.
LEAST_EDGE = 0.01
ITERATIONS = 15
#: Motion between frames that is made up for by growing the regions, mm; less does not matter.
LEAST_MOTION_MM, GREATEST_MOTION_MM = 1.0, 10.0
#: Differences of outlines that noise makes.
LEAST_DIFFERENCE = 0.02
#: A fit that moves less than this has settled, mm.
SETTLED_MM = 0.05


@dataclass(frozen=True)
class Movement:
    """What motion between frames means for the job.

    Attributes
    ----------
    slack_mm
        By how much regions and the brain's margin are to be grown.
    notes, doubts
        In words: what is worth telling, and what needs a human.
    known_slack_mm
        The same for others of the family; None where nobody measured it.
    """

    slack_mm: float = 0.0
    notes: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    known_slack_mm: float | None = None

    @classmethod
    def inherited(cls, slack_mm: float | None) -> Movement:
        """Return what a reference's motion asks for."""
        matters = slack_mm is not None and slack_mm >= LEAST_MOTION_MM
        return cls(slack_mm if slack_mm and matters else 0.0, known_slack_mm=slack_mm)

    def at_least(self, other: Movement) -> Movement:
        """Return the same with no less slack than another one."""
        slack = max(self.slack_mm, other.slack_mm)
        return Movement(slack, self.notes, self.doubts, slack)


def movement_of(
    frames: Sequence[NDArray[Any]],
    reference: NDArray[np.float32],
    affine: NDArray[np.float64],
    sign: float = 1.0,
) -> Movement:
    """Say what the motion between frames asks for; parameters as in :func:`head_motion_mm`."""
    if len(frames) < 2:
        return Movement()
    moved = head_motion_mm(frames, reference, affine, sign)
    if moved < LEAST_MOTION_MM:
        return Movement()
    words = f"the head moves by {moved:.0f} mm between frames"
    if moved > GREATEST_MOTION_MM:
        return Movement(GREATEST_MOTION_MM, doubts=(words,))
    return Movement(moved, notes=(f"{words}: regions were grown by as much",))


def head_motion_mm(
    frames: Sequence[NDArray[Any]],
    reference: NDArray[np.float32],
    affine: NDArray[np.float64],
    sign: float = 1.0,
) -> float:
    """Return the greatest displacement of any part of the head between frames and reference.

    Parameters
    ----------
    frames
        Frames (i, j, k) of one image as stored.
    reference
        Their robust mean (i, j, k), brighter = more signal.
    affine
        Voxel-to-world matrix of both.
    sign
        Below 0 where darker stored values mean more signal.

    Returns
    -------
    float
        In mm; frames in which no head can be told from air are left out.
    """
    fit = _RigidFit(soft_outline(reference, affine), coarse_zooms(reference.shape, affine))
    outlines = (soft_outline(frame, affine, sign) for frame in frames)
    return max((fit.displacement_mm(outline) for outline in outlines), default=0.0)


def soft_outline(
    frame: NDArray[Any], affine: NDArray[np.float64], sign: float = 1.0
) -> NDArray[np.float32]:
    """Return the filled head on a grid of about 4 mm: 0 in air, 1 inside, a soft edge between.

    Parameters
    ----------
    frame
        Intensities (i, j, k), real or complex.
    affine
        Their voxel-to-world matrix.
    sign
        As in :func:`head_motion_mm`.
    """
    factors = _factors(frame.shape, affine)
    image = _block_mean(frame, factors) * np.float32(np.sign(sign))
    zooms = zooms_of(affine) * factors
    # Noise must not eat the outline of dim frames.
    image = ndimage.gaussian_filter(image, DENOISING_MM / zooms)
    low, high = np.percentile(image, (1.0, 99.5))
    if high <= low:
        return np.zeros_like(image)
    image = np.clip((image - low) / (high - low), 0, 1).astype(np.float32)
    threshold = tissue_threshold(image)
    mask = head_mask(image, threshold, zooms)
    inside = ndimage.binary_erosion(mask, border_value=1)
    near = ndimage.binary_dilation(mask)
    soft = np.where(inside, 1, np.clip(image / (2 * threshold), 0, 1) * near)
    return np.asarray(ndimage.gaussian_filter(soft.astype(np.float32), SMOOTHING_MM / zooms))


def coarse_zooms(shape: tuple[int, ...], affine: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the voxel size of :func:`soft_outline`, mm."""
    return zooms_of(affine) * _factors(shape, affine)


class _RigidFit:
    """Fits rigid motions of one outline.

    Parameters
    ----------
    reference
        Soft outline (i, j, k).
    zooms
        Its voxel size in mm.
    """

    def __init__(self, reference: NDArray[np.float32], zooms: NDArray[np.float64]) -> None:
        self.reference, self.zooms = reference, zooms
        slopes = [np.gradient(reference.astype(np.float64), axis=axis) for axis in range(3)]
        gradient = np.stack(slopes, axis=-1) / zooms
        edge = np.linalg.norm(gradient, axis=-1)
        where = edge > LEAST_EDGE
        self.points = np.argwhere(where) * zooms
        self.values = reference[where].astype(np.float64)
        self.centre = self.points.mean(axis=0) if where.any() else np.zeros(3)
        arm = self.points - self.centre
        # Translation, rotation, and growth of the outline.
        columns = (gradient[where], np.cross(arm, gradient[where]), edge[where][:, None])
        self.basis = np.concatenate(columns, axis=1)

    def displacement_mm(self, outline: NDArray[np.float32]) -> float:
        """Return the greatest displacement of the outline's points, mm."""
        if not len(self.points) or not outline.any():
            return 0.0
        rotation, shift = np.eye(3), self._centre_shift(outline)
        for _ in range(ITERATIONS):
            turned = (self.points - self.centre) @ rotation.T + self.centre + shift
            seen = ndimage.map_coordinates(
                outline, (turned / self.zooms).T, order=1, mode="nearest"
            )
            step = self._step(self.values - seen)
            rotation = rotation @ _rotation(step[3:6])
            shift = shift + rotation @ step[:3]
            if np.abs(step[:3]).max() < SETTLED_MM:
                break
        moved = (self.points - self.centre) @ (rotation - np.eye(3)).T + shift
        return float(np.linalg.norm(moved, axis=1).max())

    def _step(self, difference: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the motion that best explains a difference; what stands out has little say."""
        typical = max(LEAST_DIFFERENCE, float(np.median(np.abs(difference))))
        weighted = self.basis / (1 + (difference / typical) ** 2)[:, None]
        normal = weighted.T @ self.basis
        normal += np.diag(1e-3 * np.diag(normal) + 1e-9)
        return np.asarray(np.linalg.solve(normal, weighted.T @ difference))

    def _centre_shift(self, outline: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the shift of the centre of mass, from which large motions start; mm."""
        centres = [np.array(ndimage.center_of_mass(o)) for o in (outline, self.reference)]
        shift = (centres[0] - centres[1]) * self.zooms
        return shift if np.linalg.norm(shift) > SMOOTHING_MM else np.zeros(3)


def _rotation(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the matrix of a rotation vector (radians)."""
    x, y, z = vector
    u, _, vt = np.linalg.svd(np.eye(3) + np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]]))
    return np.asarray(u @ vt)


def _factors(shape: tuple[int, ...], affine: NDArray[np.float64]) -> NDArray[np.int_]:
    wanted = np.maximum(1, np.rint(COARSE_MM / zooms_of(affine))).astype(int)
    return np.asarray(np.minimum(wanted, shape))


def _block_mean(frame: NDArray[Any], factors: NDArray[np.int_]) -> NDArray[np.float32]:
    """Average blocks of voxels; what is not finite counts as 0."""
    a, b, c = (int(f) for f in factors)
    n, m, _ = (size // f * f for size, f in zip(frame.shape, (a, b, c), strict=True))
    slabs = []
    for start in range(0, frame.shape[2] // c * c, c):
        slab = real_part(frame[:n, :m, start : start + c]).astype(np.float32)
        np.nan_to_num(slab, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
        slabs.append(slab.reshape(n // a, a, m // b, b, c).mean(axis=(1, 3, 4)))
    return np.stack(slabs, axis=-1)
