"""The whole job on one volume: detect, distort, check."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal
from typing import Protocol as TypingProtocol

import numpy as np
from numpy.typing import NDArray

from bids_deface.anatomy import ALL_FEATURES, BRAIN, LIMITS, FacialFeature
from bids_deface.assurance.brain import ChangeCount, count_changes, protected_region
from bids_deface.assurance.verdict import RegionEvidence, Verdict, decide
from bids_deface.bright_air import (
    doubts_of_bright_air,
    has_bright_air,
    surroundings_in_bright_air,
)
from bids_deface.detection.grid import conform
from bids_deface.detection.outline import find_outline
from bids_deface.detection.painting import grow_regions
from bids_deface.detection.recognition import require_content
from bids_deface.distortion.methods import PROTOCOLS, Protocol
from bids_deface.errors import UsageError
from bids_deface.frames import telling_frames
from bids_deface.hiding import Task, hide_features
from bids_deface.motion import Movement, movement_of
from bids_deface.surroundings import Surroundings
from bids_deface.volume import (
    Volume,
    canonical_affine,
    canonical_view,
    derived_volume,
    spatial_mean,
    zooms_of,
)

if TYPE_CHECKING:
    from bids_deface.detection.detector import FeatureMap

#: What replaces a feature: skin and air of the scan, or noise over its range of values.
Fill = Literal["tissue", "uniform"]
MASK_DESCRIPTION = "voxels changed by defacing (1 = changed)"


class FeatureSource(TypingProtocol):
    """Where the features are: the detector, or regions carried over from another image."""

    @property
    def sha256(self) -> str:
        """Checksum of the weights behind the regions."""

    def detect(self, image: NDArray[np.float32], affine: NDArray[np.float64]) -> FeatureMap:
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
        values, for images without a skin signal of their own (phase, quantitative maps).

    Raises
    ------
    ImageError
        No head was recognised, or the image cannot be judged.
    """
    image = spatial_mean(volume)
    require_content(image, zooms_of(volume.affine))
    features = source.detect(
        canonical_view(image, volume.affine), canonical_affine(image.shape, volume.affine)
    )
    # Where the header lies about the head's orientation, all goes on in the upright world.
    world = features.turn @ volume.affine
    upright, affine = canonical_view(image, world), canonical_affine(image.shape, world)
    zooms = zooms_of(affine)
    moves = Movement()
    if fill == "tissue":
        moves = movement_of(telling_frames(volume.data), image, volume.affine, volume.slope)
    if moves.slack_mm:
        features = replace(features, dseg=grow_regions(features.dseg, moves.slack_mm, zooms))
    bright_air = features.surface is None and has_bright_air(
        upright, features.dseg, zooms, features.threshold
    )
    threshold = math.nan if bright_air else math.copysign(1, volume.slope) * features.threshold
    out = volume.data.copy(order="F")
    mask = np.zeros(upright.shape, dtype=bool)
    before, after = (canonical_view(data, world) for data in (volume.data, out))
    task = Task(
        data=before,
        dseg=features.dseg,
        around=_surroundings(features, upright, affine, bright_air),
        protocol=settings.methods,
        features=settings.features,
        threshold=threshold,
        # In thick slices the margin is a whole slice: the brain's edge lies somewhere within it.
        margin_mm=max(LIMITS.brain_margin_mm, float(zooms.max())) + moves.slack_mm,
        slack_mm=moves.slack_mm,
    )
    changed_ml: dict[int, float] = {}
    rng = np.random.default_rng(settings.random_seed)
    for edit in hide_features(task, rng, uniform=fill == "uniform"):
        edit.write(after, mask)
        changed_ml[edit.index] = edit.n_inside * float(np.prod(zooms)) / 1000
    protected = protected_region(features.dseg == BRAIN, task.margin_mm, zooms)
    changes = count_changes(before, after, mask, protected)
    evidence = _evidence(features, changed_ml)
    doubts = doubts_of_bright_air(upright, features.dseg, zooms) if bright_air else ()
    return DefaceResult(
        volume=volume.with_data(out),
        mask=_as_stored_order(mask.astype(np.uint8), volume, world),
        dseg=_as_stored_order(features.dseg, volume, world),
        changes=changes,
        verdict=decide(evidence, settings.features, changes, (*moves.doubts, *doubts)),
        features=features,
        weights_sha256=source.sha256,
        notes=moves.notes,
    )


def _surroundings(
    found: FeatureMap, image: NDArray[np.float32], affine: NDArray[np.float64], bright_air: bool
) -> Surroundings:
    """Return the head's surroundings, from the reference where the scan does not show them."""
    if bright_air:
        return surroundings_in_bright_air(image, found.dseg, affine)
    if found.surface is None:
        grid = found.head_grid
        return Surroundings.of(image, affine, found.head, grid.affine, found.threshold)
    reference, there = found.surface
    conformed = conform(reference, there)
    outline = find_outline(conformed)
    grid = conformed.grid
    return Surroundings.of(reference, affine, outline.mask, grid.affine, outline.threshold, there)


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


def _as_stored_order(
    canonical: NDArray[np.uint8], volume: Volume, world: NDArray[np.float64]
) -> NDArray[np.uint8]:
    """Turn an array from canonical axes back to the volume's own."""
    out = np.zeros(volume.data.shape[:3], dtype=np.uint8, order="F")
    canonical_view(out, world)[...] = canonical
    return out
