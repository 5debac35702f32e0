"""A look at the defaced head: faces found, and what is left of each feature."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bids_deface.anatomy import BRAIN, FacialFeature, labels_of, name_of
from bids_deface.assurance.face import find_faces
from bids_deface.assurance.residues import Residue, doubts_of_residues, measure_residues
from bids_deface.assurance.untouched import doubts_of_untouched, untouched_ml
from bids_deface.detection.grid import (
    SPACING_MM,
    ConformedImage,
    conform,
    conform_again,
    resample_labels,
)
from bids_deface.feature_table import STANDARD, FeatureTable
from bids_deface.tissue import Box, InBox, region_boxes
from bids_deface.volume import zooms_of

#: With these hidden, nobody should find a face.
A_FACE = frozenset({FacialFeature.EYES, FacialFeature.NOSE})


@dataclass(frozen=True)
class Inspection:
    """What the head looks like before and after.

    Attributes
    ----------
    faces_before, faces_after
        Detector to the number of its views in which it finds a face.
    residues
        What is left of each standard region, by label index.
    untouched
        Tissue (ml) of each region of the weights' own features that is as it was, by label index.
    own_skin
        Whether the skin around a feature is the person's own; else the whole face is a new one.
    """

    faces_before: Mapping[str, int]
    faces_after: Mapping[str, int]
    residues: Mapping[int, Residue]
    untouched: Mapping[int, float] = field(default_factory=dict)
    own_skin: bool = True

    def doubts(
        self,
        features: Iterable[FacialFeature],
        whole: Collection[int],
        removed: frozenset[int] = frozenset(),
        *,
        extras: FeatureTable = STANDARD,
    ) -> tuple[str, ...]:
        """Return what speaks against the face being gone.

        Parameters
        ----------
        features
            What was to be hidden.
        whole
            Labels of what lies whole in the field of view: the skin there can be measured.
        removed
            Labels of what was taken off with all around it: no skin is left there to judge.
        extras
            What was to be hidden of the weights' own features.
        """
        chosen = frozenset(features)
        found = tuple(
            f"a face is still found by the detector {name}"
            for name, n_views in self.faces_after.items()
            if n_views and chosen >= A_FACE
        )
        labels = {index for feature in chosen for index in labels_of(feature)} - removed
        left = (residue for index, residue in self.residues.items() if index in labels)
        unseen = tuple(
            f"no skin was found at the {name_of(index)}, so nobody knows what is left of it"
            for index in sorted(labels & set(whole) - set(self.residues))
        )
        own = doubts_of_residues(left, own_skin=self.own_skin)
        return found + unseen + own + doubts_of_untouched(self.untouched, extras)


def inspect_head(
    before: NDArray[Any],
    after: NDArray[Any],
    affine: NDArray[np.float64],
    dseg: NDArray[np.uint8],
    changed: InBox,
    threshold: float,
    boxes: list[Box] | None = None,
    seen: ConformedImage | None = None,
    earlier: Inspection | None = None,
    extras: FeatureTable = STANDARD,
    *,
    own_skin: bool = True,
) -> Inspection:
    """Compare the head's surface before and after, on the detector's grid.

    Parameters
    ----------
    before, after
        Intensities (i, j, k), axes right, anterior, superior, brighter = more signal.
    affine
        Voxel-to-world matrix (4x4, mm) in which the head is upright.
    dseg
        Regions, same grid.
    changed
        Returns the changed voxels in a box of this grid.
    threshold
        Intensity of the head's surface.
    boxes
        Slices of this grid beyond which nothing changed; None where anything may have.
    seen
        The head before, on the detector's grid; None leaves it to be resampled.
    earlier
        Another look at the same head before; None leaves it to be looked at.
    extras
        What was hidden of the weights' own features.
    own_skin
        Whether the skin around a feature is the person's own.
    """
    first = seen or conform(before, affine)
    small = conform(after, affine) if boxes is None else conform_again(first, after, affine, boxes)
    faces_before = earlier.faces_before if earlier else _faces(first, threshold)
    labels = resample_labels(dseg, affine, small.grid)
    left = _tissue_left(before, dseg, changed, threshold) * abs(
        float(np.linalg.det(affine[:3, :3]))
    )
    residues = measure_residues(
        small.image,
        labels,
        np.full(3, SPACING_MM),
        small.scaled(threshold),
        dict(enumerate((left / 1000).tolist())),
        None if own_skin else (first.image, first.scaled(threshold)),
    )
    untouched = untouched_ml(before, dseg, zooms_of(affine), changed, threshold, extras)
    return Inspection(faces_before, _faces(small, threshold), residues, untouched, own_skin)


def _faces(look: ConformedImage, threshold: float) -> dict[str, int]:
    return find_faces(look.image, look.grid.affine, look.scaled(threshold))


def _tissue_left(
    image: NDArray[Any], dseg: NDArray[np.uint8], changed: InBox, threshold: float
) -> NDArray[np.float64]:
    """Return how many voxels of tissue in each region are as they were, by label index."""
    counts = np.zeros(BRAIN + 1)
    for index, box in region_boxes(dseg).items():
        if index < BRAIN:
            kept = (dseg[box] == index) & ~changed(box)
            counts[index] = (image[box][kept] > threshold).sum()
    return counts
