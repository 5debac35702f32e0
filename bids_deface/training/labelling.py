"""What the detector sees in a scan, as a label map for a person to correct."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bids_deface.anatomy import LABELS
from bids_deface.case import require_mr_content
from bids_deface.containers.load import load_volume
from bids_deface.containers.nifti import derived_volume
from bids_deface.detection.detector import FeatureDetector
from bids_deface.detection.extra_painting import draw_labels
from bids_deface.detection.extra_regions import find_extras
from bids_deface.detection.plausibility import RegionReport, Status
from bids_deface.detection.turns import turned
from bids_deface.errors import ImageError, OutputError
from bids_deface.kinds import PRIVATE
from bids_deface.training.data import LABELS_OF_PART
from bids_deface.volume import Volume, canonical_affine, canonical_view, stored_view

DESCRIPTION: Final = "facial features as detected, to be corrected; private"
DATASET: Final = "dataset_description.json"
README: Final = """PRIVATE: do not share this folder.

The label maps in it outline the faces of the persons scanned, and heads.tsv names their scans.
Each label map lies on the grid of its scan. Correct it in ITK-SNAP, FSLeyes or 3D Slicer:

{programs}

Then train on it: bids-deface-train fit --data THIS_FOLDER --out RUN [--table features.toml]
"""


@dataclass(frozen=True)
class DrawnLabels:
    """Labels to correct.

    Attributes
    ----------
    volume
        The label map on the grid of its scan, uint8.
    visible
        What lies outside of the field of view, as ``heads.tsv`` has it.
    doubts
        In words, where a person should look first.
    """

    volume: Volume
    visible: str
    doubts: tuple[str, ...]


def require_private_place(out: Path) -> None:
    """Raise `OutputError` where labels must not go: in a dataset, which is there to be shared.

    Its folder ``private`` is none of what is shared.
    """
    place = out.resolve()
    for folder in (place, *place.parents):
        inner = place.relative_to(folder).parts
        if (folder / DATASET).is_file() and PRIVATE not in inner[:1]:
            raise OutputError(
                f"{out} lies in the dataset {folder}, and label maps outline faces.",
                f"Choose a folder outside of it, or one in {folder / PRIVATE}.",
            )


def draw_for_correction(path: Path, detector: FeatureDetector) -> DrawnLabels:
    """Return what the detector sees in a scan.

    Parameters
    ----------
    path
        The scan.
    detector
        With its weights; it draws what these know.

    Raises
    ------
    DefaceError
        The scan cannot be read, or shows no head.
    """
    volume = load_volume(path)
    try:
        image = require_mr_content(volume)
        view = canonical_view(image, volume.affine)
        affine = canonical_affine(image.shape, volume.affine)
        turn, sighting = detector.look(view, affine)
        if sighting.problem is not None:
            raise sighting.problem
    except ImageError as error:
        raise type(error)(f"{path}: {error.message}", error.hint) from error
    extras = find_extras(sighting, detector.table)
    upright, there = turned(view, affine, turn)
    dseg = draw_labels(sighting, extras, upright.shape, there)
    reports = (*sighting.regions, *extras.reports)
    labels = derived_volume(stored_view(dseg, turn @ volume.affine), volume, DESCRIPTION)
    return DrawnLabels(labels, _visible(reports), tuple(r.reason for r in reports if r.reason))


def _visible(reports: tuple[RegionReport, ...]) -> str:
    """Return the parts outside of the field of view as the column ``visible`` has them."""
    outside = {r.index for r in reports if r.status is Status.OUTSIDE}
    parts = {name: set(labels) for name, labels in LABELS_OF_PART.items()}
    standard = {row.index for row in LABELS}
    parts |= {r.name: {r.index} for r in reports if r.index not in standard}
    gone = [name for name, labels in parts.items() if labels <= outside]
    return ";".join(f"{name}=absent" for name in gone)
