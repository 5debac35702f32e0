"""The whole facial surface hidden at once: what is to be written, and where."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from bids_deface.anatomy import BRAIN, LABELS
from bids_deface.distortion.face_model import FaceModel, lay_face
from bids_deface.distortion.whole_face import NewFace, replace_face
from bids_deface.errors import ImageError
from bids_deface.feature_table import LAST_LABEL
from bids_deface.filling import fill_of
from bids_deface.places import Edit, Place, Task

FACE = tuple(label.index for label in LABELS if label.feature is not None)
#: A region of which less is replaced sticks out where nobody looked for it.
LEAST_REPLACED = 0.3
#: Share of the face in which the old skin may lie deeper than all that is replaced.
GREATEST_DEEPEST = 0.08
DEEPER = "part of the old face may show under the new one"


def hide_face(
    task: Task, rng: np.random.Generator, *, uniform: bool = False, removed: bool = False
) -> Iterator[Edit]:
    """Hide all of the face; one edit, or none where the image shows nothing of it.

    Parameters
    ----------
    task
        What is known of the image; all its regions are hidden.
    rng, uniform
        As in :func:`bids_deface.hiding.hide_features`.
    removed
        Take the face off in front of a plane before the brain and put nothing in its place.

    Raises
    ------
    ImageError
        The image shows no brain around which a face could be laid.
    """
    affine, shape = task.around.affine, task.dseg.shape
    brain = task.dseg == BRAIN
    if not brain.any():
        if removed:
            return
        raise ImageError(
            "no brain is in the field of view, so nobody can tell where the face is.",
            "Choose --level features for this image.",
        )
    model = lay_face(brain, affine, task.margin_mm, removed=removed)
    reach = model.box(affine, shape)
    if reach is None:
        return
    hidden = (*FACE, *(row.index for row in task.extras.labels))
    place = task.place_of_regions(reach, hidden)
    new = model.within(place.box, affine)
    doubts = model.pose.doubts
    if not removed:
        new, deeper = _deepened(new, model, place, task)
        doubts += deeper
    edit = place.edit(*fill_of(task, rng, uniform=uniform)(place, partial(replace_face, new)))
    if not edit.put.any():
        return
    missed = _missed(edit.n_inside, task.dseg, hidden)
    gone = frozenset(model.places_outside() - missed) if removed else frozenset[int]()
    if not removed:
        doubts += tuple(
            f"most of the {task.extras.name_of(index)} lies outside of what was replaced"
            for index in missed
        )
    yield replace(edit, doubts=doubts, removed=gone)


def _deepened(
    new: NewFace, model: FaceModel, place: Place, task: Task
) -> tuple[NewFace, tuple[str, ...]]:
    """Return a new face that reaches under the old one, and why it may not."""
    depth_mm, deeper = model.depth(place.head, place.box, task.around.affine, task.slack_mm)
    return replace(new, depth_mm=depth_mm), (DEEPER,) if deeper > GREATEST_DEEPEST else ()


def _missed(
    n_inside: Mapping[int, int], dseg: NDArray[np.uint8], hidden: tuple[int, ...]
) -> frozenset[int]:
    """Return the labels of regions that lie elsewhere than where the face was changed."""
    sizes = np.bincount(dseg.ravel(order="K"), minlength=LAST_LABEL + 1)
    return frozenset(i for i in hidden if n_inside.get(i, 0) < LEAST_REPLACED * sizes[i])
