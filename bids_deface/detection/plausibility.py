"""Whether this anatomy is possible, and where a missing feature should be."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from bids_deface.anatomy import (
    BRAIN,
    LABELS,
    LIMITS,
    REFERENCE_BRAIN_ML,
    FacialFeature,
    labels_of,
    name_of,
)
from bids_deface.detection.grid import SPACING_MM, ConformedImage, Grid
from bids_deface.detection.outline import HeadOutline
from bids_deface.detection.pose import GREATEST_OFFSET_MM, expected_centre
from bids_deface.detection.proportions import FROM_EYES_MM, odd_proportions
from bids_deface.detection.regions import RawRegion
from bids_deface.tissue import bounding_box

#: Radius around a missing region's expected centre in which tissue is looked for, mm.
NEIGHBOURHOOD_MM = 8.0
#: Share of tissue there up to which the feature is absent. Least shares on the validation heads,
#: the feature itself having no say: eyes 0.90, nose 0.95, ears 0.07, mouth 0.14.
_GREATEST_ABSENT = {1: 0.5, 2: 0.5, 3: 0.35, 4: 0.05, 5: 0.05, 6: 0.1}
#: A region with less signal in it is a hole that the network sees a feature in.
LEAST_SIGNAL = 0.05
#: Share of an eye from which it is a hole: none on the validation heads, half where cut out.
GREATEST_EVEN = 0.3
EYES = labels_of(FacialFeature.EYES)
#: A nose smaller than this is a hole if less than this share of it is head. On 38 scans noses have
#: 21 ml or more and shares of 0.31 or more; where others had cut them, 3-13 ml and at most 0.13,
SMALL_NOSE_ML, LEAST_NOSE = 15.0, 0.2
#: or the rest at the root of the nose, which is smaller than this or nearer to the eyes than any.
NOSE_REST_ML = 6.0
(NOSE,) = labels_of(FacialFeature.NOSE)
#: Half of the least share of tissue in the regions of the validation heads: with less, a region
#: is doubtful, as the network may see a feature in what is left around one that was cut out.
_LITTLE_SIGNAL = {1: 0.4, 2: 0.4, 3: 0.25, 4: 0.35, 5: 0.35, 6: 0.1}
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
#: A region within this distance of the border of the field of view is cut off.
BORDER_MM = 2.0
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


def drop_holes(
    found: dict[int, RawRegion], outline: HeadOutline, conformed: ConformedImage
) -> dict[int, RawRegion]:
    """Leave out facial regions that hold nothing but air: a face that was cut out before.

    Parameters
    ----------
    found
        Regions on the detector's grid.
    outline
        The head on the same grid. Its signal is smoothed and reaches into small holes: in eyes,
        which are all tissue, no two voxels are the same, and a small nose is not all air.
    conformed
        The image on the detector's grid.
    """
    return {
        index: region
        for index, region in found.items()
        if index == BRAIN or not _is_hole(index, found, outline, conformed)
    }


def _is_hole(
    index: int, found: dict[int, RawRegion], outline: HeadOutline, conformed: ConformedImage
) -> bool:
    """Tell whether a facial region is where something was cut out."""
    region = found[index]
    if outline.signal[region.mask].mean() < LEAST_SIGNAL:
        return True
    if index in EYES:
        return _even_share(conformed.image, region.mask) > GREATEST_EVEN
    is_small = index == NOSE and region.volume_ml < SMALL_NOSE_ML
    # Of a nose at the border of the field of view nobody knows how large it is.
    if not is_small or touches_border(region.mask, conformed.grid):
        return False
    is_bare = bool(outline.mask[region.mask].mean() < LEAST_NOSE)
    return is_bare or region.volume_ml < NOSE_REST_ML or _is_root_of_nose(found)


def _is_root_of_nose(found: dict[int, RawRegion]) -> bool:
    """Tell whether what was found of a nose lies as near to the eyes' middle as no nose does."""
    if not {NOSE, BRAIN, *EYES} <= set(found):
        return False
    middle = np.mean([found[eye].centroid for eye in EYES], axis=0)
    away = float(np.linalg.norm(found[NOSE].centroid - middle))
    scale = float(np.cbrt(found[BRAIN].volume_ml / REFERENCE_BRAIN_ML))
    return away < FROM_EYES_MM[NOSE][0] * scale


def _even_share(image: NDArray[np.float32], mask: NDArray[np.bool_]) -> float:
    """Return the share of a mask that is one and the same value as all around it."""
    box = bounding_box(mask, 1)
    part = image[box]
    even = ndimage.maximum_filter(part, 3) == ndimage.minimum_filter(part, 3)
    return float(even[mask[box]].mean())


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
    ml = found[BRAIN].volume_ml if BRAIN in whole else REFERENCE_BRAIN_ML
    odd = odd_proportions(whole, (ml / REFERENCE_BRAIN_ML) ** (1 / 3))
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


def touches_border(mask: NDArray[np.bool_], grid: Grid) -> bool:
    """Tell whether a mask on the detector's grid reaches the border of the field of view."""
    reach = max(1, round(BORDER_MM / SPACING_MM))
    for axis in range(3):
        ends = np.take(
            mask, [*range(reach), *range(grid.shape[axis] - reach, grid.shape[axis])], axis
        )
        if ends.any():
            return True
    return False
