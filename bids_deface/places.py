"""What is to be hidden, where it lies, and what is to be written there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bids_deface.anatomy import FacialFeature, labels_of
from bids_deface.assurance.aliasing import Copy
from bids_deface.assurance.brain import protected_in
from bids_deface.distortion.methods import Protocol
from bids_deface.distortion.scene import Scene
from bids_deface.feature_table import STANDARD, FeatureTable
from bids_deface.frames import frames_of
from bids_deface.surroundings import Surroundings
from bids_deface.tissue import (
    Box,
    bounding_box,
    box_from,
    box_within,
    common_box,
    grown_box,
    labelled,
)

#: Surroundings of what is hidden, mm: skin to learn from and air to draw from.
AROUND_MM = 20.0


@dataclass(frozen=True)
class Edit:
    """New values in one box of an image.

    Attributes
    ----------
    box
        Slices (i, j, k) of the image.
    put
        bool, shape of the box: voxels to write.
    values
        Stored values (frame, voxel), voxels in the order of ``put``.
    n_inside
        Number of these voxels inside each hidden region, by label index.
    n_spared
        Number of voxels that the method would have changed, but for the brain.
    doubts
        In words, why what they show may not be hidden.
    removed
        Labels of the features whose whole place became air, wherever in it they were.
    """

    box: Box
    put: NDArray[np.bool_]
    values: tuple[NDArray[Any], ...]
    n_inside: Mapping[int, int]
    n_spared: int
    doubts: tuple[str, ...] = ()
    removed: frozenset[int] = frozenset()

    def write(self, data: NDArray[Any]) -> None:
        """Write the values into an image (i, j, k[, t...])."""
        for frame, values in zip(frames_of(data), self.values, strict=True):
            frame[self.box][self.put] = values


def changed_in(box: Box, edits: Iterable[Edit]) -> NDArray[np.bool_]:
    """Return which voxels of a box of the image are written by any of some edits."""
    out = np.zeros([s.stop - s.start for s in box], dtype=bool)
    for edit in edits:
        shared = common_box(box, edit.box)
        out[box_within(shared, box)] |= edit.put[box_within(shared, edit.box)]
    return out


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
    copies
        Copies of features that hang in the air, to be erased.
    sign
        -1 where a lower stored value is more signal.
    chance
        Seed of the bumps, drawn once for all frames and kept nowhere; None for no bumps.
    extras
        What to hide of the features that the weights know beside the standard ones.
    """

    data: NDArray[Any]
    dseg: NDArray[np.uint8]
    around: Surroundings
    protocol: Protocol
    features: tuple[FacialFeature, ...]
    threshold: float
    margin_mm: float
    slack_mm: float = 0.0
    copies: tuple[Copy, ...] = ()
    sign: int = 1
    chance: int | None = None
    extras: FeatureTable = STANDARD

    def place_of_regions(
        self, found: Box, hidden: tuple[int, ...], around_mm: float = AROUND_MM
    ) -> Place:
        """Tell what lies around regions.

        Parameters
        ----------
        found
            Slices of the image around what is hidden.
        hidden
            Labels of what is hidden here, the others of the chosen features elsewhere.
        around_mm
            Surroundings that are seen.
        """
        box = grown_box(found, around_mm, self.around.zooms, self.dseg.shape)
        labels = self.dseg[box]
        here = labelled(labels, hidden)
        chosen = tuple(i for feature in self.features for i in labels_of(feature))
        chosen += tuple(row.index for row in self.extras.labels)
        return self._place(box, labels, here, chosen)

    def place_of_copy(self, copy: Copy) -> Place:
        """Tell what lies around the copy of a feature, which is no region itself."""
        box = grown_box(copy.box, AROUND_MM, self.around.zooms, self.dseg.shape)
        here = np.zeros(self.dseg[box].shape, dtype=bool)
        here[box_within(copy.box, box)] = copy.mask
        return self._place(box, np.zeros(here.shape, dtype=np.uint8), here, ())

    def _place(
        self,
        box: Box,
        labels: NDArray[np.uint8],
        here: NDArray[np.bool_],
        others: tuple[int, ...],
    ) -> Place:
        head, air = self.around.parts(box, here | labelled(labels, others))
        return Place(
            box=box,
            labels=labels,
            region=here,
            others=others,
            head=head,
            air=air,
            allowed=~protected_in(box, self.dseg, self.margin_mm, self.around.zooms),
        )


@dataclass(frozen=True)
class Place:
    """Where something is hidden in one go.

    Attributes
    ----------
    box
        Slices of the image: what is hidden and its surroundings.
    labels
        uint8, shape of the box: all regions.
    region
        bool, what is hidden here.
    others
        Labels of what is hidden elsewhere.
    head, air
        bool, what is head and what is surely air.
    allowed
        bool, voxels that may change.
    """

    box: Box
    labels: NDArray[np.uint8]
    region: NDArray[np.bool_]
    others: tuple[int, ...]
    head: NDArray[np.bool_]
    air: NDArray[np.bool_]
    allowed: NDArray[np.bool_]

    def scene(
        self, values: NDArray[Any], threshold: float, far_air: NDArray[Any], task: Task
    ) -> Scene:
        """Return what a method sees of these values."""
        air = self.air & np.isfinite(values) if values.dtype.kind == "f" else self.air
        return Scene(
            data=values,
            region=self.region,
            labels=self.labels,
            others=self.others,
            head=self.head,
            air=air,
            zooms=task.around.zooms,
            threshold=threshold,
            far_air=far_air,
            slack_mm=task.slack_mm,
            chance=task.chance,
        )

    def edit(self, wanted: NDArray[np.bool_], values: tuple[NDArray[Any], ...]) -> Edit:
        """Return what is to be written.

        Parameters
        ----------
        wanted
            bool, shape of the box: voxels that are to change, if they may.
        values
            Stored values (frame, voxel) of those that may.
        """
        put = wanted & self.allowed
        counts = np.bincount(self.labels[put & self.region])
        tight = bounding_box(put)
        return Edit(
            box=box_from(tight, self.box),
            put=put[tight].copy(),
            values=values,
            n_inside={i: int(n) for i, n in enumerate(counts) if i and n},
            n_spared=int((wanted & ~self.allowed).sum()),
        )
