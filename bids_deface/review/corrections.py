"""What a person says of where the features are: ``private/corrections.json``.

The file is what ``--corrections`` reads: for each image its features (an ellipsoid in the scan's
world, or absent), a painted label image, and who says so and why.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import nibabel as nib
import numpy as np
from isal import igzip
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError
from nibabel.wrapstruct import WrapStructError

from bids_deface.containers.files import DAMAGED, write_whole
from bids_deface.corrections_file import KEYS, image_of
from bids_deface.dataset.derivatives import write_json
from bids_deface.errors import UsageError
from bids_deface.kinds import PRIVATE
from bids_deface.textfiles import read_json

ROOT: Final = "Corrections"
#: What bytes raise that are no image.
_UNREADABLE = (
    *DAMAGED, OSError, ValueError, HeaderDataError, ImageFileError, WrapStructError,
)  # fmt: skip


def corrections_file(output_dir: Path) -> Path:
    """Return where the corrections of a derivatives folder are kept."""
    return output_dir / PRIVATE / "corrections.json"


def read_corrections(output_dir: Path) -> dict[str, Any]:
    """Return the corrections of all images, by source."""
    content = read_json(corrections_file(output_dir)).get(ROOT)
    return content if isinstance(content, dict) else {}


def keep_correction(
    output_dir: Path, source: str, features: Mapping[str, Any], reviewer: str, reason: str
) -> dict[str, Any]:
    """Write the correction of one image; what was painted before stays.

    Parameters
    ----------
    output_dir
        Derivatives folder.
    source
        Raw image by its place in the dataset.
    features
        Name to ``{"CentreMm": [x, y, z], "RadiiMm": [x, y, z]}`` (world RAS, mm) or
        ``{"Absent": true}``.
    reviewer, reason
        Who says so, and why.

    Raises
    ------
    DefaceError
        A feature is unknown, or no such thing; nothing is said, or two things of one feature.
    """
    painted = read_corrections(output_dir).get(source, {}).get("Labels")
    entry = {"Features": dict(features), **({"Labels": painted} if painted else {})}
    image_of(entry, corrections_file(output_dir).parent, source)
    return _keep(output_dir, source, {**entry, "Reviewer": reviewer, "Reason": reason})


def keep_labels(output_dir: Path, source: str, key: str, image: nib.Nifti1Image) -> str:
    """Write a painted label image; return its name as the corrections have it."""
    name = f"corrections/{key}_dseg.nii.gz"
    packed = igzip.compress(image.to_bytes(), mtime=0)
    write_whole(corrections_file(output_dir).parent / name, packed)
    entry = {"Features": {}, **read_corrections(output_dir).get(source, {}), "Labels": name}
    _keep(output_dir, source, entry)
    return name


def drop_correction(output_dir: Path, source: str) -> None:
    """Forget what was said of one image."""
    known = read_corrections(output_dir)
    entry = known.pop(source, {})
    write_json(corrections_file(output_dir), {ROOT: known})
    folder = corrections_file(output_dir).parent / "corrections"
    if entry.get("Labels"):
        (folder / Path(str(entry["Labels"])).name).unlink(missing_ok=True)


def painted_labels(packed: bytes, original: Path) -> nib.Nifti1Image:
    """Return what was painted as an image without anything but labels and place.

    Parameters
    ----------
    packed
        NIfTI file, gzipped, on the grid of the original.
    original
        The scan it was painted on.

    Raises
    ------
    UsageError
        It is no such image, or empty.
    """
    hint = "Open the image anew and paint again."
    try:
        painted = nib.Nifti1Image.from_bytes(igzip.decompress(packed))
        data = np.asarray(painted.dataobj)
    except _UNREADABLE as error:
        raise UsageError("What was painted is no image.", hint) from error
    scan: Any = nib.load(original)
    shape, affine = scan.shape[:3], scan.affine
    is_same_place = np.allclose(painted.affine, affine, atol=1e-3)
    if data.shape[:3] != shape or data.size != math.prod(shape) or not is_same_place:
        raise UsageError("What was painted lies on another grid than the image.", hint)
    if not np.isin(np.unique(data), [0, *KEYS.values()]).all():
        raise UsageError("What was painted has labels that are no feature.", hint)
    if not data.any():
        raise UsageError("Nothing was painted.", "Choose a feature and paint over it.")
    labels = nib.Nifti1Image(data.reshape(shape).astype(np.uint8), affine)
    labels.header.set_xyzt_units("mm")
    return labels


def _keep(output_dir: Path, source: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    known = {**read_corrections(output_dir), source: dict(entry)}
    write_json(corrections_file(output_dir), {ROOT: dict(sorted(known.items()))})
    return dict(entry)
