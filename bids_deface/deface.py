"""The whole job on one volume: detect, distort, check."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from bids_deface.anatomy import BRAIN, FacialFeature, name_of
from bids_deface.assurance.brain import ChangeCount, count_changes, protected_in
from bids_deface.assurance.verdict import (
    LEAST_CHANGE_ML,
    Decision,
    RegionEvidence,
    Verdict,
    decide,
)
from bids_deface.case import Case, Fill, prepare
from bids_deface.detection.corrections import CORRECTED, describe_corrected
from bids_deface.detection.landmarks import Landmark, estimate_landmarks, notes_on
from bids_deface.detection.orientation import WRONG_HEADER
from bids_deface.detection.source import FeatureSource
from bids_deface.distortion.methods import DEFAULT_PROTOCOL
from bids_deface.face_hiding import hide_face
from bids_deface.feature_table import STANDARD, FeatureTable
from bids_deface.hiding import erase_copies, hide_features
from bids_deface.inspection import Inspection, inspect_head
from bids_deface.kinds import Level, OnDoubt
from bids_deface.memory import give_back_memory
from bids_deface.places import Edit, changed_in
from bids_deface.result import DefaceResult
from bids_deface.settings import DefaceSettings
from bids_deface.volume import Volume, canonical_view, one_image, stored_view

if TYPE_CHECKING:
    from bids_deface.detection.featuremap import FeatureMap
    from bids_deface.detection.plausibility import RegionReport

#: How often bumps are drawn, should a face be seen in them, before there are none.
DRAWS: Final = 3
#: Share of one of the weights' own features that must change, where it is small.
SMALL_SHARE: Final = 0.1


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
    give_back_memory()
    case = prepare(volume, settings, source, fill)
    rng = np.random.default_rng(settings.random_seed)
    attempt = _unseen(case, settings, rng)
    verdict = _judge(case, settings, attempt)
    landmarks = _landmarks(case, settings)
    notes = (*volume.notes, *case.notes, *(notes_on(landmarks) if settings.landmarks else ()))
    if verdict.decision is Decision.REVIEW and settings.on_doubt is not OnDoubt.REVIEW:
        attempt, verdict, more = _in_doubt(case, settings, attempt, verdict, rng)
        notes += more
    return DefaceResult(
        volume=volume.with_data(attempt.data),
        edits=attempt.edits,
        dseg=stored_view(case.task.dseg, case.world),
        margin_mm=case.task.margin_mm,
        changes=attempt.changes,
        verdict=verdict,
        # As found, not as grown: whoever inherits grows them by itself.
        features=replace(
            case.features, slack_mm=case.moves.known_slack_mm, image_doubts=case.doubts
        ),
        inspection=attempt.inspection,
        weights_sha256=source.sha256,
        notes=(*notes, *_notes(case.features, attempt, verdict, settings)),
        landmarks=landmarks,
    )


def _landmarks(case: Case, settings: DefaceSettings) -> tuple[Landmark, ...]:
    """Return the landmarks of a head, where they are asked for and its skin is seen."""
    if not (settings.landmarks and case.shows_skin):
        return ()
    return estimate_landmarks(case.image, case.task.around.affine, case.features)


@dataclass(frozen=True)
class _Attempt:
    """What came of some edits."""

    edits: tuple[Edit, ...]
    data: NDArray[Any]
    changes: ChangeCount
    inspection: Inspection | None


def _unseen(case: Case, settings: DefaceSettings, rng: np.random.Generator) -> _Attempt:
    """Return the first attempt in whose bumps no face is seen; the last one has none."""
    front = tuple(f for f in settings.features if f is not FacialFeature.EARS)
    drawn = settings.level is Level.FEATURES and settings.methods is DEFAULT_PROTOCOL
    earlier: Inspection | None = None
    for _ in range(DRAWS if drawn and (front or settings.extras.features) else 0):
        attempt = _attempt(case, settings, _edits(case, settings, rng), earlier)
        if not _seen(case, attempt, front):
            return attempt
        earlier = attempt.inspection
        del attempt
    return _attempt(case, settings, _edits(case, settings, rng, bumps=False), earlier)


def _edits(
    case: Case, settings: DefaceSettings, rng: np.random.Generator, *, bumps: bool = True
) -> tuple[Edit, ...]:
    """Return what the chosen level hides."""
    hidden: Iterable[Edit] = ()
    if settings.level is Level.FEATURES:
        hidden = hide_features(case.task, rng, uniform=case.uniform, bumps=bumps)
    elif case.features.shows_face:
        hidden = hide_face(case.task, rng, uniform=case.uniform)
    return tuple(chain(hidden, erase_copies(case.task, rng, uniform=case.uniform)))


def _in_doubt(
    case: Case,
    settings: DefaceSettings,
    attempt: _Attempt,
    verdict: Verdict,
    rng: np.random.Generator,
) -> tuple[_Attempt, Verdict, tuple[str, ...]]:
    """Do what the settings ask for in doubt; return what came of it, and notes."""
    if settings.on_doubt is OnDoubt.STRICT:
        return attempt, replace(verdict, decision=Decision.FAIL), ()
    taken = tuple(hide_face(case.task, rng, uniform=case.uniform, removed=True))
    second = _attempt(case, settings, (*attempt.edits, *taken), attempt.inspection)
    cured = _judge(case, settings, second)
    if not taken or cured.decision is not Decision.PASS:
        return attempt, verdict, ()
    why = "; ".join(verdict.reasons)
    return second, cured, (f"the face was taken off in front of the brain ({why})",)


def _attempt(
    case: Case,
    settings: DefaceSettings,
    edits: tuple[Edit, ...],
    earlier: Inspection | None = None,
) -> _Attempt:
    """Write edits, and compare with what was before; an earlier look at that is not repeated."""
    task, out = case.task, case.volume.data.copy(order="F")
    for edit in edits:
        edit.write(canonical_view(out, case.world))
    changes = count_changes(
        task.data,
        canonical_view(out, case.world),
        partial(changed_in, edits=edits),
        partial(protected_in, dseg=task.dseg, margin_mm=task.margin_mm, zooms=task.around.zooms),
    )
    return _Attempt(edits, out, changes, _inspect(case, settings, out, edits, earlier))


def _inspect(
    case: Case,
    settings: DefaceSettings,
    out: NDArray[Any],
    edits: tuple[Edit, ...],
    earlier: Inspection | None,
) -> Inspection | None:
    """Look at the head before and after; None where the scan shows no skin."""
    if not case.shows_skin:
        return None
    after = one_image(case.volume.with_data(out))
    # What stands for several frames may change anywhere when they change somewhere.
    boxes = [edit.box for edit in edits] if after is out else None
    return inspect_head(
        case.image,
        canonical_view(after, case.world),
        case.task.around.affine,
        case.task.dseg,
        partial(changed_in, edits=edits),
        case.skin_threshold,
        boxes,
        case.seen,
        earlier,
        case.task.extras,
        own_skin=settings.level is Level.FEATURES,
    )


def _judge(case: Case, settings: DefaceSettings, attempt: _Attempt) -> Verdict:
    """Weigh all that is known of an attempt."""
    voxel_ml = float(np.prod(case.task.around.zooms)) / 1000
    inside: Counter[int] = Counter()
    for edit in attempt.edits:
        inside.update(edit.n_inside)
    removed = frozenset[int]().union(*(edit.removed for edit in attempt.edits))
    changed_ml = {index: n * voxel_ml for index, n in inside.items()}
    # A feature whose place was taken off altogether is in doubt no more.
    evidence = tuple(
        replace(item, doubt="", expected_here=False)
        if item.index in removed and _is_curable(case.features, item)
        else item
        for item in _evidence(case.features, changed_ml)
    )
    seen = _seen(case, attempt, settings.features, removed, settings.extras)
    doubts = (*case.doubts, *chain.from_iterable(e.doubts for e in attempt.edits), *seen)
    return decide(evidence, settings.features, attempt.changes, doubts, settings.extras)


def _seen(
    case: Case,
    attempt: _Attempt,
    features: tuple[FacialFeature, ...],
    removed: frozenset[int] = frozenset(),
    extras: FeatureTable = STANDARD,
) -> tuple[str, ...]:
    """Return in words what can still be seen of some features."""
    if not attempt.inspection:
        return ()
    whole = {report.index for report in case.features.regions if report.status == "found"}
    return attempt.inspection.doubts(features, whole, removed, extras=extras)


def _notes(
    found: FeatureMap, attempt: _Attempt, verdict: Verdict, settings: DefaceSettings
) -> tuple[str, ...]:
    """Return what is worth telling though it is no doubt."""
    notes: tuple[str, ...] = ()
    changes = attempt.changes
    corrected = describe_corrected(found.regions)
    if corrected:
        notes += (f"regions {CORRECTED}: {', '.join(corrected)}",)
    if changes.changed and attempt.inspection is None:
        notes += ("no skin is seen in this image, so nobody could look for a face left in it",)
    if found.stripped:
        notes += ("the image is skull-stripped",)
    if not changes.changed and verdict.decision is Decision.PASS:
        notes += ("nothing was left to hide, the voxels are as they were",)
    if changes.changed and settings.random_seed is not None:
        notes += ("the random fill can be repeated by whoever knows its seed: for tests only",)
    return notes


def _is_curable(found: FeatureMap, item: RegionEvidence) -> bool:
    """Tell whether a doubt is about the feature alone, and not about where the brain lies."""
    elsewhere = item.doubt == WRONG_HEADER or item.doubt.startswith(name_of(BRAIN))
    return not found.inherited_from and not elsewhere


def _least_ml(report: RegionReport) -> float:
    """Return how much must change at a region; a scar may be smaller than any standard feature."""
    share = SMALL_SHARE * report.volume_ml
    return min(LEAST_CHANGE_ML, share) if report.extra else LEAST_CHANGE_ML


def _evidence(found: FeatureMap, changed_ml: dict[int, float]) -> tuple[RegionEvidence, ...]:
    return tuple(
        RegionEvidence(
            index=report.index,
            expected_here=report.status in ("found", "cut_off", "doubtful"),
            doubt=report.reason,
            changed_ml=changed_ml.get(report.index, 0.0),
            name=report.extra,
            least_ml=_least_ml(report),
        )
        for report in found.regions
    )
