"""The whole job on one series: read, deface, judge, write."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bids_deface.assurance.verdict import Decision
from bids_deface.case import FeatureSource, Fill, find_features
from bids_deface.deface import deface_volume
from bids_deface.deface_file import reference_of
from bids_deface.detection.featuremap import FeatureMap
from bids_deface.detection.session import SessionFeatures
from bids_deface.dicom.outcome import LEFT_OUT, OTHER, Outcome
from bids_deface.dicom.series import Series
from bids_deface.dicom.stacking import stack_frames
from bids_deface.dicom.volumes import layout_of, load_stacks
from bids_deface.dicom.writing import Hidden, Writer
from bids_deface.errors import ImageError, SeriesError
from bids_deface.kinds import Level
from bids_deface.result import DefaceResult
from bids_deface.settings import DefaceSettings
from bids_deface.volume import Volume

if TYPE_CHECKING:
    from bids_deface.detection.detector import FeatureDetector

#: Draws pictures of a stack before and after, for the private folder: name, original, result.
Show = Callable[[str, Volume, DefaceResult], object]
#: A face without these is no face any more.
WHOLE_FACE: Final = frozenset({"eyes", "nose", "mouth", "ears"})


@dataclass(frozen=True)
class SeriesJob:
    """How series are defaced, and where they go.

    Attributes
    ----------
    settings
        What to hide.
    writer
        Headers and files.
    out, review
        Folders for what passed, and for what a human must look at first.
    include_other
        Copy series that are no scans of a head, headers de-identified.
    """

    settings: DefaceSettings
    writer: Writer
    out: Path
    review: Path
    include_other: bool = False

    def run(self, series: Series, detector: FeatureDetector, show: Show | None = None) -> Outcome:
        """Deface one series; what cannot be done is an outcome, too.

        Parameters
        ----------
        series
            Its files.
        detector
            Where features are.
        show
            Draws what was done.

        Raises
        ------
        OutputError
            The output cannot be written.
        """
        began = time.monotonic()
        place = self.writer.place_of(series)
        try:
            series.check()
            if series.other:
                outcome = self._copy(series, place)
            else:
                outcome = self._deface(series, place, detector, show)
        except ImageError as error:
            outcome = Outcome(str(place), Decision.FAIL.value, (error.message,), error.hint)
        return replace(outcome, seconds=round(time.monotonic() - began, 1))

    def _copy(self, series: Series, place: Path) -> Outcome:
        """Copy what shows no head, or leave it out."""
        if not self.include_other:
            return Outcome(str(place), LEFT_OUT, (series.other,))
        if series.is_burned_in:
            return Outcome(
                str(place), LEFT_OUT, (f"{series.other}; text may be burned into its pixels",)
            )
        self.writer.write(series, self.out / place, None)
        return Outcome(str(place), OTHER, (series.other,), n_files=len(series.instances))

    def _deface(
        self, series: Series, place: Path, detector: FeatureDetector, show: Show | None
    ) -> Outcome:
        if series.is_burned_in:
            raise SeriesError("text is burned into its pixels.", "Blank it out before defacing.")
        stacks = stack_frames([frame for one in series.instances for frame in one.frames])
        volumes = load_stacks(stacks)
        tells = [stack.shows_tissue for stack in stacks]
        results = list(_results(volumes, tells, self.settings, detector))
        decision, reasons = _joined(results)
        notes = tuple(dict.fromkeys(note for result in results for note in result.notes))
        outcome = Outcome(
            str(place), decision.value, reasons, notes=notes, n_files=len(series.instances),
            changed=sum(result.changes.changed for result in results),
        )  # fmt: skip
        if show is not None:
            for number, (volume, result) in enumerate(zip(volumes, results, strict=True), 1):
                show(f"{place}/stack-{number}", volume, result)
        if decision is Decision.FAIL:
            return outcome
        features = tuple(self.settings.descriptions)
        hidden = Hidden(
            layout=layout_of(stacks),
            before=[volume.data for volume in volumes],
            after=[result.volume.data for result in results],
            masks=[result.mask for result in results],
            features=features,
            complete=self.settings.level is Level.FACE or set(features) >= WHOLE_FACE,
        )
        folder = self.out if decision is Decision.PASS else self.review
        self.writer.write(series, folder / place, hidden)
        return outcome


def _results(
    volumes: list[Volume],
    tells: list[bool],
    settings: DefaceSettings,
    detector: FeatureDetector,
) -> list[DefaceResult]:
    """Deface all stacks of a series; those that show no skin, or in doubt, ask the first."""
    results: list[DefaceResult] = []
    for number, (volume, shows_tissue) in enumerate(zip(volumes, tells, strict=True)):
        source: FeatureSource = detector
        if number and tells[0]:
            lend = partial(
                reference_of, "the series' first stack", volumes[0], results[0].features,
                one_scan=True,
            )  # fmt: skip
            own = _seen(volume, detector) if shows_tissue else None
            source = SessionFeatures(
                own, (lend,), settings.labels, detector.sha256, shows_tissue=shows_tissue
            )
        fill: Fill = "tissue" if shows_tissue else "uniform"
        if not shows_tissue and source is detector:
            raise SeriesError(
                "it shows phase or another part of the signal only, in which no face is seen.",
                "Deface it as NIfTI together with its magnitude: bids-deface-image --apply-to.",
            )
        results.append(deface_volume(volume, settings, source, fill=fill))
    return results


def _seen(volume: Volume, detector: FeatureDetector) -> FeatureMap | ImageError:
    try:
        return find_features(volume, detector)[1]
    except ImageError as error:
        return error


def _joined(results: list[DefaceResult]) -> tuple[Decision, tuple[str, ...]]:
    """Return the worst verdict of all stacks, and all reasons."""
    decisions = [result.verdict.decision for result in results]
    reasons = dict.fromkeys(reason for result in results for reason in result.verdict.reasons)
    for worst in (Decision.FAIL, Decision.REVIEW):
        if worst in decisions:
            return worst, tuple(reasons)
    return Decision.PASS, ()
