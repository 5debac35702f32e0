"""Learn where nasion and preauricular points lie: linear, from labelled heads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bids_deface.anatomy import BRAIN
from bids_deface.detection.face_frame import (
    FaceFrame,
    Points,
    find_frame,
    similarity,
    whole_centroids,
)
from bids_deface.detection.featuremap import FeatureMap
from bids_deface.detection.landmark_model import NAMES, LandmarkModel, Relief
from bids_deface.detection.landmarks import AURICLE, LEAST_SEEN, mirrored, skin_heights

#: Ridge penalties; chosen on training heads left out in turn.
REGIONS_PENALTY, NASION_PENALTY, AURICLE_PENALTY = 1000.0, 100.0, 10000.0
REGIONS = tuple(range(1, BRAIN + 1))
#: The same regions on the other side, as places in ``REGIONS``; the same landmarks.
OTHER_SIDE, OTHER_LANDMARK = (1, 0, 2, 4, 3, 5, 6), (0, 2, 1)
FLIP = np.array([-1.0, 1.0, 1.0])


@dataclass(frozen=True)
class LabelledHead:
    """One head whose landmarks a person has set.

    Attributes
    ----------
    image
        Intensities (i, j, k), upright.
    affine
        Its voxel-to-world matrix.
    features
        What the detector knows of it.
    landmarks
        World mm by name (``NAS``, ``LPA``, ``RPA``), of those that can be seen.
    """

    image: NDArray[Any]
    affine: NDArray[np.float64]
    features: FeatureMap
    landmarks: Mapping[str, Points]


def fit_landmarks(heads: Sequence[LabelledHead]) -> LandmarkModel:
    """Learn from heads of which all regions and all landmarks are known; others are left out.

    Parameters
    ----------
    heads
        Labelled heads; at least ten that are whole.

    Raises
    ------
    ValueError
        Too few are whole.
    """
    centroids = [whole_centroids(head.features, head.affine) for head in heads]
    whole = [
        (head, places)
        for head, places in zip(heads, centroids, strict=True)
        if len(places) == len(REGIONS) and len(head.landmarks) == len(NAMES)
    ]
    if len(whole) < 10:
        raise ValueError("fewer than ten heads show all regions and landmarks.")
    shape = _average(np.array([[places[i] for i in REGIONS] for _, places in whole]))
    named = dict(zip(REGIONS, shape, strict=True))
    found = [(head, find_frame(places, named)) for head, places in whole]
    framed = [(head, frame) for head, frame in found if frame is not None]
    regions = np.array([[frame.regions[i] for i in REGIONS] for _, frame in framed]) - shape
    goals = np.array(
        [[frame.to_frame(head.landmarks[name]) for name in NAMES] for head, frame in framed]
    )
    regions = np.concatenate([regions, regions[:, OTHER_SIDE] * FLIP])
    goals = np.concatenate([goals, goals[:, OTHER_LANDMARK] * FLIP])
    mean, always, slope = _ridge(
        regions.reshape(len(regions), -1), goals.reshape(len(goals), -1), REGIONS_PENALTY
    )
    nothing = Relief(np.zeros(1), np.zeros(3), np.zeros((1, 3)))
    model = LandmarkModel(named, (always - mean @ slope).reshape(3, 3), slope, nothing, nothing)
    nasion = _relief(model, framed, ("NAS",), NASION_PENALTY)
    # The bridge says nothing of left and right.
    nasion = Relief(nasion.mean, nasion.always * [0, 1, 1], nasion.slope * [0, 1, 1])
    auricle = _relief(model, framed, tuple(AURICLE), AURICLE_PENALTY)
    return LandmarkModel(model.shape, model.places, slope, nasion, auricle)


def as_toml(model: LandmarkModel, about: str) -> str:
    """Return a model as the text of its file; the first line is a comment."""

    def rows(values: Points) -> str:
        if values.ndim == 1:
            return "[" + ", ".join(f"{value:.4f}" for value in values) + "]"
        return "[\n" + "".join(f"  {rows(row)},\n" for row in values) + "]"

    lines = [
        f"# {about}",
        f"places = {rows(model.places)}",
        f"by_regions = {rows(model.by_regions)}",
    ]
    lines += ["[shape]", *(f"{index} = {rows(place)}" for index, place in model.shape.items())]
    for name, relief in (("nasion", model.nasion), ("auricle", model.auricle)):
        lines.append(f"[{name}]")
        lines += [
            f"{key} = {rows(values)}"
            for key, values in (
                ("mean", relief.mean), ("always", relief.always), ("slope", relief.slope)
            )
        ]  # fmt: skip
    return "\n".join(lines) + "\n"


def _average(heads: Points) -> Points:
    """Return the average of faces (n, 7, 3), upright between the eyes, both sides alike."""
    shape = np.asarray(heads.mean(axis=0))
    for _ in range(10):
        laid = []
        for head in heads:
            _, rotation, _ = similarity(head, shape)
            laid.append((head - head.mean(axis=0)) @ rotation.T)
        mean = np.mean(laid, axis=0)
        shape = np.asarray((mean + mean[list(OTHER_SIDE)] * FLIP) / 2)
    return shape


def _relief(
    model: LandmarkModel,
    heads: Sequence[tuple[LabelledHead, FaceFrame]],
    names: tuple[str, ...],
    penalty: float,
) -> Relief:
    """Learn how relief moves landmarks; those of the left are taken as ones of the right."""
    inputs, goals = [], []
    for head, frame in heads:
        coarse = dict(zip(NAMES, model.coarse(frame), strict=True))
        for name in names:
            heights = skin_heights(
                name, coarse[name], frame, head.image, head.affine, head.features.threshold
            )
            if np.isfinite(heights).mean() < LEAST_SEEN:
                continue
            inputs.append(heights)
            goals.append(mirrored(name, frame.to_frame(head.landmarks[name]) - coarse[name]))
    known = np.array(inputs)
    average = np.nanmean(known, axis=0)
    mean, always, slope = _ridge(
        np.where(np.isfinite(known), known, average), np.array(goals), penalty
    )
    return Relief(mean, always, slope)


def _ridge(inputs: Points, goals: Points, penalty: float) -> tuple[Points, Points, Points]:
    """Return the means of inputs (n, k) and goals (n, m), and the slope (k, m) between them."""
    mean, always = inputs.mean(axis=0), goals.mean(axis=0)
    away = inputs - mean
    slope = np.linalg.solve(
        away.T @ away + penalty * np.eye(inputs.shape[1]), away.T @ (goals - always)
    )
    return mean, always, slope
