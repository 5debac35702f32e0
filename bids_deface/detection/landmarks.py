"""Nasion and preauricular points, for those who lay MEG or EEG over the scan.

The regions tell where a landmark lies to a few millimetres (:mod:`.face_frame`); the relief of
the skin around that place tells the rest. Both were learned from labelled heads
(:mod:`bids_deface.training.landmark_fit`), and stand in ``landmarks.toml``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from bids_deface.anatomy import BRAIN, MOUTH
from bids_deface.detection.face_frame import FaceFrame, Points, find_frame, whole_centroids
from bids_deface.detection.featuremap import FeatureMap
from bids_deface.detection.landmark_model import NAMES, LandmarkModel, load_model

#: Below this a landmark is not written.
LEAST_CONFIDENCE: Final = 0.5
#: Directions in the frame in which the skin is looked for, and the auricle beside each landmark.
OUTWARD: Final[Mapping[str, tuple[float, float, float]]] = {
    "NAS": (0.0, 1.0, 0.0),
    "LPA": (-1.0, 0.0, 0.0),
    "RPA": (1.0, 0.0, 0.0),
}
AURICLE: Final = {"LPA": 4, "RPA": 5}
#: Where along the outward axis the skin is looked for, frame mm; farther in counts as this far in.
REACH_MM, STEP_MM = 20.0, 0.5
#: Face that fits the average this badly, and slices this thick, halve the confidence.
ODD_FACE_MM, THICK_MM = 8.0, 5.0
#: Of rays that must meet skin.
LEAST_SEEN: Final = 0.6


@dataclass(frozen=True)
class Landmark:
    """One landmark of one image.

    Attributes
    ----------
    name
        ``NAS``, ``LPA`` or ``RPA``.
    place_mm
        In the upright world of the image, RAS+ mm.
    confidence
        0 to 1; see ``docs/landmarks.md``.
    """

    name: str
    place_mm: tuple[float, float, float]
    confidence: float

    @property
    def is_sure(self) -> bool:
        """Whether it may be written."""
        return self.confidence >= LEAST_CONFIDENCE


def estimate_landmarks(
    image: NDArray[Any],
    affine: NDArray[np.float64],
    features: FeatureMap,
    model: LandmarkModel | None = None,
) -> tuple[Landmark, ...]:
    """Estimate nasion and preauricular points of a head before anything is hidden.

    Parameters
    ----------
    image
        Intensities (i, j, k), axes right, anterior, superior, brighter = more signal.
    affine
        Voxel-to-world matrix (4x4, mm) in which the head is upright.
    features
        What is known of this image; its threshold parts skin from air.
    model
        None takes the package's own.

    Returns
    -------
    tuple of Landmark
        In the order of ``NAMES``; none where too little of a face was found.
    """
    known = model or load_model()
    frame = find_frame(whole_centroids(features, affine), known.shape)
    if frame is None:
        return ()
    out = []
    for name, place in zip(NAMES, known.coarse(frame), strict=True):
        heights = skin_heights(name, place, frame, image, affine, features.threshold)
        seen = float(np.isfinite(heights).mean())
        shift = _shift(known, name, heights) if seen >= LEAST_SEEN else np.zeros(3)
        x, y, z = (float(v) for v in frame.to_world(place + shift))
        out.append(Landmark(name, (x, y, z), _confidence(name, frame, seen, affine)))
    return tuple(out)


def skin_heights(
    name: str,
    place: Points,
    frame: FaceFrame,
    image: NDArray[Any],
    affine: NDArray[np.float64],
    threshold: float,
) -> Points:
    """Return how far outward of a place the skin lies on a lattice around it, frame mm.

    Parameters
    ----------
    name
        Landmark.
    place
        Where it is thought to be (3,), frame mm.
    frame
        Of this head.
    image, affine, threshold
        As in :func:`estimate_landmarks`.

    Returns
    -------
    ndarray
        (n,), NaN where the field of view ends.
    """
    steps = np.arange(-REACH_MM, REACH_MM + STEP_MM / 2, STEP_MM)
    starts = place + _lattice(name)
    rays = starts[:, :, None, :] + np.outer(steps, OUTWARD[name])
    ijk = (frame.to_world(rays) - affine[:3, 3]) @ np.linalg.inv(affine[:3, :3]).T
    values = ndimage.map_coordinates(
        image, np.moveaxis(ijk, -1, 0), np.float32, order=1, mode="constant", cval=np.nan
    )
    tissue, last = values > threshold, len(steps) - 1
    outermost = last - tissue[..., ::-1].argmax(axis=-1)
    beyond = np.take_along_axis(values, np.minimum(outermost + 1, last)[..., None], -1)[..., 0]
    heights = np.where(np.isnan(beyond), np.nan, steps[outermost])
    heights = np.where(
        tissue.any(axis=-1), heights, np.where(np.isnan(values).any(-1), np.nan, -REACH_MM)
    )
    return _middle(heights)


def mirrored(name: str, shift: Points) -> Points:
    """Return a shift (3,) of the right side as one of a landmark's own side."""
    return shift * [-1.0, 1.0, 1.0] if name == "LPA" else shift


