"""Every chosen feature hidden, in boxes: what is to be written, and where."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from bids_deface.anatomy import BRAIN, OUTWARD, FacialFeature, labels_of
from bids_deface.assurance.brain import protected_in
from bids_deface.distortion.methods import Method, Protocol
from bids_deface.distortion.noise import as_frame, constant_air, uniform_noise
from bids_deface.distortion.scene import Scene
from bids_deface.frames import (
    finite_range,
    frames_of,
    real_part,
    relative_levels,
    telling_frames,
)
from bids_deface.surroundings import Surroundings
from bids_deface.tissue import bounding_box, grown_box

#: Surroundings a method sees around its feature, mm: skin to learn from and air to draw from.
AROUND_MM = 30.0
#: Surfaces before cuts: where a nose meets a flattened eye, the cut has the last word.
ORDER = (FacialFeature.EYES, FacialFeature.MOUTH, FacialFeature.NOSE, FacialFeature.EARS)


@dataclass(frozen=True)
class Edit:
    """New values in one box of an image.

    Attributes
    ----------
    index
        Label of the region that is hidden.
    box
        Slices (i, j, k) of the image.
    put
        bool, shape of the box: voxels to write.
    values
        Stored values (frame, voxel), voxels in the order of ``put``.
    n_inside
        Number of these voxels inside the region itself.
    """

    index: int
    box: tuple[slice, ...]
    put: NDArray[np.bool_]
    values: tuple[NDArray[Any], ...]
    n_inside: int

    def write(self, data: NDArray[Any], mask: NDArray[np.uint8]) -> None:
        """Write the values into an image (i, j, k[, t...]) and mark them in a mask (i, j, k)."""
        for frame, values in zip(frames_of(data), self.values, strict=True):
            frame[self.box][self.put] = values
        mask[self.box] |= self.put


@dataclass(frozen=True)
class Place:
    """Where one region is hidden.

    Attributes
    ----------
    index
        Label of the region.
    box
        Slices of the image: the region and ``AROUND_MM`` around it.
    region, hidden
        bool, shape of the box: the region, and all that are being hidden.
    head, air
        bool, what is head and what is surely air.
    allowed
        bool, voxels that may change.
    """

    index: int
    box: tuple[slice, ...]
    region: NDArray[np.bool_]
    hidden: NDArray[np.bool_]
    head: NDArray[np.bool_]
    air: NDArray[np.bool_]
    allowed: NDArray[np.bool_]

    def scene(
        self, values: NDArray[Any], threshold: float, far_air: NDArray[Any], task: Task
    ) -> Scene:
        """Return what a method sees of these values."""
        return Scene(
            data=values,
            region=self.region,
            features=self.hidden,
            head=self.head,
            air=self.air & np.isfinite(values),
            zooms=task.around.zooms,
            threshold=threshold,
            far_air=far_air,
            slack_mm=task.slack_mm,
        )


@dataclass(frozen=True)
class Task:
    """What to hide in one image, and what is known of it.

    Attributes
    ----------
    data
        Stored values (i, j, k[, t...]), axes right, anterior, superior; only read.
    dseg
        uint8 (i, j, k), regions.
    around
        Head and air of the same image.
    protocol
        Methods by feature.
    features
        What to hide.
    threshold
        Stored value between air and head, in a frame of typical brightness; NaN where no value is.
    margin_mm
        Distance from the brain within which nothing changes.
    slack_mm
        How far the surface may lie from where ``around`` has it, in single frames.
    """

    data: NDArray[Any]
    dseg: NDArray[np.uint8]
    around: Surroundings
    protocol: Protocol
    features: tuple[FacialFeature, ...]
    threshold: float
    margin_mm: float
    slack_mm: float = 0.0


def hide_features(
    task: Task, rng: np.random.Generator, *, uniform: bool = False
) -> Iterator[Edit]:
    """Hide one region after the other; write the edits in the order in which they come.

    Parameters
    ----------
    task
        What to hide.
    rng
        Random generator of the fill.
    uniform
        Fill with uniform noise over each frame's own range instead of skin and air, for images
        without a skin signal of their own.
    """
    fill = _UniformFill(task, rng) if uniform else _TissueFill(task, rng)
    boxes = ndimage.find_objects(task.dseg, max_label=BRAIN)
    for index, method in _methods(task.protocol, task.features):
        if boxes[index - 1] is not None:
            place = _place_of(index, boxes[index - 1], task)
            put, values = fill(place, method)
            n_inside = int((put & place.region).sum())
            tight = bounding_box(put)
            box = tuple(
                slice(b.start + t.start, b.start + t.stop)
                for b, t in zip(place.box, tight, strict=True)
            )
            yield Edit(index, box, put[tight].copy(), values, n_inside)


def _methods(
    protocol: Protocol, features: Sequence[FacialFeature]
) -> Iterator[tuple[int, Method]]:
    """Return label and method of every region to hide, in order."""
    for feature in ORDER:
        if feature in features:
            for index in labels_of(feature):
                yield index, protocol.methods[feature]


class _TissueFill:
    """Skin and air of each frame itself."""

    def __init__(self, task: Task, rng: np.random.Generator) -> None:
        self.task, self.rng = task, rng
        frames = frames_of(task.data)
        levels = relative_levels(frames, telling_frames(task.data))
        self.frames = [
            (frame, task.threshold * float(level), task.around.far_air(real_part(frame), rng))
            for frame, level in zip(frames, levels, strict=True)
        ]

    def __call__(
        self, place: Place, method: Method
    ) -> tuple[NDArray[np.bool_], tuple[NDArray[Any], ...]]:
        """Return the voxels to write and their values in every frame."""
        out = []
        put = np.zeros_like(place.region)
        for frame, threshold, far_air in self.frames:
            values = real_part(frame[place.box])
            scene = place.scene(values, threshold, far_air, self.task)
            change = method(scene, *OUTWARD[place.index], self.rng)
            put = change.mask & place.allowed
            out.append(as_frame(change.values[put], frame.dtype, self.rng))
        return put, tuple(out)


class _UniformFill:
    """Uniform noise over each frame's own range; the surface is that of the reference."""

    def __init__(self, task: Task, rng: np.random.Generator) -> None:
        self.task, self.rng = task, rng
        self.far_air = task.around.own_air(rng)
        self.frames = [
            (frame.dtype, finite_range(frame), constant_air(task.around.far_air(frame, rng)))
            for frame in frames_of(task.data)
        ]

    def __call__(
        self, place: Place, method: Method
    ) -> tuple[NDArray[np.bool_], tuple[NDArray[Any], ...]]:
        """Return the voxels to write and their values in every frame."""
        around = self.task.around
        image = around.intensities(place.box)
        scene = place.scene(image, around.threshold, self.far_air, self.task)
        change = method(scene, *OUTWARD[place.index], self.rng)
        put = change.mask & place.allowed
        bare = np.zeros_like(put) if change.air is None else change.air
        out = []
        for dtype, limits, air in self.frames:
            values = as_frame(uniform_noise(int(put.sum()), limits, self.rng), dtype, self.rng)
            if air is not None:
                values[bare[put]] = air
            out.append(values)
        return put, tuple(out)


def _place_of(index: int, found: tuple[slice, ...], task: Task) -> Place:
    """Tell what lies around the box of a region."""
    zooms, shape = task.around.zooms, task.dseg.shape
    box = grown_box(found, AROUND_MM, zooms, shape)
    labels = task.dseg[box]
    hidden = np.isin(labels, [i for f in task.features for i in labels_of(f)])
    return Place(
        index=index,
        box=box,
        region=labels == index,
        hidden=hidden,
        head=task.around.head(box, hidden),
        air=task.around.air(box, hidden),
        allowed=~protected_in(box, task.dseg, task.margin_mm, zooms),
    )
