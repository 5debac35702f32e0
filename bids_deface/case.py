"""One volume before anything is hidden: where its features are, where skin and air."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from bids_deface.anatomy import LIMITS
from bids_deface.assurance.aliasing import Wrapped, find_wrapped
from bids_deface.assurance.brain_shape import guard_brain, is_guarded
from bids_deface.bright_air import has_bright_air
from bids_deface.detection.painting import grow_regions
from bids_deface.detection.recognition import require_content, require_mr
from bids_deface.errors import SkullStrippedError
from bids_deface.frames import telling_frames
from bids_deface.motion import Movement, movement_of
from bids_deface.places import Task
from bids_deface.settings import DefaceSettings
from bids_deface.skin import find_skin
from bids_deface.volume import (
    Volume,
    canonical_affine,
    canonical_view,
    one_image,
    sample_values,
    zooms_of,
)

if TYPE_CHECKING:
    from bids_deface.detection.featuremap import FeatureMap
    from bids_deface.detection.grid import ConformedImage
    from bids_deface.detection.source import FeatureSource
    from bids_deface.surroundings import Surroundings

#: What replaces a feature: skin and air of the scan, or noise over its range of values.
Fill = Literal["tissue", "uniform"]


@dataclass(frozen=True)
class Case:
    """One volume, and all that is known of it before anything is hidden.

    Attributes
    ----------
    volume
        The scan.
    image
        One image that stands for it (i, j, k), axes right, anterior, superior.
    features
        What the detector knows of it, or another image of the session.
    world
        Voxel-to-world matrix in which the head is upright.
    moves
        Motion between its frames.
    task
        What is to be hidden, and where skin and air are.
    skin_threshold
        Intensity of the skin in ``image``; NaN where none parts it from air.
    uniform
        Whether noise over the scan's own range replaces a feature.
    doubts
        In words, what speaks against the image as a whole.
    notes
        What else is worth telling of it.
    """

    volume: Volume
    image: NDArray[Any]
    features: FeatureMap
    world: NDArray[np.float64]
    moves: Movement
    task: Task
    skin_threshold: float
    uniform: bool
    doubts: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def shows_skin(self) -> bool:
        """Whether the head's surface can be seen in the scan itself."""
        return self.features.surface is None and math.isfinite(self.skin_threshold)

    @property
    def seen(self) -> ConformedImage | None:
        """The image on the detector's grid, if the detector saw this very image there."""
        return None if self.features.inherited_from else self.features.seen


def prepare(volume: Volume, settings: DefaceSettings, source: FeatureSource, fill: Fill) -> Case:
    """Find out what there is to hide; parameters as in ``deface_volume``."""
    image, features = find_features(volume, source)
    # Where the header lies about the head's orientation, all goes on in the upright world.
    world = features.turn @ volume.affine
    upright, affine = canonical_view(image, world), canonical_affine(image.shape, world)
    zooms = zooms_of(affine)
    moves = _movement(volume, image, features, fill)
    dseg = grow_regions(features.dseg, moves.slack_mm, zooms) if moves.slack_mm else features.dseg
    skin = find_skin(features, upright, affine)
    wrapped = _wrapped(features, skin.around, settings)
    sign = -1 if volume.slope < 0 else 1
    task = Task(
        data=canonical_view(volume.data, world),
        dseg=dseg,
        around=skin.around,
        protocol=settings.methods,
        features=settings.features,
        threshold=sign * skin.threshold,
        # In thick slices the margin is a whole slice: the brain's edge lies somewhere within it.
        margin_mm=max(LIMITS.brain_margin_mm, float(zooms.max())) + moves.slack_mm,
        slack_mm=moves.slack_mm,
        copies=wrapped.copies,
        sign=sign,
        extras=settings.extras,
    )
    doubts = (*features.image_doubts, *moves.doubts, *skin.doubts, *wrapped.doubts)
    return Case(
        volume=volume,
        image=upright,
        features=features,
        world=world,
        moves=moves,
        task=task,
        skin_threshold=skin.threshold,
        uniform=fill == "uniform",
        doubts=tuple(dict.fromkeys(doubts)),
        notes=(*moves.notes, *wrapped.notes),
    )


def find_features(volume: Volume, source: FeatureSource) -> tuple[NDArray[Any], FeatureMap]:
    """Return one image that stands for a volume, and the features in it.

    Parameters
    ----------
    volume, source
        As in :func:`bids_deface.deface.deface_volume`.

    Raises
    ------
    ImageError
        No head was recognised, or the image cannot be judged.
    """
    image = require_mr_content(volume)
    features = source.detect(
        canonical_view(image, volume.affine), canonical_affine(image.shape, volume.affine)
    )
    if features.stripped and volume.n_frames > 1:
        # Where most frames are dark (diffusion), a face may show in the others only.
        raise SkullStrippedError("a series that seems skull-stripped, judged by its median frame.")
    return image, _guarded(features, image, volume.affine)


def require_mr_content(volume: Volume) -> NDArray[Any]:
    """Return one image that stands for a volume, if it may show a head in MR.

    Raises
    ------
    ImageError
        It is CT, constant, or too small for any head.
    """
    require_mr(sample_values(volume))
    image = one_image(volume)
    require_content(image, zooms_of(volume.affine))
    return image


def _guarded(features: FeatureMap, image: NDArray[Any], affine: NDArray[np.float64]) -> FeatureMap:
    """Return features with a brain that is surely spared, and why it was in doubt."""
    # Once for each head: whoever inherits its regions gets the same brain.
    if features.inherited_from or is_guarded(features.image_doubts):
        return features
    world = features.turn @ affine
    upright, there = canonical_view(image, world), canonical_affine(image.shape, world)
    # The outline of a bare brain is the brain's own; that of a head in bright air is a guess.
    is_vague = features.stripped or has_bright_air(
        upright, features.dseg, zooms_of(there), features.threshold
    )
    head = None if is_vague else features.head
    dseg, doubts = guard_brain(features.dseg, there, head, features.head_grid.affine)
    return replace(features, dseg=dseg, image_doubts=(*features.image_doubts, *doubts))


def _wrapped(features: FeatureMap, around: Surroundings, settings: DefaceSettings) -> Wrapped:
    """Look for copies of features at the far border, in the image that shows the surface."""
    same = around.image.shape == features.dseg.shape and np.allclose(
        around.image_affine, around.affine, atol=1e-2
    )
    if not same:
        return Wrapped(looked_for=False)
    return find_wrapped(
        around.image, features.dseg, around.affine, around.threshold, settings.labels
    )


def _movement(volume: Volume, image: NDArray[Any], features: FeatureMap, fill: Fill) -> Movement:
    """Return the motion to reckon with: measured here, or known of the reference."""
    known = Movement.inherited(features.slack_mm)
    if fill == "tissue" and volume.n_frames > 1:
        own = movement_of(telling_frames(volume.data), image, volume.affine, volume.slope)
        return own.at_least(known)
    if volume.n_frames > 1 and features.slack_mm is None:
        return replace(known, doubts=("nobody knows how far the head moves between frames",))
    return known
