"""A study is one head: series and stacks lend each other what they know of its features."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

from bids_deface.case import Fill, find_features
from bids_deface.deface import deface_volume
from bids_deface.deface_file import reference_of
from bids_deface.detection.carried import ReferenceHead
from bids_deface.detection.featuremap import FeatureMap
from bids_deface.detection.session import SessionFeatures
from bids_deface.detection.source import FeatureSource
from bids_deface.dicom.series import Series
from bids_deface.dicom.stacking import Stack, stack_frames
from bids_deface.dicom.volumes import load_stacks
from bids_deface.errors import ImageError, SeriesError
from bids_deface.result import DefaceResult
from bids_deface.settings import DefaceSettings
from bids_deface.volume import Volume

if TYPE_CHECKING:
    from bids_deface.detection.detector import FeatureDetector

Lender = Callable[[], ReferenceHead]
#: So many other series are asked where the features are.
MOST_LENDERS: Final = 3


def lenders_of(series: Series, others: Sequence[Series]) -> tuple[Series, ...]:
    """Return the series that may lend regions to one, best first.

    Parameters
    ----------
    series
        Which is in doubt, or shows no skin.
    others
        All series of the run.

    Returns
    -------
    tuple of Series
        Scans of volumes of the same patient and study, those with more slices first.
    """
    here = (series.first.patient, series.first.study_uid)
    able = [
        other
        for other in others
        if (other.first.patient, other.first.study_uid) == here
        and other is not series
        and not other.other
        and not other.is_burned_in
        and any(frame.shows_tissue for one in other.instances for frame in one.frames)
    ]
    return tuple(sorted(able, key=lambda one: -one.n_frames)[:MOST_LENDERS])


def stacks_of(series: Series) -> tuple[Stack, ...]:
    """Return the stacks of a series; errors as in `stack_frames`."""
    return stack_frames([frame for one in series.instances for frame in one.frames])


def lend(series: Series, detector: FeatureDetector, *, one_scan: bool) -> ReferenceHead:
    """Return what another series of the study knows.

    Parameters
    ----------
    series
        The other one.
    detector
        Where features are.
    one_scan
        Whether it came out of the same acquisition.

    Raises
    ------
    ImageError
        It knows nothing.
    """
    series.check()
    volume = load_stacks(stacks_of(series)[:1])[0]
    features = find_features(volume, detector)[1]
    name = f"series {series.first.number}"
    return reference_of(name, volume, features, one_scan=one_scan)


def deface_stacks(
    stacks: Sequence[Stack],
    volumes: Sequence[Volume],
    settings: DefaceSettings,
    detector: FeatureDetector,
    lenders: Sequence[Lender],
) -> Iterator[DefaceResult]:
    """Deface all stacks of a series.

    Parameters
    ----------
    stacks, volumes
        Where the slices are, and their voxels.
    settings
        What to hide.
    detector
        Where features are.
    lenders
        Other series of the study, asked only in doubt.

    Yields
    ------
    DefaceResult
        Of each stack, in order.

    Raises
    ------
    ImageError
        A stack cannot be judged.
    """
    first: Lender | None = None
    for stack, volume in zip(stacks, volumes, strict=True):
        ask = (*([first] if first else []), *lenders)
        if not stack.shows_tissue and not ask:
            raise SeriesError(
                "it shows phase or another part of the signal only, in which no face is seen.",
                "Deface it in one run with the magnitude of its study.",
            )
        source: FeatureSource = detector
        if ask:
            source = SessionFeatures(
                _seen(volume, detector) if stack.shows_tissue else None,
                ask,
                settings.labels,
                detector.sha256,
                shows_tissue=stack.shows_tissue,
            )
        fill: Fill = "tissue" if stack.shows_tissue else "uniform"
        result = deface_volume(volume, settings, source, fill=fill)
        if first is None and stack.shows_tissue:
            first = partial(
                reference_of, "the first stack", volume, result.features, one_scan=True
            )
        yield result


def _seen(volume: Volume, detector: FeatureDetector) -> FeatureMap | ImageError:
    try:
        return find_features(volume, detector)[1]
    except ImageError as error:
        return error
