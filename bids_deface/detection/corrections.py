"""Regions that a reviewer corrected: an ellipsoid, painted voxels, or the word that there is none.

What a reviewer says is believed of the feature alone. The brain stays as it was found (painted
brain is spared in addition), and so does whatever speaks against the image as a whole.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bids_deface.anatomy import BRAIN, LABELS, PRIORITY, name_of
from bids_deface.detection.featuremap import FeatureMap
from bids_deface.detection.grid import Grid, covered_box, resample_labels
from bids_deface.detection.plausibility import RegionReport, Status
from bids_deface.errors import CorrectionError
from bids_deface.volume import affine_at

#: Radii beyond these are no feature of a human face, mm.
RADII_MM: Final = (1.0, 60.0)
#: What the record and the report say of a corrected region.
CORRECTED: Final = "corrected by a reviewer"
FACIAL: Final = tuple(label.index for label in LABELS if label.index != BRAIN)


@dataclass(frozen=True)
class Ellipsoid:
    """A region's place and size; its axes run as those of the scan's world.

    Attributes
    ----------
    centre_mm
        In the scan's world, RAS+ mm.
    radii_mm
        Half-axes: right, anterior, superior.
    """

    centre_mm: tuple[float, float, float]
    radii_mm: tuple[float, float, float]


@dataclass(frozen=True)
class RegionCorrection:
    """What a reviewer says of one region.

    Attributes
    ----------
    index
        Label index of a facial region.
    ellipsoid
        Where it is; None where it is painted, or absent.
    absent
        There is no such feature in the image.
    add
        Unite with what was found, instead of replacing it.
    """

    index: int
    ellipsoid: Ellipsoid | None = None
    absent: bool = False
    add: bool = False


@dataclass(frozen=True)
class PaintedLabels:
    """Labels that a reviewer painted.

    Attributes
    ----------
    dseg
        uint8 (i, j, k), labels of :mod:`bids_deface.anatomy`.
    affine
        Voxel-to-world matrix (4x4, mm), in the world of the scan's header.
    """

    dseg: NDArray[np.uint8]
    affine: NDArray[np.float64]


@dataclass(frozen=True)
class Correction:
    """What a reviewer says of one image.

    Attributes
    ----------
    regions
        One entry for each region that is described in words or numbers.
    painted
        Further regions, or further parts of those; None where nothing was painted.
    """

    regions: tuple[RegionCorrection, ...] = ()
    painted: PaintedLabels | None = None

    def region(self, index: int) -> RegionCorrection:
        """Return what is said of a region, were it that it is as painted."""
        return next((r for r in self.regions if r.index == index), RegionCorrection(index))


def correct(
    features: FeatureMap, correction: Correction, affine: NDArray[np.float64]
) -> FeatureMap:
    """Put a reviewer's word in the place of the detector's.

    Parameters
    ----------
    features
        What was found, or inherited.
    correction
        What the reviewer says.
    affine
        Voxel-to-world matrix of ``features.dseg`` in the world of the scan's header (not in the
        upright one, where these differ).

    Returns
    -------
    FeatureMap
        Corrected regions are found (or absent) without doubt. Doubts about the head as a whole
        that stood with them stay, as doubts about the image.

    Raises
    ------
    CorrectionError
        A corrected region does not lie in this image's field of view.
    """
    check_places(correction, features.dseg.shape, affine)
    painted = _painted_here(correction, features.dseg.shape, affine)
    indices = _corrected(correction, painted)
    dseg = features.dseg.copy(order="K")
    replaced = [i for i in indices if not correction.region(i).add]
    dseg[np.isin(dseg, replaced)] = 0
    for index in (i for i in PRIORITY if i in indices):
        dseg[painted == index] = index
        _draw(dseg, correction.region(index), affine)
    dseg[(features.dseg == BRAIN) | (painted == BRAIN)] = BRAIN
    voxel_ml = abs(float(np.linalg.det(affine[:3, :3]))) / 1000
    reports, stays = [], []
    for report in features.regions:
        if report.index not in indices:
            reports.append(report)
            continue
        if report.reason and not _is_of_the_feature(report):
            stays.append(report.reason)
        reports.append(_vouched(correction.region(report.index), dseg, voxel_ml))
    return replace(
        features,
        dseg=dseg,
        regions=tuple(reports),
        stripped=features.stripped and all(r.status is Status.ABSENT for r in reports),
        image_doubts=tuple(dict.fromkeys((*features.image_doubts, *stays))),
    )


def check_places(
    correction: Correction, shape: tuple[int, ...], affine: NDArray[np.float64]
) -> None:
    """Raise unless each corrected region lies in an image.

    Parameters
    ----------
    correction
        What the reviewer says.
    shape
        Of the image (i, j, k).
    affine
        Its voxel-to-world matrix, as in its header.

    Raises
    ------
    CorrectionError
        The centre of a region lies outside the field of view.
    """
    for item in correction.regions:
        if item.ellipsoid and not _is_inside(np.array(item.ellipsoid.centre_mm), shape, affine):
            raise CorrectionError(
                f"the centre of the {name_of(item.index)} lies outside the field of view.",
                "CentreMm is in the world of this very scan (RAS, mm), not in voxels.",
            )
    if correction.painted is None:
        return
    for index in painted_indices(correction.painted.dseg):
        ijk = np.argwhere(correction.painted.dseg == index).mean(axis=0)
        place = correction.painted.affine[:3, :3] @ ijk + correction.painted.affine[:3, 3]
        if not _is_inside(place, shape, affine):
            raise CorrectionError(
                f"the painted {name_of(index)} lies outside the field of view.",
                "Paint in the world of this very scan: the label image may be another head's.",
            )


def painted_indices(dseg: NDArray[np.uint8]) -> tuple[int, ...]:
    """Return the facial regions that occur in a label image."""
    present = np.bincount(dseg.ravel(), minlength=BRAIN + 1)
    return tuple(index for index in FACIAL if present[index])


def describe_corrected(regions: Iterable[RegionReport]) -> tuple[str, ...]:
    """Return the names of the regions that a reviewer corrected."""
    return tuple(name_of(report.index) for report in regions if report.corrected)


def _corrected(correction: Correction, painted: NDArray[np.uint8]) -> frozenset[int]:
    return frozenset(item.index for item in correction.regions) | set(painted_indices(painted))


def _painted_here(
    correction: Correction, shape: tuple[int, ...], affine: NDArray[np.float64]
) -> NDArray[np.uint8]:
    """Return the painted labels on the grid of an image; zeros where nothing was painted."""
    if correction.painted is None:
        return np.zeros(shape, dtype=np.uint8)
    i, j, k = (int(n) for n in shape)
    painted = correction.painted
    return resample_labels(painted.dseg, painted.affine, Grid((i, j, k), affine))


def _draw(dseg: NDArray[np.uint8], item: RegionCorrection, affine: NDArray[np.float64]) -> None:
    """Draw an ellipsoid into a segmentation."""
    if item.ellipsoid is None:
        return
    centre = np.array(item.ellipsoid.centre_mm)
    # An ellipsoid between two thick slices takes the nearest of them.
    radii = np.maximum(item.ellipsoid.radii_mm, np.abs(affine[:3, :3]).max(axis=1) / 2)
    around = np.diag([*radii, 1.0])
    around[:3, 3] = centre
    low, high = covered_box((slice(-1, 2),) * 3, np.linalg.inv(affine) @ around)
    box = tuple(
        slice(max(0, int(a)), max(0, min(n, int(b))))
        for a, b, n in zip(low, high, dseg.shape, strict=True)
    )
    there = affine_at(affine, [s.start for s in box])
    ijk = np.indices(dseg[box].shape).reshape(3, -1)
    away = (there[:3, :3] @ ijk + there[:3, 3:4] - centre[:, None]) / radii[:, None]
    inside = ((away**2).sum(axis=0) <= 1).reshape(dseg[box].shape)
    dseg[box][inside] = item.index


def _is_of_the_feature(report: RegionReport) -> bool:
    """Tell whether a doubt is about the feature alone, and not about where the head lies."""
    label = next(label for label in LABELS if label.index == report.index)
    little = f"there is hardly any tissue at the {label.name}"
    return report.reason.startswith((label.name, f"the {label.feature} ", little))


def _vouched(item: RegionCorrection, dseg: NDArray[np.uint8], voxel_ml: float) -> RegionReport:
    """Return the report of a region that a reviewer has seen to."""
    if item.absent:
        return RegionReport(item.index, Status.ABSENT, 0.0, 0.0, corrected=True)
    mask = dseg == item.index
    ends = (np.take(mask, [0, -1], axis) for axis in range(3))
    # What ends at the border goes on in an image that shows more.
    status = Status.CUT_OFF if any(end.any() for end in ends) else Status.FOUND
    return RegionReport(item.index, status, float(mask.sum()) * voxel_ml, 1.0, corrected=True)


def _is_inside(
    place: NDArray[np.float64], shape: tuple[int, ...], affine: NDArray[np.float64]
) -> bool:
    ijk = (np.linalg.inv(affine) @ np.append(place, 1.0))[:3]
    return bool(np.all(ijk >= -0.5) and np.all(ijk <= np.array(shape) - 0.5))
