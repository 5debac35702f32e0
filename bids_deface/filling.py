"""Fill what is hidden: by skin and air of each frame, or by noise over its range."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bids_deface.distortion.noise import as_frame, constant_air, uniform_noise
from bids_deface.distortion.scene import Change, Scene
from bids_deface.frames import (
    common_darkness,
    finite_range,
    frames_of,
    real_part,
    relative_levels,
    telling_frames,
)
from bids_deface.places import Place, Task

#: What makes a change of a scene.
Hide = Callable[[Scene, np.random.Generator], Change]
#: Returns the voxels of a place to change, and values of the allowed ones in every frame.
Filler = Callable[[Place, Hide], tuple[NDArray[np.bool_], tuple[NDArray[Any], ...]]]


def fill_of(task: Task, rng: np.random.Generator, *, uniform: bool) -> Filler:
    """Return what fills every frame; parameters as in `bids_deface.hiding.hide_features`."""
    return _UniformFill(task, rng) if uniform else _TissueFill(task, rng)


class _TissueFill:
    """Skin and air of each frame itself."""

    def __init__(self, task: Task, rng: np.random.Generator) -> None:
        self.task, self.rng = task, rng
        frames = frames_of(task.data)
        telling = telling_frames(task.data)
        levels = relative_levels(frames, telling, task.sign)
        dark = common_darkness(telling, task.sign)
        thresholds = task.sign * (dark + (task.sign * task.threshold - dark) * levels)
        self.frames = [
            (frame, float(threshold), task.around.far_air(real_part(frame), rng))
            for frame, threshold in zip(frames, thresholds, strict=True)
        ]

    def __call__(
        self, place: Place, hide: Hide
    ) -> tuple[NDArray[np.bool_], tuple[NDArray[Any], ...]]:
        """Return the voxels to change, and values of the allowed ones in every frame."""
        out = []
        wanted = np.zeros_like(place.region)
        for frame, threshold, far_air in self.frames:
            values = real_part(frame[place.box])
            scene = place.scene(values, threshold, far_air, self.task)
            change = hide(scene, self.rng)
            wanted = change.mask
            put = change.values[place.allowed[wanted]]
            out.append(as_frame(put, frame.dtype, self.rng))
        return wanted, tuple(out)


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
        self, place: Place, hide: Hide
    ) -> tuple[NDArray[np.bool_], tuple[NDArray[Any], ...]]:
        """Return the voxels to change, and values of the allowed ones in every frame."""
        around = self.task.around
        image = around.intensities(place.box)
        scene = place.scene(image, around.threshold, self.far_air, self.task)
        change = hide(scene, self.rng)
        bare = change.air[place.allowed[change.mask]]
        out = []
        for dtype, limits, air in self.frames:
            values = as_frame(uniform_noise(bare.size, limits, self.rng), dtype, self.rng)
            if air is not None:
                values[bare] = air
            out.append(values)
        return change.mask, tuple(out)
