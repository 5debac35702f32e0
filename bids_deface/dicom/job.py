"""The whole job on one series: read, deface, judge, write."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bids_deface.assurance.verdict import Decision
from bids_deface.dicom.outcome import LEFT_OUT, OTHER, Outcome
from bids_deface.dicom.series import Series
from bids_deface.dicom.study import deface_stacks, lend, stacks_of
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

    def run(
        self,
        series: Series,
        lenders: Sequence[Series],
        detector: FeatureDetector,
        show: Show | None = None,
    ) -> Outcome:
        """Deface one series; what cannot be done is an outcome, too.

        Parameters
        ----------
        series
            Its files.
        lenders
            Other series of its study that may tell where the features are.
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
                outcome = self._deface(series, place, lenders, detector, show)
        except ImageError as error:
            outcome = Outcome(str(place), Decision.FAIL.value, (error.message,), error.hint)
        return replace(outcome, seconds=round(time.monotonic() - began, 1))

    def _copy(self, series: Series, place: Path) -> Outcome:
        """Copy what shows no head, or leave it out."""
        if not self.include_other:
            return Outcome(str(place), LEFT_OUT, (series.other,))
        if series.not_to_copy:
            return Outcome(str(place), LEFT_OUT, (f"{series.other}; {series.not_to_copy}",))
        self.writer.write(series, self.out / place, None)
        return Outcome(str(place), OTHER, (series.other,), n_files=len(series.instances))

    def _deface(
        self,
        series: Series,
        place: Path,
        lenders: Sequence[Series],
        detector: FeatureDetector,
        show: Show | None,
    ) -> Outcome:
        if series.is_burned_in:
            raise SeriesError("text is burned into its pixels.", "Blank it out before defacing.")
        stacks = stacks_of(series)
        volumes = load_stacks(stacks)
        ask = [
            partial(lend, other, detector, one_scan=series.is_one_scan_with(other))
            for other in lenders
        ]
        results = list(deface_stacks(stacks, volumes, self.settings, detector, ask))
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


def _joined(results: list[DefaceResult]) -> tuple[Decision, tuple[str, ...]]:
    """Return the worst verdict of all stacks, and all reasons."""
    decisions = [result.verdict.decision for result in results]
    reasons = dict.fromkeys(reason for result in results for reason in result.verdict.reasons)
    for worst in (Decision.FAIL, Decision.REVIEW):
        if worst in decisions:
            return worst, tuple(reasons)
    return Decision.PASS, ()
