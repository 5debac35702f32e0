"""Every chosen feature hidden, in boxes: what is to be written, and where."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np

from bids_deface.distortion.erasure import erase
from bids_deface.distortion.methods import Method
from bids_deface.distortion.scene import Change, Scene
from bids_deface.filling import fill_of
from bids_deface.places import Edit, Task
from bids_deface.tissue import enclosing_box, region_boxes


def hide_features(
    task: Task, rng: np.random.Generator, *, uniform: bool = False, bumps: bool = True
) -> Iterator[Edit]:
    """Hide one feature after the other; write the edits in the order in which they come.

    Parameters
    ----------
    task
        What to hide.
    rng
        Random generator of the fill.
    uniform
        Fill with uniform noise over each frame's own range instead of skin and air, for images
        without a skin signal of their own.
    bumps
        Lay bumps drawn by chance on the new skin.
    """
    task = replace(task, chance=int(rng.integers(2**62)) if bumps else None)
    fill = fill_of(task, rng, uniform=uniform)
    boxes = region_boxes(task.dseg)
    for hiding in task.protocol.tasks(task.features, task.extras):
        found = tuple(i for i in hiding.labels if i in boxes)
        if found:
            box = enclosing_box([boxes[i] for i in found])
            place = task.place_of_regions(box, found, hiding.step.around_mm)
            yield place.edit(*fill(place, partial(_outward, hiding.step.method, *hiding.outward)))


def erase_copies(task: Task, rng: np.random.Generator, *, uniform: bool = False) -> Iterator[Edit]:
    """Erase the copies of features that hang in the air; parameters as in `hide_features`."""
    if task.copies:
        fill = fill_of(task, rng, uniform=uniform)
        for copy in task.copies:
            place = task.place_of_copy(copy)
            yield place.edit(*fill(place, erase))


def _outward(
    method: Method, axis: int, sign: int, scene: Scene, rng: np.random.Generator
) -> Change:
    """Apply a method with its outward axis."""
    return method(scene, axis, sign, rng)
