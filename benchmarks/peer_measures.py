"""What a defaced scan has lost, whoever defaced it: face, features, brain, head, header."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from bids_deface.anatomy import BRAIN, FacialFeature, labels_of
from bids_deface.assurance.residues import doubts_of_residues
from bids_deface.case import find_features
from bids_deface.containers.load import load_volume
from bids_deface.deface_file import reference_of
from bids_deface.detection.detector import FeatureDetector
from bids_deface.detection.featuremap import FeatureMap
from bids_deface.inspection import inspect_head
from bids_deface.tissue import dilate_mm, largest_component
from bids_deface.volume import Volume, canonical_view, one_image, stored_view, zooms_of

#: Tissue this near to the air around the head is skin, mm.
SKIN_MM = 3.0
#: Header fields that tell of the voxels' numbers, not of a change to the header.
NUMBERS = {"cal_max", "cal_min", "glmax", "glmin"}


@dataclass(frozen=True)
class Subject:
    """One scan before defacing.

    Attributes
    ----------
    path
        Its file.
    volume
        The scan.
    features
        What the detector knows of it.
    label
        Labels that a person made, in the scan's stored grid; None where there are none.
    """

    path: Path
    volume: Volume
    features: FeatureMap
    label: NDArray[Any] | None = None

    @property
    def brain(self) -> NDArray[np.bool_]:
        """The predicted brain, in the scan's stored grid."""
        world = self.features.turn @ self.volume.affine
        return np.asarray(stored_view(self.features.dseg, world) == BRAIN)


@dataclass(frozen=True)
class Measures:
    """What one program did to one scan.

    Attributes
    ----------
    face_before, face_after
        Whether any detector finds a face.
    skin_kept
        Share of each feature's skin that has the values it had; no entry without skin.
    left
        Features at which the surface is one that would await our review.
    brain, labelled_brain
        Brain voxels that changed: of the predicted brain, of the labelled one (None without).
    head_share
        Share of the head's voxels that have another value.
    changes
        What else is another: data type, grid, header fields.
    """

    face_before: bool
    face_after: bool
    skin_kept: Mapping[FacialFeature, float]
    left: frozenset[FacialFeature]
    brain: int
    labelled_brain: int | None
    head_share: float
    changes: tuple[str, ...]


def subject_of(path: Path, detector: FeatureDetector, label: Path | None = None) -> Subject:
    """Load a scan and look for its features."""
    volume = load_volume(path)
    _, features = find_features(volume, detector)
    labels = np.asanyarray(nib.load(label).dataobj) if label else None
    return Subject(path, volume, features, labels)


def save_brain_mask(subject: Subject, path: Path) -> None:
    """Write the predicted brain as a mask on the scan's own grid."""
    image = nib.load(subject.path)
    mask = subject.brain.astype(np.uint8)
    nib.save(nib.Nifti1Image(mask, image.affine), path)


def measure(subject: Subject, result: Path) -> Measures:
    """Compare a defaced scan with what it was.

    Raises
    ------
    ValueError
        It has another shape: voxels cannot be compared.
    DefaceError
        It cannot be read.
    """
    after = load_volume(result)
    if after.data.shape != subject.volume.data.shape:
        raise ValueError(f"another shape: {'x'.join(map(str, after.data.shape))}")
    before_values, after_values = _values(subject.volume), _values(after)
    changed = before_values != after_values
    known = reference_of("", subject.volume, subject.features)
    upright = canonical_view(changed, subject.features.turn @ subject.volume.affine)
    seen = inspect_head(
        known.image,
        canonical_view(one_image(after), subject.features.turn @ subject.volume.affine),
        known.affine,
        subject.features.dseg,
        lambda box: upright[box],
        subject.features.threshold,
    )
    left = {
        feature
        for feature in FacialFeature
        if doubts_of_residues(
            seen.residues[index] for index in labels_of(feature) if index in seen.residues
        )
    }
    head = before_values > subject.features.threshold
    label = subject.label
    return Measures(
        any(seen.faces_before.values()),
        any(seen.faces_after.values()),
        _skin_kept(known.image, subject.features, upright, zooms_of(known.affine)),
        frozenset(left),
        int(changed[subject.brain].sum()),
        None if label is None else int(changed[label == BRAIN].sum()),
        float(changed[head].mean()),
        _header_changes(subject.path, result),
    )


def _skin_kept(
    image: NDArray[Any],
    features: FeatureMap,
    changed: NDArray[np.bool_],
    zooms: NDArray[np.float64],
) -> dict[FacialFeature, float]:
    """Return which share of the tissue next to the air around the head is as it was."""
    tissue = image > features.threshold
    near = dilate_mm(largest_component(~tissue), SKIN_MM, zooms)
    skin = tissue & near
    out = {}
    for feature in FacialFeature:
        own = skin & np.isin(features.dseg, labels_of(feature))
        if own.any():
            out[feature] = float((~changed[own]).mean())
    return out


def _values(volume: Volume) -> NDArray[np.float64]:
    """Return what the voxels mean, not how they are stored."""
    data = volume.data.reshape(volume.data.shape[:3], order="F")
    return np.asarray(data.astype(np.float64) * volume.slope + volume.inter)


def _header_changes(before: Path, after: Path) -> tuple[str, ...]:
    """Return what of two headers differs, in words."""
    one, two = nib.load(before), nib.load(after)
    found = []
    if one.get_data_dtype() != two.get_data_dtype():
        found.append(f"{one.get_data_dtype()} to {two.get_data_dtype()}")
    if not np.allclose(one.affine, two.affine, atol=1e-3):
        found.append("affine")
    skipped = {"datatype", "bitpix", "vox_offset", *NUMBERS}
    keys = [key for key in one.header if key in two.header and key not in skipped]
    other = [
        key
        for key in keys
        if np.asarray(one.header[key]).tobytes() != np.asarray(two.header[key]).tobytes()
    ]
    if other:
        found.append("header: " + " ".join(other))
    return tuple(found)
