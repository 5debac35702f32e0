"""The whole job on one volume: detect, distort, check."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal
from typing import Protocol as TypingProtocol

import numpy as np
from numpy.typing import NDArray

from bids_deface.anatomy import ALL_FEATURES, LIMITS, FacialFeature, labels_of
from bids_deface.assurance.brain import ChangeCount, count_changes, protected_in
from bids_deface.assurance.verdict import Decision, RegionEvidence, Verdict, decide
from bids_deface.containers.nifti import derived_volume
from bids_deface.detection.painting import grow_regions
from bids_deface.detection.recognition import require_content, require_mr
from bids_deface.distortion.methods import PROTOCOLS, Protocol
from bids_deface.errors import SkullStrippedError, UsageError
from bids_deface.frames import telling_frames
from bids_deface.hiding import Edit, Task, hide_features
from bids_deface.memory import give_back_memory
from bids_deface.motion import Movement, movement_of
from bids_deface.skin import find_skin
from bids_deface.volume import (
    Volume,
    canonical_affine,
    canonical_view,
    one_image,
    sample_values,
    stored_view,
    zooms_of,
)

if TYPE_CHECKING:
    from bids_deface.detection.featuremap import FeatureMap

#: What replaces a feature: skin and air of the scan, or noise over its range of values.
Fill = Literal["tissue", "uniform"]
MASK_DESCRIPTION = "voxels changed by defacing (1 = changed)"


class FeatureSource(TypingProtocol):
    """Where the features are: the detector, or regions carried over from another image."""

    @property
    def sha256(self) -> str:
        """Checksum of the weights behind the regions."""

    def detect(self, image: NDArray[Any], affine: NDArray[np.float64]) -> FeatureMap:
        """Return the features of one image whose axes run right, anterior, superior."""


@dataclass(frozen=True)
class DefaceSettings:
    """What to hide and how.

    Attributes
    ----------
    features
        Features to hide.
    protocol
        Name of the set of methods.
    random_seed
        Seed of the random fill; None (default) draws from the system. A seed that becomes known
        lets others repeat the fill, so none is ever written.
    """

    features: tuple[FacialFeature, ...] = ALL_FEATURES
    protocol: str = "default"
    random_seed: int | None = None

    @classmethod
    def of(
        cls,
        features: Iterable[str] | None = None,
        protocol: str = "default",
        random_seed: int | None = None,
    ) -> DefaceSettings:
        """Check names and fill in the protocol's own features where none are chosen.

        Raises
        ------
        UsageError
            A feature or protocol is unknown, or the protocol has no method for a feature.
        """
        if protocol not in PROTOCOLS:
            raise UsageError(f"Unknown protocol {protocol!r}.", f"Choose from {[*PROTOCOLS]}.")
        known = PROTOCOLS[protocol].features
        chosen = known if features is None else tuple(features)
        for name in chosen:
            if name not in known:
                raise UsageError(
                    f"Unknown feature {str(name)!r} for protocol {protocol}.",
                    f"Choose from {' '.join(known)}.",
                )
        if not chosen:
            raise UsageError("No feature chosen.", f"Choose from {' '.join(known)}.")
        return cls(tuple(f for f in known if f in chosen), protocol, random_seed)

    @property
    def labels(self) -> frozenset[int]:
        """Label indices of the chosen features."""
        return frozenset(index for feature in self.features for index in labels_of(feature))

    @property
    def methods(self) -> Protocol:
        """The chosen set of methods."""
        return PROTOCOLS[self.protocol]


@dataclass(frozen=True)
class DefaceResult:
    """Everything known after defacing one volume.

    Attributes
    ----------
    volume
        The defaced volume; what lies outside ``mask`` is as it was.
    mask
        uint8 (i, j, k), 1 where voxels were changed.
    dseg
        uint8 (i, j, k), regions of the facial features and the brain.
    changes
        Comparison with the input.
    verdict
        PASS, REVIEW or FAIL with reasons.
    features
        What the detector found, axes running right, anterior, superior.
    weights_sha256
        The detector that was used.
    notes
        What else is worth telling, in words; no cause for review.
    """

    volume: Volume
    mask: NDArray[np.uint8]
    dseg: NDArray[np.uint8]
    changes: ChangeCount
    verdict: Verdict
    features: FeatureMap
    weights_sha256: str
    notes: tuple[str, ...] = ()

    @property
    def world(self) -> NDArray[np.float64]:
        """Voxel-to-world matrix in which the head is upright; the volume's own as a rule."""
        return np.asarray(self.features.turn @ self.volume.affine)

    @property
    def mask_volume(self) -> Volume:
        """The mask as a volume on the scan's grid."""
        return derived_volume(self.mask, self.volume, MASK_DESCRIPTION)

    @property
    def dseg_volume(self) -> Volume:
        """The regions as a volume on the scan's grid."""
        return derived_volume(self.dseg, self.volume, "facial regions and brain")


