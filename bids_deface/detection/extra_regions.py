"""Features that weights know beside the standard ones: where they are, judged simply."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bids_deface.anatomy import BRAIN, NOSE
from bids_deface.detection.grid import SPACING_MM, Grid, touches_border
from bids_deface.detection.holes import drop_holes
from bids_deface.detection.orientation import WRONG_HEADER
from bids_deface.detection.plausibility import GUESS_MM, LEAST_OTHERS, RegionReport, Status
from bids_deface.detection.pose import GREATEST_OFFSET_MM, place_of
from bids_deface.detection.regions import RawRegion, left_and_right, parts_of, region_of
from bids_deface.detection.sighting import Sighting
from bids_deface.feature_table import ExtraFeature, FeatureTable

#: A feature whose centre lies farther outside the field of view is not missed in it, mm.
BEYOND_MM = 10.0


@dataclass(frozen=True)
class ExtraRegions:
    """What was found of the features of a table.

    Attributes
    ----------
    table
        The features.
    found
        Regions by label index, on the detector's grid.
    reports
        One for each label of the table.
    """

    table: FeatureTable
    found: dict[int, RawRegion]
    reports: tuple[RegionReport, ...]


def find_extras(sighting: Sighting, table: FeatureTable) -> ExtraRegions:
    """Find the features of a table in what the network sees.

    Parameters
    ----------
    sighting
        One look at an image; the standard regions found in it give the pose.
    table
        Features, in the order of the network's classes after the standard ones.
    """
    found: dict[int, RawRegion] = {}
    if sighting.is_bare_brain:
        absent = (
            RegionReport(row.index, Status.ABSENT, 0.0, 0.0, extra=row.name)
            for row in table.labels
        )
        return ExtraRegions(table, found, tuple(absent))
    grid = sighting.conformed.grid
    for feature in table.features:
        found |= _parts_of_feature(sighting, feature, table)
    found = drop_holes(found, sighting.outline, sighting.conformed)
    reports = []
    for feature in table.features:
        for index in feature.label:
            report = _judge(feature, index, found.get(index), sighting.found, grid)
            if report.status is Status.ABSENT:
                found.pop(index, None)
            reports.append(report)
    if any(report.reason == WRONG_HEADER for report in sighting.regions):
        reports = [report.doubted(WRONG_HEADER) for report in reports]
    return ExtraRegions(table, found, tuple(reports))


def _parts_of_feature(
    sighting: Sighting, feature: ExtraFeature, table: FeatureTable
) -> dict[int, RawRegion]:
    """Return all parts of one feature, left and right apart."""
    grid, number = sighting.conformed.grid, table.classes.index(feature.name)
    prob = sighting.probseg[number]
    parts = parts_of(sighting.probseg.argmax(axis=0) == number, prob, grid)
    sides: tuple[list[RawRegion], ...] = (parts,)
    if feature.is_paired:
        front = NOSE if feature.outward == "front" and NOSE in sighting.found else BRAIN
        sides = left_and_right(parts, sighting.found[front].centroid[0], prob, grid)
    near = [_near_place(feature, n, side, sighting.found) for n, side in enumerate(sides)]
    return {
        index: region_of(np.any([part.mask for part in side], axis=0), prob, grid)
        for index, side in zip(feature.label, near, strict=True)
        if side
    }


def _near_place(
    feature: ExtraFeature, number: int, parts: list[RawRegion], standard: dict[int, RawRegion]
) -> list[RawRegion]:
    """Leave out parts far from where a feature must be, if its place is known and any is near."""
    if not feature.offset_mm:
        return parts
    place = place_of(np.array(feature.offset_mm[number]), standard)
    near = [p for p in parts if np.linalg.norm(p.centroid - place) <= GREATEST_OFFSET_MM]
    return near or parts


def _judge(
    feature: ExtraFeature,
    index: int,
    region: RawRegion | None,
    standard: dict[int, RawRegion],
    grid: Grid,
) -> RegionReport:
    """Judge one region: found, cut off, outside, absent (an optional one) or in doubt."""
    name = next(row.name for row in feature.labels if row.index == index)
    volume, confidence = (region.volume_ml, region.confidence) if region else (0.0, 0.0)
    place = None
    if feature.offset_mm:
        place = place_of(np.array(feature.offset_mm[feature.label.index(index)]), standard)
    cut, reason = region is not None and touches_border(region.mask, grid), ""
    if region is None or (volume < feature.least_ml and not cut):
        if not feature.expected:
            return RegionReport(index, Status.ABSENT, volume, confidence, extra=name)
        if region is None and place is not None and _is_outside(place, standard, grid):
            return RegionReport(index, Status.OUTSIDE, 0.0, 0.0, extra=name)
        reason = f"{name} was not found" if region is None else f"{name} is too small"
    elif feature.expected and place is not None:
        off = float(np.linalg.norm(region.centroid - place))
        if off > GREATEST_OFFSET_MM:
            reason = f"{name} lies {off:.0f} mm from where it should be"
    status = Status.CUT_OFF if cut else Status.FOUND
    if reason:
        status = Status.DOUBTFUL
    return RegionReport(index, status, volume, confidence, reason, extra=name)


def _is_outside(place: NDArray[np.float64], standard: dict[int, RawRegion], grid: Grid) -> bool:
    """Tell whether a place (world mm) lies outside of what is seen, as far as one can know."""
    ijk = (np.linalg.inv(grid.affine) @ np.append(place, 1.0))[:3]
    beyond = np.maximum(0.5 - ijk, ijk - np.array(grid.shape) + 1.5) * SPACING_MM
    is_guess = len(set(standard) - {BRAIN}) < LEAST_OTHERS
    return bool((beyond > (GUESS_MM if is_guess else BEYOND_MM)).any())
