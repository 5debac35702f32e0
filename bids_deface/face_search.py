"""Whether one image shows a face, or a feature of one, whoever defaced it or nobody.

The detector tells where features are or should be, and nothing more: a network that saw thousands
of faces sees eyes in a head whose eyes are hidden, too. What decides is the skin there: how rough
it is, and whether face detectors find a face on the rendered head.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from bids_deface.anatomy import ALL_FEATURES, BRAIN, PRIORITY, FacialFeature, labels_of, name_of
from bids_deface.assurance.face import find_faces
from bids_deface.assurance.residues import measure_residues
from bids_deface.bright_air import has_bright_air
from bids_deface.case import require_mr_content
from bids_deface.detection.grid import SPACING_MM, Grid
from bids_deface.detection.plausibility import REACH_MM, RegionReport, Status
from bids_deface.detection.pose import expected_centre
from bids_deface.errors import ImageError
from bids_deface.volume import Volume, canonical_affine, canonical_view

if TYPE_CHECKING:
    from bids_deface.detection.detector import FeatureDetector
    from bids_deface.detection.regions import RawRegion
    from bids_deface.detection.sighting import Sighting

#: Relief in mm above which the skin at a region shows a feature, by label (docs/audit.md).
GREATEST_RELIEF_MM: Final[Mapping[int, float]] = MappingProxyType(
    {1: 0.9, 2: 0.9, 3: 1.2, 4: 1.3, 5: 1.3, 6: 0.7}
)
#: The same where nothing was detected and the place is only known from the rest of the head.
GREATEST_GUESSED_MM: Final[Mapping[int, float]] = MappingProxyType(
    {**GREATEST_RELIEF_MM, 1: 0.7, 2: 0.7, 4: 1.6, 5: 1.6}
)
#: Where these should be is known well enough: what is found there only in a small region is none.
SURE_OF_PLACE: Final = labels_of(FacialFeature.EARS)
#: From worst to best: a feature is as badly off as its worse side.
WORST_FIRST: Final = (
    Status.FOUND,
    Status.CUT_OFF,
    Status.DOUBTFUL,
    Status.OUTSIDE,
    Status.ABSENT,
)
NO_SKIN: Final = "no threshold parts skin from air in this image, so nobody can look at the skin"


@dataclass(frozen=True)
class FeatureLook:
    """What is known of one feature.

    Attributes
    ----------
    status
        ``absent`` also where the skin is smooth in its place.
    reason
        In words.
    """

    status: Status
    reason: str = ""


@dataclass(frozen=True)
class FaceLook:
    """What one image shows of a face.

    Attributes
    ----------
    features
        One entry each; empty where the image cannot be judged.
    faces
        Face detector to the number of its views in which it finds a face.
    doubt
        Why the image cannot be judged; empty where it can.
    stripped
        Whether nothing but a brain is there.
    """

    features: Mapping[FacialFeature, FeatureLook] = field(default_factory=dict)
    faces: Mapping[str, int] = field(default_factory=dict)
    doubt: str = ""
    stripped: bool = False

    @property
    def is_clean(self) -> bool:
        """Whether no face and no feature is there, and none may be."""
        gone = (Status.OUTSIDE, Status.ABSENT)
        smooth = all(look.status in gone for look in self.features.values())
        return not self.doubt and smooth and not any(self.faces.values())


def look_for_face(
    volume: Volume, detector: FeatureDetector, *, shows_tissue: bool = True
) -> FaceLook:
    """Look for a face in one volume.

    Parameters
    ----------
    volume
        Any head scan; frames are judged by what stands for them all.
    detector
        Finds where features are.
    shows_tissue
        False for maps and phase images, in which skin has no edge against air.
    """
    try:
        image = require_mr_content(volume)
        _, sighting = detector.look(
            canonical_view(image, volume.affine), canonical_affine(image.shape, volume.affine)
        )
        if sighting.problem is not None and not sighting.is_bare_brain:
            raise sighting.problem
    except ImageError as error:
        return FaceLook(doubt=error.message.rstrip("."))
    if sighting.is_bare_brain:
        return _bare(volume.n_frames)
    return _judged(sighting, shows_tissue=shows_tissue)


def _bare(n_frames: int) -> FaceLook:
    """Return what a stripped brain shows: nothing, unless other frames do."""
    if n_frames > 1:
        return FaceLook(doubt="a series that seems skull-stripped, judged by its median frame")
    absent = FeatureLook(Status.ABSENT, "skull-stripped")
    return FaceLook(dict.fromkeys(ALL_FEATURES, absent), stripped=True)


def _judged(sighting: Sighting, *, shows_tissue: bool) -> FaceLook:
    small, found = sighting.conformed, sighting.found
    threshold = small.scaled(sighting.outline.threshold)
    detected = labels_on_grid({i: region.mask for i, region in found.items()}, small.grid)
    zooms = np.full(3, SPACING_MM)
    if not shows_tissue or has_bright_air(small.image, detected, zooms, threshold):
        return _without_skin(sighting.regions)
    guessed = labels_on_grid(_expected(found, small.grid), small.grid)

    def relief(labels: NDArray[np.uint8]) -> dict[int, float]:
        left = measure_residues(small.image, labels, zooms, threshold, {})
        return {index: residue.relief_mm for index, residue in left.items()}

    reliefs = relief(detected), relief(guessed)
    judged = {report.index: _judge(report, *reliefs) for report in sighting.regions}
    return FaceLook(_by_feature(judged), find_faces(small.image, small.grid.affine, threshold))


def _without_skin(regions: tuple[RegionReport, ...]) -> FaceLook:
    """Return what is known of an image whose skin cannot be seen: what the detector sees."""
    gone = (Status.OUTSIDE, Status.ABSENT)
    if any(report.status not in gone for report in regions):
        return FaceLook(doubt=NO_SKIN)
    return FaceLook(_by_feature({r.index: FeatureLook(r.status) for r in regions}))


def _judge(
    report: RegionReport, detected: Mapping[int, float], guessed: Mapping[int, float]
) -> FeatureLook:
    """Weigh what the detector says of a region against the skin there."""
    index, status = report.index, report.status
    if status in (Status.OUTSIDE, Status.ABSENT):
        return FeatureLook(status)
    is_sure = status is not Status.DOUBTFUL and index in detected
    limits = GREATEST_RELIEF_MM if is_sure else GREATEST_GUESSED_MM
    relief = (detected if is_sure else guessed).get(index)
    if relief is not None and index in SURE_OF_PLACE:
        relief = min(relief, guessed.get(index, relief))
    name = name_of(index)
    if relief is None:
        return FeatureLook(Status.DOUBTFUL, f"no skin was found at the {name}")
    if relief <= limits[index]:
        return FeatureLook(Status.ABSENT, f"smooth skin at the {name} ({relief:.1f} mm of relief)")
    reason = f"the skin at the {name} has {relief:.1f} mm of relief"
    return FeatureLook(status, f"{reason}; {report.reason}" if report.reason else reason)


def _by_feature(judged: Mapping[int, FeatureLook]) -> dict[FacialFeature, FeatureLook]:
    """Return the worse side of each feature."""
    return {
        feature: min(
            (judged[index] for index in labels_of(feature)),
            key=lambda look: WORST_FIRST.index(look.status),
        )
        for feature in ALL_FEATURES
    }


def labels_on_grid(masks: Mapping[int, NDArray[Any]], grid: Grid) -> NDArray[np.uint8]:
    """Return regions as labels, uint8 (i, j, k); where they meet, the brain has the last word.

    Parameters
    ----------
    masks
        bool (i, j, k) by label index.
    grid
        Their grid.
    """
    labels = np.zeros(grid.shape, dtype=np.uint8)
    for index in PRIORITY:
        if index in masks:
            labels[masks[index]] = index
    return labels


def _expected(found: dict[int, RawRegion], grid: Grid) -> dict[int, NDArray[np.bool_]]:
    """Return an ellipsoid for each feature where it should be, and the brain."""
    ijk = np.indices(grid.shape, dtype=np.float32, sparse=True)
    to_grid = np.linalg.inv(grid.affine)
    masks: dict[int, NDArray[np.bool_]] = {BRAIN: found[BRAIN].mask}
    for index, reach in REACH_MM.items():
        centre = (to_grid @ np.append(expected_centre(index, found), 1.0))[:3]
        away = (((ijk[n] - centre[n]) * SPACING_MM / reach[n]) ** 2 for n in range(3))
        masks[index] = np.asarray(sum(away) <= 1.0)
    return masks