def deface_volume(
    volume: Volume,
    settings: DefaceSettings,
    source: FeatureSource,
    *,
    fill: Fill = "tissue",
) -> DefaceResult:
    """Hide the chosen features of one volume.

    Parameters
    ----------
    volume
        The scan, 3D or with further frames.
    settings
        Features and methods.
    source
        Where the features are.
    fill
        ``tissue``: skin and air of the scan. ``uniform``: noise over the scan's own range of
        values, for images whose values are no signal (phase).

    Raises
    ------
    ImageError
        No head was recognised, or the image cannot be judged.
    """
    image, features = find_features(volume, source)
    # Where the header lies about the head's orientation, all goes on in the upright world.
    world = features.turn @ volume.affine
    upright, affine = canonical_view(image, world), canonical_affine(image.shape, world)
    zooms = zooms_of(affine)
    moves = _movement(volume, image, features, fill)
    dseg = grow_regions(features.dseg, moves.slack_mm, zooms) if moves.slack_mm else features.dseg
    skin = find_skin(features, upright, affine)
    before = canonical_view(volume.data, world)
    task = Task(
        data=before,
        dseg=dseg,
        around=skin.around,
        protocol=settings.methods,
        features=settings.features,
        threshold=skin.threshold if volume.slope > 0 else -skin.threshold,
        # In thick slices the margin is a whole slice: the brain's edge lies somewhere within it.
        margin_mm=max(LIMITS.brain_margin_mm, float(zooms.max())) + moves.slack_mm,
        slack_mm=moves.slack_mm,
    )
    rng = np.random.default_rng(settings.random_seed)
    edits = []
    for edit in hide_features(task, rng, uniform=fill == "uniform"):
        edits.append(edit)
        give_back_memory()
    out, mask = _written(volume, edits, world)
    changes = count_changes(
        before,
        canonical_view(out, world),
        canonical_view(mask, world),
        partial(protected_in, dseg=dseg, margin_mm=task.margin_mm, zooms=zooms),
    )
    voxel_ml = float(np.prod(zooms)) / 1000
    evidence = _evidence(features, {edit.index: edit.n_inside * voxel_ml for edit in edits})
    doubts = tuple(dict.fromkeys((*features.image_doubts, *moves.doubts, *skin.doubts)))
    verdict = decide(evidence, settings.features, changes, doubts)
    return DefaceResult(
        volume=volume.with_data(out),
        mask=mask,
        dseg=stored_view(dseg, world),
        changes=changes,
        verdict=verdict,
        # As found, not as grown: whoever inherits grows them by itself.
        features=replace(features, slack_mm=moves.known_slack_mm, image_doubts=doubts),
        weights_sha256=source.sha256,
        notes=(*volume.notes, *moves.notes, *_notes(features, changes, verdict)),
    )


def find_features(volume: Volume, source: FeatureSource) -> tuple[NDArray[Any], FeatureMap]:
    """Return one image that stands for a volume, and the features in it.

    Parameters
    ----------
    volume, source
        As in :func:`deface_volume`.

    Raises
    ------
    ImageError
        No head was recognised, or the image cannot be judged.
    """
    require_mr(sample_values(volume))
    image = one_image(volume)
    require_content(image, zooms_of(volume.affine))
    features = source.detect(
        canonical_view(image, volume.affine), canonical_affine(image.shape, volume.affine)
    )
    if features.stripped and volume.n_frames > 1:
        # Where most frames are dark (diffusion), a face may show in the others only.
        raise SkullStrippedError("a series that seems skull-stripped, judged by its median frame.")
    return image, features


def _movement(volume: Volume, image: NDArray[Any], features: FeatureMap, fill: Fill) -> Movement:
    """Return the motion to reckon with: measured here, or known of the reference."""
    known = Movement.inherited(features.slack_mm)
    if fill == "tissue" and volume.n_frames > 1:
        own = movement_of(telling_frames(volume.data), image, volume.affine, volume.slope)
        return own.at_least(known)
    if volume.n_frames > 1 and features.slack_mm is None:
        return replace(known, doubts=("nobody knows how far the head moves between frames",))
    return known


def _notes(found: FeatureMap, changes: ChangeCount, verdict: Verdict) -> tuple[str, ...]:
    """Return what is worth telling though it is no doubt."""
    notes: tuple[str, ...] = ()
    if found.stripped:
        notes += ("the image is skull-stripped",)
    if not changes.changed and verdict.decision is Decision.PASS:
        notes += ("nothing was left to hide, the voxels are as they were",)
    return notes


def _written(
    volume: Volume, edits: list[Edit], world: NDArray[np.float64]
) -> tuple[NDArray[Any], NDArray[np.uint8]]:
    """Return the voxels with all edits in them, and the mask, both in stored order."""
    out = volume.data.copy(order="F")
    mask = np.zeros(out.shape[:3], dtype=np.uint8, order="F")
    for edit in edits:
        edit.write(canonical_view(out, world), canonical_view(mask, world))
    return out, mask


def _evidence(found: FeatureMap, changed_ml: dict[int, float]) -> tuple[RegionEvidence, ...]:
    return tuple(
        RegionEvidence(
            index=report.index,
            expected_here=report.status in ("found", "cut_off", "doubtful"),
            doubt=report.reason,
            changed_ml=changed_ml.get(report.index, 0.0),
        )
        for report in found.regions
    )
