"""Whether this anatomy is possible, and where a missing feature should be."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from bids_deface.anatomy import BRAIN, LABELS, LIMITS, NOSE, head_scale, name_of
from bids_deface.detection.grid import SPACING_MM, Grid, touches_border
from bids_deface.detection.pose import GREATEST_OFFSET_MM, expected_centre
from bids_deface.detection.proportions import odd_proportions
from bids_deface.detection.regions import RawRegion

#: Radius around a missing region's expected centre in which tissue is looked for, mm.
NEIGHBOURHOOD_MM = 8.0
#: Share of tissue there up to which the feature is absent. Least shares on the validation heads,
#: the feature itself having no say: eyes 0.90, nose 0.95, ears 0.07, mouth 0.14.
_GREATEST_ABSENT = {1: 0.5, 2: 0.5, 3: 0.35, 4: 0.05, 5: 0.05, 6: 0.1}
#: Half of the least share of tissue in the regions of the validation heads: with less, a region
#: is doubtful, as the network may see a feature in what is left around one that was cut out.
_LITTLE_SIGNAL = {1: 0.4, 2: 0.4, 3: 0.25, 4: 0.35, 5: 0.35, 6: 0.1}
#: A nose that is smaller than this in a head of the reference's size may be what a cut has left:
#: 38 scans show 23 ml or more, and up to 13 ml where most of it was cut off.
LEAST_NOSE_ML = 18.0
#: Other facial regions without which the pose, so the place of a missing one, is a guess.
LEAST_OTHERS = 2
#: How far outside the field of view a place must be that is only guessed, mm: a nod of 20 degrees.
GUESS_MM = 40.0
#: How far a feature reaches from its centre, mm (right, anterior, superior): where its centre is
#: less far outside the field of view, a part of it may be seen.
REACH_MM = {
    1: (12.0, 12.0, 12.0),
    2: (12.0, 12.0, 12.0),
    3: (18.0, 15.0, 25.0),
    4: (10.0, 20.0, 35.0),
    5: (10.0, 20.0, 35.0),
    6: (28.0, 12.0, 14.0),
}
_LIMITS_ML = {
    1: LIMITS.eye_ml,
    2: LIMITS.eye_ml,
    3: LIMITS.nose_ml,
    4: LIMITS.ear_ml,
    5: LIMITS.ear_ml,
    6: LIMITS.mouth_ml,
}


class Status(StrEnum):
    """What is known of one region in one image."""

    FOUND = "found"
    CUT_OFF = "cut_off"
    OUTSIDE = "outside"
    ABSENT = "absent"
    DOUBTFUL = "doubtful"


@dataclass(frozen=True)
class RegionReport:
    """Judgement on one region.

    Attributes
    ----------
    index
        Label index.
    status
        See :class:`Status`.
    volume_ml
        Volume of the detected region, 0 where there is none.
    confidence
        Mean probability inside, 0 where there is none.
    reason
        In words, why the region is doubtful; empty otherwise.
    corrected
        Whether a reviewer, and not the detector, says where the region is, or that it is absent.
    extra
        Name of a region that the weights know beside the standard ones; empty for these.
    """

    index: int
    status: Status
    volume_ml: float
    confidence: float
    reason: str = ""
    corrected: bool = False
    extra: str = ""

    @property
    def name(self) -> str:
        """Name of the region."""
        return self.extra or name_of(self.index)

    @property
    def is_open(self) -> bool:
        """Whether another image may know more of the region."""
        cut = self.status is Status.CUT_OFF and not self.corrected
        return cut or self.status is Status.DOUBTFUL

    def doubted(self, reason: str) -> RegionReport:
        """Return the same report as doubtful, for a reason in words."""
        return replace(self, status=Status.DOUBTFUL, reason=reason)


def judge(
    found: dict[int, RawRegion], signal: NDArray[np.bool_], grid: Grid
) -> tuple[RegionReport, ...]:
    """Judge every facial region of one image.

    Parameters
    ----------
    found
        Regions on the detector's grid, the brain among them.
    signal
        bool, same grid: what differs from air.
    grid
        The grid; its border is the field of view.

    Returns
    -------
    tuple of RegionReport
        One for each facial label, in label order.
    """
    # A region that is cut has its centroid elsewhere; a cut brain does not tell the head's size.
    whole = {i: r.centroid for i, r in found.items() if not touches_border(r.mask, grid)}
    scale = head_scale(found[BRAIN].volume_ml) if BRAIN in whole else 1.0
    odd = odd_proportions(whole, scale)
    reports = []
    for label in LABELS:
        if label.feature is None:
            continue
        index = label.index
        expected = expected_centre(index, found)
        region = found.get(index)
        low, _ = _LIMITS_ML[index]
        if region is None or (region.volume_ml < low and index in whole):
            n_others = len(set(found) - {index, BRAIN})
            reports.append(_judge_missing(index, region, expected, signal, grid, n_others))
        else:
            reason = (
                _doubt_found(index, region, expected, signal)
                or odd.get(index)
                or (_doubt_small(index, region.volume_ml, scale) if index in whole else "")
                or odd.get(BRAIN, "")
            )
            status = Status.FOUND if index in whole else Status.CUT_OFF
            if reason:
                status = Status.DOUBTFUL
            report = RegionReport(index, status, region.volume_ml, region.confidence, reason)
            reports.append(report)
    return tuple(reports)


def _doubt_found(
    index: int, region: RawRegion, expected: NDArray[np.float64], signal: NDArray[np.bool_]
) -> str:
    """Return in words why a region cannot be what it seems; empty if it can."""
    _, high = _LIMITS_ML[index]
    if region.volume_ml > high:
        return f"{name_of(index)} of {region.volume_ml:.0f} ml is too large"
    off = float(np.linalg.norm(region.centroid - expected))
    if off > GREATEST_OFFSET_MM:
        return f"{name_of(index)} lies {off:.0f} mm from where it should be"
    if signal[region.mask].mean() < _LITTLE_SIGNAL[index]:
        return f"there is hardly any tissue at the {name_of(index)}: was it removed before?"
    return ""


def _doubt_small(index: int, volume_ml: float, scale: float) -> str:
    """Return in words why a whole region may be the rest of one; empty if it is none."""
    if index == NOSE and volume_ml < LEAST_NOSE_ML * scale**3:
        return f"nose of {volume_ml:.0f} ml is small for this head: was it cut before?"
    return ""


def _judge_missing(
    index: int,
    region: RawRegion | None,
    expected: NDArray[np.float64],
    signal: NDArray[np.bool_],
    grid: Grid,
    n_others: int,
) -> RegionReport:
    """Tell a feature outside the field of view from one removed before, or one missed."""
    volume = region.volume_ml if region else 0.0
    confidence = region.confidence if region else 0.0
    ijk = (np.linalg.inv(grid.affine) @ np.append(expected, 1.0))[:3]
    beyond = np.maximum(0.5 - ijk, ijk - np.array(grid.shape) + 1.5) * SPACING_MM
    is_guess = n_others < LEAST_OTHERS
    name, inside = name_of(index), bool((beyond <= 0).all())
    if (beyond > (GUESS_MM if is_guess else np.array(REACH_MM[index]))).any():
        return RegionReport(index, Status.OUTSIDE, volume, confidence)
    bare = region is None and not (inside or is_guess)
    if bare and _signal_near(signal, ijk, REACH_MM[index]) <= _GREATEST_ABSENT[index]:
        # What of its place is seen holds no tissue.
        return RegionReport(index, Status.OUTSIDE, volume, confidence)
    if is_guess:
        reason = f"{name} was not found, and too little of the face to know where it should be"
    elif not inside:
        reason = f"{name} was not found, but may reach into the field of view"
    elif region is None and _signal_near(signal, ijk, NEIGHBOURHOOD_MM) <= _GREATEST_ABSENT[index]:
        return RegionReport(index, Status.ABSENT, volume, confidence)
    else:
        reason = f"{name} was not found though there is tissue where it should be"
    return RegionReport(index, Status.DOUBTFUL, volume, confidence, reason)


def _signal_near(
    signal: NDArray[np.bool_], ijk: NDArray[np.float64], reach_mm: float | tuple[float, ...]
) -> float:
    """Return the share of signal around a place on the detector's grid, as far as it is seen."""
    reach = np.asarray(reach_mm) / SPACING_MM
    low = np.maximum(0, np.ceil(ijk - reach)).astype(int)
    high = np.minimum(signal.shape, np.floor(ijk + reach).astype(int) + 1)
    box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    away = np.stack(np.meshgrid(*(np.arange(s.start, s.stop) for s in box), indexing="ij"), -1)
    seen = signal[box][(((away - ijk) / reach) ** 2).sum(axis=-1) <= 1]
    # Nothing to be seen there says nothing.
    return float(seen.mean()) if seen.size else 1.0
