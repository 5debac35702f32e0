"""Whether this anatomy is possible, and where a missing feature should be."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from bids_deface.anatomy import (
    BRAIN,
    LABELS,
    LIMITS,
    name_of,
)
from bids_deface.detection.grid import SPACING_MM, Grid
from bids_deface.detection.pose import GREATEST_OFFSET_MM, expected_centre
from bids_deface.detection.regions import RawRegion
from bids_deface.errors import NoHeadError
from bids_deface.tissue import bounding_box

#: Half-width of the neighbourhood in which tissue is looked for, mm.
NEIGHBOURHOOD_MM = 12.0
#: A region within this distance of the border of the field of view is cut off.
BORDER_MM = 2.0
#: Share of the brain's surroundings that is tissue in a head with skull and skin.
LEAST_SURROUNDING = 0.35
#: Correlation of voxels 4 mm apart: 0.74 and more in the heads looked at, 0.32 and less in noise.
LEAST_CORRELATION = 0.5
EYES = (1, 2)
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
    """

    index: int
    status: Status
    volume_ml: float
    confidence: float
    reason: str = ""


def require_head(
    found: dict[int, RawRegion], head: NDArray[np.bool_], image: NDArray[np.float32]
) -> None:
    """Raise `NoHeadError` unless there is a plausible brain inside a head.

    A network sees heads in noise, as people see faces in clouds: so size, neighbourhood
    correlation and the tissue around the brain are asked, which it does not know of.

    Parameters
    ----------
    found
        Regions on the detector's grid.
    head
        Filled head mask, same grid.
    image
        Intensities on the same grid.
    """
    brain = found.get(BRAIN)
    low, high = LIMITS.brain_ml
    if brain is None or not low <= brain.volume_ml <= high:
        size = 0 if brain is None else brain.volume_ml
        raise NoHeadError(f"no head recognised (brain of {size:.0f} ml; {low:.0f}-{high:.0f}).")
    if not is_structured(image, brain.mask):
        raise NoHeadError("no head recognised (the image is noise).")
    shell = ndimage.binary_dilation(brain.mask, iterations=5) & ~ndimage.binary_dilation(
        brain.mask, iterations=2
    )
    if float(head[shell].mean()) < LEAST_SURROUNDING:
        raise NoHeadError(
            "a brain without skull and skin: there is no face to remove.",
            "It needs no defacing; exclude it with --bids-filter-file.",
        )


def is_structured(image: NDArray[np.float32], brain: NDArray[np.bool_]) -> bool:
    """Tell anatomy from noise by the correlation of neighbours along every axis.

    Parameters
    ----------
    image
        Intensities (i, j, k), 2 mm.
    brain
        Predicted brain: it decides where the air is noise (MP2RAGE UNIT1).
    """
    box = bounding_box(brain)
    return (
        _neighbour_correlation(image, 2) >= LEAST_CORRELATION
        or _neighbour_correlation(image[box], 1) >= LEAST_CORRELATION + 0.1
    )


def _neighbour_correlation(image: NDArray[np.float32], lag: int) -> float:
    """Return the least correlation, over the axes, of voxels ``lag`` apart."""
    out = []
    for axis in range(3):
        n = image.shape[axis]
        if n <= lag:
            return 0.0
        one, two = np.take(image, range(n - lag), axis), np.take(image, range(lag, n), axis)
        out.append(float(np.corrcoef(one.ravel(), two.ravel())[0, 1]))
    return min(out)


def judge(
    found: dict[int, RawRegion], head: NDArray[np.bool_], grid: Grid
) -> tuple[RegionReport, ...]:
    """Judge every facial region of one image.

    Parameters
    ----------
    found
        Regions on the detector's grid, the brain among them.
    head
        Filled head mask on the same grid.
    grid
        The grid; its border is the field of view.

    Returns
    -------
    tuple of RegionReport
        One for each facial label, in label order.
    """
    reports = []
    for label in LABELS:
        if label.feature is None:
            continue
        expected = expected_centre(label.index, found)
        region = found.get(label.index)
        low, _ = _LIMITS_ML[label.index]
        if region is None or region.volume_ml < low:
            reports.append(_judge_missing(label.index, region, expected, head, grid))
        else:
            reports.append(_judge_found(label.index, region, expected, found, grid))
    return tuple(reports)


def _judge_found(
    index: int,
    region: RawRegion,
    expected: NDArray[np.float64],
    found: dict[int, RawRegion],
    grid: Grid,
) -> RegionReport:
    reason = ""
    _, high = _LIMITS_ML[index]
    off = float(np.linalg.norm(region.centroid - expected))
    if region.volume_ml > high:
        reason = f"{name_of(index)} of {region.volume_ml:.0f} ml is too large"
    elif off > GREATEST_OFFSET_MM:
        reason = f"{name_of(index)} lies {off:.0f} mm from where it should be"
    elif index in EYES and all(eye in found for eye in EYES):
        apart = float(np.linalg.norm(found[EYES[0]].centroid - found[EYES[1]].centroid))
        if not LIMITS.interocular_mm[0] <= apart <= LIMITS.interocular_mm[1]:
            reason = f"the eyes are {apart:.0f} mm apart"
    if reason:
        status = Status.DOUBTFUL
    else:
        status = Status.CUT_OFF if _touches_border(region.mask, grid) else Status.FOUND
    return RegionReport(index, status, region.volume_ml, region.confidence, reason)


def _judge_missing(
    index: int,
    region: RawRegion | None,
    expected: NDArray[np.float64],
    head: NDArray[np.bool_],
    grid: Grid,
) -> RegionReport:
    """Tell a feature outside the field of view from one removed before, or one missed."""
    volume = region.volume_ml if region else 0.0
    confidence = region.confidence if region else 0.0
    ijk = np.linalg.inv(grid.affine) @ np.append(expected, 1.0)
    size = np.array(grid.shape)
    reach = NEIGHBOURHOOD_MM / SPACING_MM
    if np.any(ijk[:3] < reach / 2) or np.any(ijk[:3] > size - 1 - reach / 2):
        return RegionReport(index, Status.OUTSIDE, volume, confidence)
    low = np.clip(np.floor(ijk[:3] - reach), 0, size).astype(int)
    high = np.clip(np.ceil(ijk[:3] + reach) + 1, 0, size).astype(int)
    around = head[tuple(slice(a, b) for a, b in zip(low, high, strict=True))]
    if region is None and not around.any():
        return RegionReport(index, Status.ABSENT, volume, confidence)
    return RegionReport(
        index,
        Status.DOUBTFUL,
        volume,
        confidence,
        f"{name_of(index)} was not found though there is tissue where it should be",
    )


def _touches_border(mask: NDArray[np.bool_], grid: Grid) -> bool:
    reach = max(1, round(BORDER_MM / SPACING_MM))
    for axis in range(3):
        ends = np.take(
            mask, [*range(reach), *range(grid.shape[axis] - reach, grid.shape[axis])], axis
        )
        if ends.any():
            return True
    return False
