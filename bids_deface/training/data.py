"""Labelled heads in memory: in their own grids to try the detector on, or to train on."""

from __future__ import annotations

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

from bids_deface.anatomy import BRAIN, CLASS_OF_LABEL, FacialFeature, labels_of
from bids_deface.detection.grid import conform, resample_labels
from bids_deface.detection.outline import find_outline
from bids_deface.errors import ImageError
from bids_deface.feature_table import STANDARD, FeatureTable
from bids_deface.tissue import head_mask
from bids_deface.training.labelled import LabelledHead, class_name, find_heads
from bids_deface.volume import canonical_affine, canonical_view, zooms_of

#: Depth of the skin that a region must cover, mm.
SKIN_MM = 4.0
#: Distance by which ear labels exceed the auricle's outline, mm.
EAR_OUTLINE_MM = 4.0
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
    unknown
        Channels of classes of which nobody knows where they are in this head: what is labelled as
        background may be one of them.
    """

    name: str
    image: Tensor
    classes: Tensor
    visible: tuple[str, ...]
    unknown: tuple[int, ...] = ()


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
    unlabelled
        Class names that whoever labelled this head did not look for.
    """

    name: str
    image: NDArray[np.float32]
    dseg: NDArray[np.uint8]
    target: NDArray[np.uint8]
    affine: NDArray[np.float64]
    hidden: frozenset[int]
    unlabelled: frozenset[str] = frozenset()


def load_heads(data_dir: Path, split: str, table: FeatureTable = STANDARD) -> list[TrainingHead]:
    """Load every labelled head of ``split`` onto the detector's grid.

    Parameters
    ----------
    data_dir
        See docs/training.md.
    split
        ``train``, ``val`` or another one.
    table
        Features beside the standard ones.
    """
    return [class_map(head, table) for head in load_small_heads(data_dir, split, table)]


def load_small_heads(
    data_dir: Path, split: str, table: FeatureTable = STANDARD
) -> Iterator[EvaluationHead]:
    """Load the labelled heads one by one, on the detector's grid; parameters as `load_heads`."""
    for head in find_heads(data_dir, split, table):
        yield on_detector_grid(_load_labelled(head, table))


def load_evaluation_heads(
    data_dir: Path, split: str, table: FeatureTable = STANDARD
) -> Iterator[EvaluationHead]:
    """Load the labelled heads of ``split`` one by one, in their own grids, with targets."""
    for row in find_heads(data_dir, split, table):
        head = _load_labelled(row, table)
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


def _load_labelled(row: LabelledHead, table: FeatureTable) -> EvaluationHead:
    """Load image and labels of one head; the target is left blank."""
    data, affine = _read(row.image)
    labels, label_affine = _read(row.label)
    if labels.shape != data.shape or not np.allclose(affine, label_affine, atol=1e-2):
        raise ImageError(
            f"Label map and image of {row.name} differ in grid.",
            "Resample the label map to the image (nearest neighbour).",
        )
    dseg = _translated(np.ascontiguousarray(canonical_view(labels, affine)), row)
    hidden, unknown = _hidden(row.visible, table)
    return EvaluationHead(
        name=row.name,
        image=np.ascontiguousarray(canonical_view(data, affine), dtype=np.float32),
        dseg=dseg,
        target=np.zeros_like(dseg),
        affine=canonical_affine(data.shape, affine),
        hidden=hidden,
        unlabelled=unknown | _not_looked_for(dseg, row.named, table),
    )


def _translated(labels: NDArray[np.generic], row: LabelledHead) -> NDArray[np.uint8]:
    """Return label indices of this program for those of a file."""
    whole = np.nan_to_num(np.asarray(labels, dtype=np.float64)).round()
    out = np.zeros(whole.shape, dtype=np.uint8)
    for index in np.unique(whole):
        if index and int(index) not in row.indices:
            raise ImageError(
                f"{row.label} holds the label {index:g}, which no table names.",
                "Name it in the look-up table (dseg.tsv) and in the table of features (--table).",
            )
        if index:
            out[whole == index] = row.indices[int(index)]
    return out


def _not_looked_for(
    dseg: NDArray[np.uint8], named: frozenset[str], table: FeatureTable
) -> frozenset[str]:
    """Return the classes of which a label map tells nothing.

    A feature that every head has and that is nowhere drawn was not drawn yet.
    """
    drawn = {class_name(int(i), table) for i in np.unique(dseg) if i}
    expected = {feature.name for feature in table.features if feature.expected}
    return frozenset(set(table.classes[1:]) - named | expected - drawn)


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


def class_table(table: FeatureTable) -> NDArray[np.uint8]:
    """Return the detector class of each label index."""
    out = CLASS_TABLE.copy()
    for feature in table.features:
        out[list(feature.label)] = table.classes.index(feature.name)
    return out


def class_map(head: EvaluationHead, table: FeatureTable = STANDARD) -> TrainingHead:
    """Return a head on the detector's grid with classes in place of label indices."""
    hidden = {class_name(i, table) for i in head.hidden} | head.unlabelled
    return TrainingHead(
        name=head.name,
        image=torch.from_numpy((head.image.clip(0, 1) * 255).round().astype(np.uint8)),
        classes=torch.from_numpy(class_table(table)[head.dseg]),
        visible=tuple(name for name in table.classes[1:] if name not in hidden),
        unknown=tuple(sorted(table.classes.index(name) for name in head.unlabelled)),
    )


def _read(path: Path) -> tuple[NDArray[np.generic], NDArray[np.float64]]:
    try:
        image = nib.loadsave.load(path)
        assert isinstance(image, nib.Nifti1Image)
        return np.asanyarray(image.dataobj), np.asarray(image.affine, dtype=np.float64)
    except (OSError, EOFError, nib.filebasedimages.ImageFileError) as error:
        raise ImageError(f"Cannot read {path}: {error}.") from error


def _hidden(text: str, table: FeatureTable) -> tuple[frozenset[int], frozenset[str]]:
    """Parse ``eyes=full;ear_left=absent;chin=unknown``.

    Returns
    -------
    hidden
        Labels of what is absent: it is not scored.
    unknown
        Classes of what was not looked for.
    """
    parts = {**LABELS_OF_PART, **{feature.name: feature.label for feature in table.features}}
    told = [part.strip().partition("=") for part in text.split(";")]
    absent = {name for name, _, state in told if state == "absent"}
    unknown = {name for name, _, state in told if state == "unknown"}
    labels = {name: parts.get(name, ()) for name in absent | unknown}
    return (
        frozenset(index for name in absent for index in labels[name]),
        frozenset(class_name(index, table) for name in unknown for index in labels[name]),
    )
