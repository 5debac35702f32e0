"""Read training heads: a TSV that lists images and label maps."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import nibabel as nib
import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from bids_deface.anatomy import BRAIN, CLASS_OF_LABEL, CLASSES, FacialFeature, labels_of
from bids_deface.detection.grid import conform, resample_labels
from bids_deface.detection.outline import find_outline
from bids_deface.errors import ImageError, NoInputError
from bids_deface.tissue import head_mask
from bids_deface.volume import canonical_affine, canonical_view, zooms_of

TABLE_NAME = "heads.tsv"
#: Depth of the skin that a region must cover, mm.
SKIN_MM = 4.0
#: Distance by which ear labels exceed the auricle's outline, mm.
EAR_OUTLINE_MM = 4.0
REQUIRED_COLUMNS = ("head", "split", "image", "label")
#: Names in the column ``visible``.
LABELS_OF_PART: Final[Mapping[str, tuple[int, ...]]] = {
    "eyes": (1, 2),
    "nose": (3,),
    "ear_left": (4,),
    "ear_right": (5,),
    "mouth": (6,),
}


#: Detector class of each label index.
CLASS_TABLE: Final = np.zeros(256, dtype=np.uint8)
CLASS_TABLE[list(CLASS_OF_LABEL)] = list(CLASS_OF_LABEL.values())


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


@dataclass(frozen=True)
class EvaluationHead:
    """One head in its own grid, to try the whole detector on.

    Attributes
    ----------
    name
        Identifier from the table.
    image
        float32 (i, j, k), axes right, anterior, superior.
    dseg
        uint8 (i, j, k), label indices.
    target
        uint8 (i, j, k), label index of each voxel that a region must cover, whatever becomes of
        the intensities: skin of eyes, nose and mouth (4 mm deep), auricles (tissue within their
        outline, which the labels exceed by 4 mm), brain.
    affine
        Voxel-to-world matrix (4x4, mm).
    hidden
        Label indices that cannot be judged: outside the field of view.
    """

    name: str
    image: NDArray[np.float32]
    dseg: NDArray[np.uint8]
    target: NDArray[np.uint8]
    affine: NDArray[np.float64]
    hidden: frozenset[int]


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
    return class_map(on_detector_grid(_load_labelled(data_dir, row)))


def load_heads(data_dir: Path, split: str) -> list[TrainingHead]:
    """Load every labelled head of ``split``."""
    return [load_head(data_dir, row) for row in read_table(data_dir, split)]


def load_evaluation_heads(data_dir: Path, split: str) -> Iterator[EvaluationHead]:
    """Load the labelled heads of ``split`` one by one, in their own grids, with targets."""
    for row in read_table(data_dir, split):
        head = _load_labelled(data_dir, row)
        yield replace(head, target=_find_targets(head))


def on_detector_grid(head: EvaluationHead) -> EvaluationHead:
    """Return a head on the detector's grid, scaled to [0, 1]."""
    conformed = conform(head.image, head.affine)
    dseg, target = (
        resample_labels(labels, head.affine, conformed.grid) for labels in (head.dseg, head.target)
    )
    return replace(
        head, image=conformed.image, dseg=dseg, target=target, affine=conformed.grid.affine
    )


def _load_labelled(data_dir: Path, row: dict[str, str]) -> EvaluationHead:
    """Load image and labels of one row; the target is left blank."""
    data, affine = _read(data_dir / row["image"])
    labels, label_affine = _read(data_dir / row["label"])
    if labels.shape != data.shape or not np.allclose(affine, label_affine, atol=1e-2):
        raise ImageError(
            f"Label map and image of {row['head']} differ in grid.",
            "Resample the label map to the image (nearest neighbour).",
        )
    dseg = np.ascontiguousarray(canonical_view(labels, affine)).round().astype(np.uint8)
    return EvaluationHead(
        name=row["head"],
        image=np.ascontiguousarray(canonical_view(data, affine), dtype=np.float32),
        dseg=dseg,
        target=np.zeros_like(dseg),
        affine=canonical_affine(data.shape, affine),
        hidden=_hidden(row.get("visible") or ""),
    )


def _find_targets(head: EvaluationHead) -> NDArray[np.uint8]:
    """Return the label index of each voxel that a region must cover."""
    zooms = zooms_of(head.affine)
    threshold = find_outline(conform(head.image, head.affine)).threshold
    tissue = head_mask(head.image, threshold, zooms)
    # Padded by its edge: the border of the field of view is no skin.
    inner = np.pad(tissue, 1, mode="edge")
    depth = ndimage.distance_transform_edt(inner, sampling=zooms)[1:-1, 1:-1, 1:-1]
    skin = tissue & (depth <= SKIN_MM)
    out = np.where(skin, head.dseg, 0).astype(np.uint8)
    out[head.dseg == BRAIN] = BRAIN
    for index in labels_of(FacialFeature.EARS):
        ear = head.dseg == index
        # Seen from the side; a cut through the label by the field of view is no outline.
        outline = np.pad(ear.any(axis=0), 1, mode="edge")
        within = ndimage.distance_transform_edt(outline, sampling=zooms[1:])[1:-1, 1:-1]
        out[ear] = 0
        out[ear & tissue & (within > EAR_OUTLINE_MM)] = index
    return out


def class_map(head: EvaluationHead) -> TrainingHead:
    """Return a head on the detector's grid with classes in place of label indices."""
    hidden = {CLASSES[CLASS_OF_LABEL[i]] for i in head.hidden}
    return TrainingHead(
        name=head.name,
        image=torch.from_numpy((head.image.clip(0, 1) * 255).round().astype(np.uint8)),
        classes=torch.from_numpy(CLASS_TABLE[head.dseg]),
        visible=tuple(name for name in CLASSES[1:] if name not in hidden),
    )


def _read(path: Path) -> tuple[NDArray[np.generic], NDArray[np.float64]]:
    try:
        image = nib.loadsave.load(path)
        assert isinstance(image, nib.Nifti1Image)
        return np.asanyarray(image.dataobj), np.asarray(image.affine, dtype=np.float64)
    except (OSError, EOFError, nib.filebasedimages.ImageFileError) as error:
        raise ImageError(f"Cannot read {path}: {error}.") from error


def _hidden(text: str) -> frozenset[int]:
    """Parse ``eyes=full;ear_left=absent``: the labels of the parts that are absent."""
    parts = {part.partition("=")[0] for part in text.split(";") if part.endswith("=absent")}
    return frozenset(index for part in parts for index in LABELS_OF_PART.get(part, ()))
