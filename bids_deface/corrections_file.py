"""The file in which a reviewer says which regions are wrong, and where they are (JSON)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bids_deface.anatomy import name_of
from bids_deface.detection.corrections import (
    FACIAL,
    RADII_MM,
    Correction,
    Ellipsoid,
    RegionCorrection,
    painted_indices,
)
from bids_deface.errors import CorrectionError, DefaceError, NoInputError, UsageError
from bids_deface.painted_labels import load_labels
from bids_deface.textfiles import parse_json

#: Names of the facial regions in the file.
KEYS: Final[Mapping[str, int]] = {name_of(index).replace(" ", "_"): index for index in FACIAL}
#: Of a feature; of an image.
_FEATURE, _IMAGE = {"CentreMm", "RadiiMm", "Absent", "Add"}, {"Features", "Labels"}
#: What only people read: it is never copied anywhere.
_PERSONAL = {"Reviewer", "Reason"}
#: No scanner's world is larger, mm.
FARTHEST_MM = 1e5


@dataclass(frozen=True)
class ImageCorrection:
    """One image's correction, without the name of who made it.

    Attributes
    ----------
    regions
        What is said of regions.
    labels
        Label image; None where nothing was painted.
    painted
        Facial regions that occur in it.
    labels_sha256
        Its checksum; empty where there is none.
    """

    regions: tuple[RegionCorrection, ...]
    labels: Path | None = None
    painted: tuple[int, ...] = ()
    labels_sha256: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the corrected regions, in the order of the label table."""
        said = {item.index for item in self.regions} | set(self.painted)
        return tuple(name_of(index) for index in FACIAL if index in said)

    @property
    def fingerprint(self) -> str:
        """Text that is another one for another correction; no place on this machine."""
        return json.dumps([features_of(self.regions), self.labels_sha256], sort_keys=True)

    def as_text(self) -> str:
        """Return all of it as JSON, for nodes that run elsewhere."""
        labels = {"Labels": str(self.labels)} if self.labels else {}
        entry = {"Features": features_of(self.regions), **labels}
        # The checksum lets a node run again when the painting changes.
        return json.dumps([entry, self.labels_sha256], sort_keys=True)

    @classmethod
    def of_text(cls, text: str) -> ImageCorrection:
        """Read what :meth:`as_text` returned."""
        entry, _ = json.loads(text)
        return image_of(entry, Path("/"), "the correction")

    def load(self) -> Correction:
        """Return the correction with its painted labels.

        Raises
        ------
        NoInputError
            The label image is gone.
        ImageError
            It is no label image.
        """
        painted = None if self.labels is None else load_labels(self.labels)
        return Correction(self.regions, painted)


def load_correction(text: str) -> Correction | None:
    """Return the correction of a text from :meth:`ImageCorrection.as_text`; None for no text.

    Raises
    ------
    CorrectionError
        Its label image cannot be read any more; that image's place is not told.
    """
    if not text:
        return None
    try:
        return ImageCorrection.of_text(text).load()
    except DefaceError as error:
        raise CorrectionError(
            "what was painted as its correction cannot be read any more.",
            "Check the label images of --corrections, and run the same command again.",
        ) from error


