"""Try the whole detector on labelled heads: Dice, coverage, centroids, recall, false alarms."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from bids_deface.anatomy import BRAIN
from bids_deface.bright_air import doubts_of_bright_air, has_bright_air
from bids_deface.detection.detector import FeatureDetector
from bids_deface.detection.extra_painting import paint_extras
from bids_deface.detection.extra_regions import find_extras
from bids_deface.detection.grid import resample_labels
from bids_deface.detection.painting import paint
from bids_deface.detection.plausibility import Status
from bids_deface.detection.sighting import SEEN, Sighting
from bids_deface.detection.turns import turned
from bids_deface.errors import NoHeadError
from bids_deface.feature_table import FeatureTable
from bids_deface.training.data import EvaluationHead, class_table
from bids_deface.training.labelled import class_name
from bids_deface.training.losses import dice_per_class
from bids_deface.volume import zooms_of

#: A region whose centroid lies farther from the label's is a miss, mm.
RECALL_MM = 10.0
#: Volume from which a label counts as a visible feature, ml.
LEAST_VISIBLE_ML = 0.5
GONE = (Status.ABSENT, Status.OUTSIDE)


@dataclass(frozen=True)
class Score:
    """One region of one head.

    Attributes
    ----------
    head, condition, region
        Which.
    visible
        Whether the feature is in the image.
    status
        What the detector says of it; ``refused`` where it saw no head.
    dice
        Overlap of the network's class (both sides together) on the detector's grid.
    coverage
        Share of what must be covered (`EvaluationHead.target`) inside the drawn regions, own grid.
    centroid_mm
        Distance of the centroids of label and drawn region, own grid.
    seconds
        Time of the detection of the whole head.
    guessed
        Whether the image as a whole is in doubt: its air looks like skin.
    """

    head: str
    condition: str
    region: str
    visible: bool
    status: str
    dice: float
    coverage: float
    centroid_mm: float
    seconds: float
    guessed: bool = False

    def to_dict(self) -> dict[str, str | float | bool]:
        """Return a form for JSON."""
        return asdict(self)

    @property
    def is_hit(self) -> bool:
        """Whether a visible feature was found in its place."""
        return self.status in SEEN and self.centroid_mm <= RECALL_MM

    @property
    def is_false_alarm(self) -> bool:
        """Whether a feature that is not there was found."""
        return not self.visible and self.status in SEEN

    @property
    def is_silent_miss(self) -> bool:
        """Whether a visible feature was missed, or found elsewhere, without any doubt."""
        elsewhere = self.status in SEEN and self.centroid_mm > RECALL_MM
        return self.visible and not self.guessed and (self.status in GONE or elsewhere)


def score_head(detector: FeatureDetector, head: EvaluationHead, condition: str) -> Iterator[Score]:
    """Score every region of one head.

    Parameters
    ----------
    detector
        With its weights.
    head
        Image and labels.
    condition
        Name of the perturbation that made it.
    """
    table = detector.table
    # Of what nobody labelled nothing can be said.
    regions = [(class_name(row.index, table), row.index) for row in table.all_labels]
    regions = [(name, index) for name, index in regions if name not in head.unlabelled]
    began = time.perf_counter()
    try:
        turn, sighting = detector.look(head.image, head.affine)
    except NoHeadError:
        sighting = None
    if sighting is None or sighting.problem is not None:
        seconds = time.perf_counter() - began
        for name, index in regions:
            visible = _is_visible(head, index)
            yield Score(
                head.name, condition, name, visible, "refused", np.nan, np.nan, np.nan, seconds
            )
        return
    image, affine = turned(head.image, head.affine, turn)
    extras, dseg = find_extras(sighting, table), paint(sighting, image, affine)
    paint_extras(dseg, sighting, extras, affine)
    zooms = zooms_of(affine)
    guessed = has_bright_air(image, dseg, zooms, sighting.outline.threshold) and bool(
        doubts_of_bright_air(image, dseg, zooms)
    )
    seconds = time.perf_counter() - began
    truth = turned(head.dseg, head.affine, turn)[0]
    targets = turned(head.target, head.affine, turn)[0]
    status = {r.index: r.status for r in (*sighting.regions, *extras.reports)}
    dice = _dice(sighting, truth, affine, table)
    # With one side hidden, the class cannot be compared.
    hidden = {name for name, index in regions if index in head.hidden}
    for name, index in regions:
        visible, apart, coverage = _is_visible(head, index), np.nan, np.nan
        if visible:
            drawn = dseg == BRAIN if index == BRAIN else (dseg > 0) & (dseg != BRAIN)
            target = targets == index
            coverage = float(drawn[target].mean()) if target.any() else np.nan
            drawn_here = np.argwhere(dseg == index)
            if len(drawn_here):
                ijk = np.argwhere(truth == index).mean(axis=0) - drawn_here.mean(axis=0)
                apart = float(np.linalg.norm(affine[:3, :3] @ ijk))
        seen = status.get(index, Status.FOUND).value
        if index in head.hidden:
            seen = "not judged"
        overlap = dice[name] if visible and name not in hidden else np.nan
        yield Score(
            head.name, condition, name, visible, seen, overlap, coverage, apart, seconds, guessed
        )


def _is_visible(head: EvaluationHead, index: int) -> bool:
    voxel_ml = float(np.abs(np.linalg.det(head.affine[:3, :3]))) / 1000
    return (
        index not in head.hidden
        and float((head.dseg == index).sum()) * voxel_ml >= LEAST_VISIBLE_ML
    )


def _dice(
    sighting: Sighting,
    truth: NDArray[np.uint8],
    affine: NDArray[np.float64],
    table: FeatureTable,
) -> dict[str, float]:
    """Return the Dice of each class on the detector's grid."""
    labels = resample_labels(truth, affine, sighting.conformed.grid)
    seen = torch.from_numpy(sighting.probseg.argmax(axis=0))
    return dice_per_class(seen, torch.from_numpy(class_table(table)[labels]), table.classes)