def notes_on(landmarks: tuple[Landmark, ...]) -> tuple[str, ...]:
    """Return in words which landmarks were looked for and are not told."""
    if not landmarks:
        return ("no landmarks: the image does not show enough of a face by itself",)
    unsure = [f"{m.name} (confidence {m.confidence:.2f})" for m in landmarks if not m.is_sure]
    return (f"landmarks that are not sure are not written: {', '.join(unsure)}",) if unsure else ()


def _shift(model: LandmarkModel, name: str, heights: Points) -> Points:
    relief = model.auricle if name in AURICLE else model.nasion
    # Where the field of view ends, the skin is as on average.
    return mirrored(name, relief.shift(np.where(np.isfinite(heights), heights, relief.mean)))


def _lattice(name: str) -> Points:
    """Return places (n, m, 3) around a landmark: n heights, each the middle one of m rays."""
    if name == "NAS":
        up = np.arange(-14.0, 15.0, 2.0)
        return np.array([[(dx, 0.0, dz) for dx in (-2.0, 0.0, 2.0)] for dz in up])
    side = np.arange(-20.0, 21.0, 4.0)
    return np.array(
        [[(0.0, dy + more, dz) for more in (-1.5, 0.0, 1.5)] for dy in side for dz in side]
    )


def _middle(heights: Points) -> Points:
    """Return the median along the last axis; NaN where fewer than two are known."""
    known = np.isfinite(heights).sum(axis=-1)
    middle = np.sort(heights, axis=-1)
    pick = np.maximum(known - 1, 0) / 2
    low, high = (
        np.take_along_axis(middle, f(pick).astype(int)[..., None], -1)[..., 0]
        for f in (np.floor, np.ceil)
    )
    return np.where(known >= 2, (low + high) / 2, np.nan)


def _confidence(name: str, frame: FaceFrame, seen: float, affine: NDArray[np.float64]) -> float:
    """Return how far an estimate can be trusted, 0 to 1."""
    zooms = np.linalg.norm(affine[:3, :3], axis=0)
    trust = 0.5 ** ((frame.residual_mm / ODD_FACE_MM) ** 2)
    trust *= 0.5 ** ((float(zooms.max()) / THICK_MM) ** 2)
    trust *= seen if seen >= LEAST_SEEN else seen / 2
    if name in AURICLE:
        # A nod is seen by what lies far below or behind; the point itself by its own auricle.
        trust *= 1.0 if AURICLE[name] in frame.regions else 0.3
        trust *= 1.0 if {MOUTH, BRAIN} <= set(frame.regions) else 0.6
    return round(float(trust), 3)
