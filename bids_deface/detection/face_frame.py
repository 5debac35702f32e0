"""A frame in which all faces lie alike: where the regions are tells place, pose and size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from bids_deface.anatomy import BRAIN, name_of
from bids_deface.detection.featuremap import FeatureMap
from bids_deface.detection.plausibility import Status
from bids_deface.tissue import region_boxes

Points = NDArray[np.float64]
EYES: Final = (1, 2)
#: Without the eyes and two more regions a pose is a guess.
LEAST_REGIONS: Final = 4
#: A brain that ends at the border over more than this has its centre elsewhere, mm^2.
CUT_BRAIN_MM2: Final = 400.0


@dataclass(frozen=True)
class FaceFrame:
    """Similarity from the world to the frame of the average face.

    Attributes
    ----------
    scale
        Frame millimetres for each of the world's.
    rotation
        3x3, from the world's directions to the frame's.
    shift
        3, frame mm.
    residual_mm
        Root mean square distance of the regions from where the average face has them.
    regions
        Centroids in the frame by label index, of those it was made from.
    """

    scale: float
    rotation: Points
    shift: Points
    residual_mm: float
    regions: Mapping[int, Points]

    def to_world(self, points: Points) -> Points:
        """Return points (..., 3) of the frame in the world, mm."""
        return np.asarray((points - self.shift) @ self.rotation / self.scale)

    def to_frame(self, points: Points) -> Points:
        """Return points (..., 3) of the world in the frame, mm."""
        return np.asarray(self.scale * points @ self.rotation.T + self.shift)


def whole_centroids(features: FeatureMap, affine: NDArray[np.float64]) -> dict[int, Points]:
    """Return the centroids of what was found whole, the brain among them, in world mm.

    Parameters
    ----------
    features
        What is known of the image.
    affine
        Voxel-to-world matrix of ``features.dseg``, upright.
    """
    whole = {r.index for r in features.regions if r.status is Status.FOUND} | {BRAIN}
    out = {}
    for index, box in region_boxes(features.dseg).items():
        if index not in whole or index > BRAIN:
            continue
        mask = features.dseg[box] == index
        if _is_cut(index, mask, box, features.dseg.shape, affine):
            continue
        ijk = np.array(ndimage.center_of_mass(mask)) + [s.start for s in box]
        out[index] = affine[:3, :3] @ ijk + affine[:3, 3]
    return out


def find_frame(centroids: Mapping[int, Points], shape: Mapping[int, Points]) -> FaceFrame | None:
    """Lay a face over the average one; None where too little of it was found.

    Parameters
    ----------
    centroids
        World mm, by label index.
    shape
        The average face's, in the frame.
    """
    known = sorted(set(centroids) & set(shape))
    if len(known) < LEAST_REGIONS or not set(EYES) <= set(known):
        return None
    here = np.array([centroids[index] for index in known])
    there = np.array([shape[index] for index in known])
    scale, rotation, shift = similarity(here, there)
    laid = scale * here @ rotation.T + shift
    residual = float(np.sqrt(((laid - there) ** 2).sum(axis=1).mean()))
    return FaceFrame(scale, rotation, shift, residual, dict(zip(known, laid, strict=True)))


def similarity(here: Points, there: Points) -> tuple[float, Points, Points]:
    """Return scale, rotation and shift that lay points (n, 3) over others best.

    Least squares after Umeyama (1991), without reflection.
    """
    middle, goal = here.mean(axis=0), there.mean(axis=0)
    u, values, vt = np.linalg.svd((here - middle).T @ (there - goal))
    signs = np.array([1.0, 1.0, np.sign(np.linalg.det(vt.T @ u.T))])
    rotation = vt.T @ np.diag(signs) @ u.T
    scale = float((values * signs).sum() / ((here - middle) ** 2).sum())
    return scale, rotation, goal - scale * rotation @ middle


def _is_cut(
    index: int,
    mask: NDArray[np.bool_],
    box: tuple[slice, ...],
    shape: tuple[int, ...],
    affine: NDArray[np.float64],
) -> bool:
    """Tell whether a region goes on beyond the border, so that its centroid is not its own."""
    for axis, (place, n) in enumerate(zip(box, shape, strict=True)):
        if axis == 0 and name_of(index).endswith("ear"):
            # The air beside an auricle belongs to its region: it may end at the side.
            continue
        face = abs(float(np.linalg.det(affine[:3, :3]))) / np.linalg.norm(affine[:3, axis])
        limit = CUT_BRAIN_MM2 if index == BRAIN else 0.0
        for ends, end in ((place.start == 0, 0), (place.stop == n, -1)):
            if ends and np.take(mask, end, axis).sum() * face > limit:
                return True
    return False
