"""Read training heads: a TSV that lists images and label maps."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bids_deface.anatomy import CLASS_OF_LABEL
from bids_deface.detection.grid import conform, resample
from bids_deface.errors import ImageError, NoInputError

TABLE_NAME = "heads.tsv"
REQUIRED_COLUMNS = ("head", "split", "image", "label")


@dataclass(frozen=True)
class TrainingHead:
    """One labelled head on the detector's grid.

    Attributes
    ----------
    name
        Identifier from the table.
    image
        uint8 (i, j, k), 2 mm RAS+; 0..255 stands for 0..1.
    classes
        uint8 (i, j, k), detector classes.
    visible
        Class names that can be judged in this head.
    """

    name: str
    image: Tensor
    classes: Tensor
    visible: tuple[str, ...]


def read_table(data_dir: Path, split: str) -> list[dict[str, str]]:
    """Return the rows of ``heads.tsv`` that belong to ``split`` and carry a label map.

    Raises
    ------
    NoInputError
        There is no table, or no row of this split.
    ImageError
        The table lacks a column.
    """
    path = data_dir / TABLE_NAME
    if not path.is_file():
        raise NoInputError(f"{path} does not exist.", "See docs/training.md for its format.")
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    missing = [c for c in REQUIRED_COLUMNS if rows and c not in rows[0]]
    if missing:
        raise ImageError(f"{path} lacks the columns {missing}.", "See docs/training.md.")
    chosen = [row for row in rows if row["split"] == split and row["label"]]
    if not chosen:
        raise NoInputError(f"{path} lists no labelled head of split {split!r}.")
    return chosen


def load_head(data_dir: Path, row: dict[str, str]) -> TrainingHead:
    """Load one row of the table onto the detector's grid."""
    try:
        image = nib.loadsave.load(data_dir / row["image"])
        label = nib.loadsave.load(data_dir / row["label"])
        assert isinstance(image, nib.Nifti1Image)
        assert isinstance(label, nib.Nifti1Image)
        conformed = conform(np.asanyarray(image.dataobj), _affine(image))
        dseg = np.asanyarray(label.dataobj)
        labels = resample(dseg, _affine(label), conformed.grid, order=0).round().astype(np.uint8)
    except (OSError, EOFError, nib.filebasedimages.ImageFileError) as error:
        raise ImageError(f"Cannot read the head {row['head']}: {error}.") from error
    lookup = np.zeros(256, dtype=np.uint8)
    lookup[list(CLASS_OF_LABEL)] = list(CLASS_OF_LABEL.values())
    return TrainingHead(
        name=row["head"],
        image=torch.from_numpy((conformed.image * 255).round().astype(np.uint8)),
        classes=torch.from_numpy(lookup[labels]),
        visible=_visible(row.get("visible") or ""),
    )


def load_heads(data_dir: Path, split: str) -> list[TrainingHead]:
    """Load every labelled head of ``split``."""
    return [load_head(data_dir, row) for row in read_table(data_dir, split)]


def _affine(image: nib.Nifti1Image) -> NDArray[np.float64]:
    return np.asarray(image.affine, dtype=np.float64)


def _visible(text: str) -> tuple[str, ...]:
    """Parse ``eyes=full;ear_left=absent``: a class counts unless one of its parts is absent."""
    absent = {
        "ears" if part.startswith("ear") else part.partition("=")[0]
        for part in text.split(";")
        if part.endswith("=absent")
    }
    return tuple(c for c in ("eyes", "nose", "ears", "mouth", "brain") if c not in absent)