@dataclass(frozen=True)
class Row:
    """One line of the table: one class under one condition.

    Attributes
    ----------
    condition, region
        Which.
    n
        Visible features.
    dice, coverage, least_coverage
        Mean and minimum over the heads.
    centroid_mm
        Mean distance of the centroids.
    recall
        Share of visible features found within 10 mm.
    doubtful, refused, silent_misses, false_alarms
        Numbers of features; a silent miss is one that no doubt tells of.
    seconds
        Mean time of one head.
    """

    condition: str
    region: str
    n: int
    dice: float
    coverage: float
    least_coverage: float
    centroid_mm: float
    recall: float
    doubtful: int
    refused: int
    silent_misses: int
    false_alarms: int
    seconds: float

    def to_dict(self) -> dict[str, str | int | float]:
        """Return a JSON-serialisable form."""
        return asdict(self)


def summarise(scores: Iterable[Score]) -> list[Row]:
    """Make the table: one row for each condition and class, in the order met."""
    groups: dict[tuple[str, str], list[Score]] = {}
    for score in scores:
        groups.setdefault((score.condition, score.region), []).append(score)
    return [_row(condition, region, group) for (condition, region), group in groups.items()]


def _row(condition: str, region: str, group: list[Score]) -> Row:
    visible = [s for s in group if s.visible]
    return Row(
        condition=condition,
        region=region,
        n=len(visible),
        dice=_mean([s.dice for s in visible]),
        coverage=_mean([s.coverage for s in visible]),
        least_coverage=min(
            (s.coverage for s in visible if not math.isnan(s.coverage)), default=np.nan
        ),
        centroid_mm=_mean([s.centroid_mm for s in visible]),
        recall=_mean([float(s.is_hit) for s in visible]),
        doubtful=sum(s.status == Status.DOUBTFUL for s in group),
        refused=sum(s.status == "refused" for s in group),
        silent_misses=sum(s.is_silent_miss for s in group),
        false_alarms=sum(s.is_false_alarm for s in group),
        seconds=_mean([s.seconds for s in group]),
    )


def _mean(values: list[float]) -> float:
    known = [v for v in values if not math.isnan(v)]
    return float(np.mean(known)) if known else float("nan")