def read_corrections(path: Path) -> dict[str, ImageCorrection]:
    """Read the corrections of a dataset.

    Parameters
    ----------
    path
        JSON file; its label images lie where it says, relative to itself.

    Returns
    -------
    dict
        Image, by its place in the dataset, to its correction.

    Raises
    ------
    NoInputError
        The file or a label image cannot be read.
    UsageError
        It has another form, or names an unknown feature; radii are no radii.
    CorrectionError
        A label image holds something else than labels.
    """
    try:
        content = parse_json(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        raise NoInputError(f"The corrections file {path} cannot be read.") from error
    except ValueError as error:
        raise UsageError(f"The corrections file {path} is no JSON ({error}).") from error
    entries = content.get("Corrections") if isinstance(content, dict) else None
    if not isinstance(entries, dict):
        raise UsageError(
            f'The corrections file {path} must hold an object {{"Corrections": {{...}}}}.',
            "Its keys are images, by their place in the dataset.",
        )
    return {
        image: image_of(entry, path.absolute().parent, f"{path}: {image}")
        for image, entry in entries.items()
    }


def correction_of(corrections: Mapping[str, ImageCorrection], image: Path) -> str | None:
    """Return the key of the correction of a file by its name; None where there is none.

    Raises
    ------
    UsageError
        Several images have that name.
    """
    found = [key for key in corrections if key.rpartition("/")[2] == image.name]
    if len(found) > 1:
        raise UsageError(
            f"{' and '.join(found)} have the same name as {image.name}.",
            "Give a corrections file that holds one of them.",
        )
    return found[0] if found else None


def image_of(entry: Any, folder: Path, where: str) -> ImageCorrection:
    """Read what is said of one image.

    Parameters
    ----------
    entry
        As it stands in the file.
    folder
        Of the file; the label image is named relative to it.
    where
        Begins the messages.

    Raises
    ------
    DefaceError
        It makes no sense, or its label image is none.
    """
    _require_keys(entry, _IMAGE | _PERSONAL, where)
    features = entry.get("Features", {})
    if not isinstance(features, dict):
        raise UsageError(f"{where}: Features must be an object.")
    found = (_region_of(name, said, where) for name, said in features.items())
    regions = tuple(sorted(found, key=lambda item: item.index))
    if "Labels" in entry:
        labels = _labels_of(entry["Labels"], folder, where)
        correction = ImageCorrection(
            regions,
            labels,
            painted_indices(load_labels(labels).dseg),
            hashlib.sha256(labels.read_bytes()).hexdigest(),
        )
    else:
        correction = ImageCorrection(regions)
    _require_sense(correction, where)
    return correction


def _labels_of(name: Any, folder: Path, where: str) -> Path:
    """Return where a label image lies."""
    if not isinstance(name, str) or not name:
        raise UsageError(f"{where}: Labels must be a file name.")
    labels = folder / name
    if not labels.is_file():
        raise NoInputError(
            f"{where}: the label image {labels} does not exist.",
            "Its path is relative to the corrections file.",
        )
    return labels


def _require_sense(correction: ImageCorrection, where: str) -> None:
    """Raise where a correction says nothing, or two things."""
    regions, painted = correction.regions, correction.painted
    if not regions and not painted:
        raise UsageError(f"{where}: nothing is corrected.", "Give Features, Labels or both.")
    for item in regions:
        name = name_of(item.index)
        if item.absent and item.index in painted:
            raise UsageError(f"{where}: the {name} is absent, but painted.", "Decide on one.")
        if not (item.absent or item.ellipsoid or item.index in painted):
            raise UsageError(
                f"{where}: nobody says where the {name} is.",
                'Give CentreMm and RadiiMm, paint it, or say "Absent": true.',
            )


def _region_of(name: str, said: Any, where: str) -> RegionCorrection:
    if name not in KEYS:
        raise UsageError(f"{where}: unknown feature {name!r}.", f"Choose from {' '.join(KEYS)}.")
    where = f"{where}, {name}"
    _require_keys(said, _FEATURE, where)
    for key in ("Absent", "Add"):
        if not isinstance(said.get(key, False), bool):
            raise UsageError(f"{where}: {key} must be true or false.")
    absent = said.get("Absent", False)
    if absent and len(said) > 1:
        raise UsageError(f"{where}: what is absent has no other property.")
    ellipsoid = None
    if "CentreMm" in said or "RadiiMm" in said:
        centre, radii = (
            _three(said.get(key), f"{where}: {key}") for key in ("CentreMm", "RadiiMm")
        )
        low, high = RADII_MM
        if not all(low <= radius <= high for radius in radii):
            raise UsageError(
                f"{where}: RadiiMm must lie between {low:g} and {high:g} mm.",
                "They are half of the region's width, depth and height.",
            )
        ellipsoid = Ellipsoid(centre, radii)
    return RegionCorrection(KEYS[name], ellipsoid, absent, said.get("Add", False))


def _three(value: Any, where: str) -> tuple[float, float, float]:
    """Return three finite numbers."""
    numbers = value if isinstance(value, list) else []
    kinds = [type(number) in (int, float) for number in numbers]
    if len(numbers) != 3 or not all(kinds) or not all(abs(n) < FARTHEST_MM for n in numbers):
        raise UsageError(f"{where} must be three numbers: right, anterior, superior, in mm.")
    x, y, z = (float(number) for number in numbers)
    return x, y, z


def _require_keys(entry: Any, known: set[str], where: str) -> None:
    if not isinstance(entry, dict):
        raise UsageError(f"{where} must be an object.")
    unknown = sorted(set(entry) - known)
    if unknown:
        raise UsageError(
            f"{where}: unknown key {unknown[0]!r}.", f"Known: {' '.join(sorted(known))}."
        )


def features_of(regions: tuple[RegionCorrection, ...]) -> dict[str, Any]:
    """Return what is said of regions as it stands in the file."""
    names = {index: name for name, index in KEYS.items()}
    out: dict[str, Any] = {}
    for item in regions:
        said: dict[str, Any] = {}
        if item.ellipsoid:
            said |= {
                "CentreMm": list(item.ellipsoid.centre_mm),
                "RadiiMm": list(item.ellipsoid.radii_mm),
            }
        said |= {"Absent": True} if item.absent else {}
        said |= {"Add": True} if item.add else {}
        out[names[item.index]] = said
    return out
