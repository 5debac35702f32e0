"""What is known of one image: its regions, its head, how it lies; and the file that keeps it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bids_deface.detection.grid import ConformedImage, Grid
from bids_deface.detection.plausibility import RegionReport, Status
from bids_deface.detection.turns import Turn
from bids_deface.errors import ImageError
from bids_deface.feature_check import table_from
from bids_deface.feature_table import STANDARD, FeatureTable


@dataclass(frozen=True)
class Surface:
    """Another image of the same head that tells skin from air.

    Attributes
    ----------
    image
        Intensities (i, j, k).
    affine
        Its voxel-to-world matrix in the upright world of the image it serves.
    dseg
        Its regions, same grid.
    """

    image: NDArray[Any]
    affine: NDArray[np.float64]
    dseg: NDArray[np.uint8]


@dataclass(frozen=True)
class FeatureMap:
    """What the detector knows of one image.

    Attributes
    ----------
    dseg
        uint8 (i, j, k), labels of :mod:`bids_deface.anatomy` in the image's own grid, turned by
        ``turn``.
    regions
        One report for each facial region.
    brain_ml
        Volume of the brain.
    threshold
        Intensity of the image above which a voxel is head.
    head
        Filled head mask (2 mm); with a ``surface``, the reference's and of no use.
    head_grid
        Grid of ``head``.
    turn
        4x4, from the world of the header to that in which the head is upright; see
        :func:`bids_deface.detection.turns.turned`.
    surface
        The image that tells skin from air where this one does not; None where it does.
    inherited_from
        Name of the image whose regions these are; empty where they are the image's own.
    stripped
        Whether nothing but a brain is left in the image.
    slack_mm
        How far the head may lie from ``dseg`` in some frame; None where nobody measured it.
    image_doubts
        In words, what speaks against the image as a whole.
    seen
        The image as the detector saw it, in the upright world; None where it is not at hand.
    table
        Features that the weights know beside the standard ones.
    """

    dseg: NDArray[np.uint8]
    regions: tuple[RegionReport, ...]
    brain_ml: float
    threshold: float
    head: NDArray[np.bool_]
    head_grid: Grid
    turn: Turn
    surface: Surface | None = None
    inherited_from: str = ""
    stripped: bool = False
    slack_mm: float | None = None
    image_doubts: tuple[str, ...] = ()
    seen: ConformedImage | None = None
    table: FeatureTable = STANDARD

    @property
    def shows_face(self) -> bool:
        """Whether anything of a face may be left in the image."""
        gone = all(report.status is Status.ABSENT for report in self.regions)
        return not (self.stripped or gone)

    def doubts(self, labels: frozenset[int]) -> tuple[str, ...]:
        """Return the reasons for which one of ``labels`` is doubtful."""
        return tuple(r.reason for r in self.regions if r.index in labels and r.reason)

    def is_whole(self, labels: frozenset[int]) -> bool:
        """Tell whether nothing about ``labels`` is doubtful or cut off."""
        return not any(r.index in labels and r.is_open for r in self.regions)


def save_features(features: FeatureMap | ImageError, path: Path) -> None:
    """Write what lasts to an ``.npz`` file; it outlines a face, so keep it private.

    What is left out: ``surface`` and ``seen``.

    Parameters
    ----------
    features
        What is known of one image, or why nothing is.
    path
        Ends in ``.npz``.
    """
    if isinstance(features, ImageError):
        np.savez(path, problem=np.array([features.message, features.hint]))
        return
    facts: dict[str, Any] = {
        "regions": [asdict(report) for report in features.regions],
        "brain_ml": features.brain_ml,
        "threshold": features.threshold,
        "inherited_from": features.inherited_from,
        "stripped": features.stripped,
        "slack_mm": features.slack_mm,
        "image_doubts": features.image_doubts,
        "table": features.table.to_dict(),
    }
    np.savez(
        path,
        dseg=features.dseg,
        head=np.packbits(features.head),
        head_shape=np.array(features.head_grid.shape),
        head_affine=features.head_grid.affine,
        turn=features.turn,
        facts=np.array(json.dumps(facts)),
    )


def load_features(path: Path) -> FeatureMap | ImageError:
    """Read what :func:`save_features` wrote."""
    with np.load(path) as stored:
        if "problem" in stored:
            message, hint = (str(text) for text in stored["problem"])
            return ImageError(message, hint)
        facts = json.loads(str(stored["facts"]))
        i, j, k = (int(n) for n in stored["head_shape"])
        head = np.unpackbits(stored["head"], count=i * j * k).astype(bool).reshape(i, j, k)
        return FeatureMap(
            dseg=stored["dseg"],
            regions=tuple(
                RegionReport(**{**report, "status": Status(report["status"])})
                for report in facts["regions"]
            ),
            brain_ml=facts["brain_ml"],
            threshold=facts["threshold"],
            head=head,
            head_grid=Grid((i, j, k), stored["head_affine"]),
            turn=stored["turn"],
            inherited_from=facts["inherited_from"],
            stripped=facts["stripped"],
            slack_mm=facts["slack_mm"],
            image_doubts=tuple(facts["image_doubts"]),
            table=table_from(facts.get("table", {})),
        )
