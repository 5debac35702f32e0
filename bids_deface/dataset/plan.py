"""Decide first, then build: what will be done with each image."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from bids_deface.corrections_file import ImageCorrection
from bids_deface.dataset.names import OutputNames
from bids_deface.dataset.query import ImageRecord
from bids_deface.dataset.sessions import Regions, find_references
from bids_deface.errors import InvalidBIDSError
from bids_deface.kinds import PRIVATE
from bids_deface.textfiles import read_json


class Action(StrEnum):
    """What will be done with one image."""

    DEFACE = "deface"
    SKIP = "skip (done before)"


@dataclass(frozen=True)
class PlannedImage:
    """One image and its fate.

    Attributes
    ----------
    record
        The raw image.
    action
        Deface, or skip because the same was done before.
    names
        Where the outputs go.
    fingerprint
        Of the input files and settings; kept with the result to know what is up to date.
    regions
        Whether the image gets its own detection.
    references
        Images of the same session that stand in where its own detection is doubtful (best first),
        or whose regions it gets.
    correction
        What a reviewer says of its regions.
    """

    record: ImageRecord
    action: Action
    names: OutputNames
    fingerprint: str
    regions: Regions = Regions.OWN
    references: tuple[ImageRecord, ...] = ()
    correction: ImageCorrection | None = None

    def __str__(self) -> str:
        """Return what happens to the image, in one line."""
        line = f"{self.action:<20}{self.record.relative} -> {self.names.relative_image}"
        if self.correction is not None:
            line += f" (corrected by a reviewer: {', '.join(self.correction.names)})"
        if self.regions is Regions.OWN:
            return line
        names = " or ".join(reference.stem for reference in self.references)
        return f"{line} (regions of {names or 'no other image: it will fail'})"


@dataclass(frozen=True)
class Plan:
    """Everything a run will do, known before it starts.

    Attributes
    ----------
    bids_dir, output_dir
        Input and output dataset.
    images
        In order: subject, session, best reference first.
    """

    bids_dir: Path
    output_dir: Path
    images: tuple[PlannedImage, ...]

    @property
    def todo(self) -> tuple[PlannedImage, ...]:
        """The images that will be defaced."""
        return tuple(image for image in self.images if image.action is Action.DEFACE)

    @property
    def subjects(self) -> tuple[str, ...]:
        """Subject labels, sorted."""
        return tuple(sorted({image.record.subject for image in self.images}))

    def __str__(self) -> str:
        """Return one line per image."""
        lines = [
            *map(str, self.images),
            f"{len(self.todo)} of {len(self.images)} images to deface",
        ]
        return "\n".join(lines)


def make_plan(
    bids_dir: Path,
    output_dir: Path,
    records: list[ImageRecord],
    settings: dict[str, Any],
    *,
    corrections: Mapping[str, ImageCorrection] | None = None,
    force: bool = False,
) -> Plan:
    """Decide what to do with each image.

    Parameters
    ----------
    bids_dir, output_dir
        Input and output dataset.
    records
        Images in processing order.
    settings
        JSON-serialisable settings that change the result.
    corrections
        What a reviewer says of images, by their place in the dataset.
    force
        Do again what was done before.
    """
    _refuse_twins(records)
    planned, said = [], corrections or {}
    for record, regions, references in find_references(records):
        names = OutputNames.of(record, output_dir)
        sources = (record, *references)
        # A corrected reference lends other regions, as a new one does.
        words = [said[r.relative].fingerprint if r.relative in said else "" for r in sources]
        relevant = {**settings, "corrections": words} if any(words) else settings
        stamp = fingerprint([r.path for r in sources], relevant)
        done = not force and _is_done(names, stamp)
        action = Action.SKIP if done else Action.DEFACE
        correction = said.get(record.relative)
        planned.append(PlannedImage(record, action, names, stamp, regions, references, correction))
    return Plan(bids_dir, output_dir, tuple(planned))


def _refuse_twins(records: list[ImageRecord]) -> None:
    """Raise if two raw files differ in their extension only: their outputs would be one."""
    seen: dict[str, str] = {}
    for record in records:
        other = seen.setdefault(record.relative.partition(".")[0], record.relative)
        if other != record.relative:
            raise InvalidBIDSError(
                f"{other} and {record.relative} have the same name.", "Keep one of them."
            )


def fingerprint(paths: Sequence[Path], settings: dict[str, Any]) -> str:
    """Return a short hash of the files' sizes and times and of the settings.

    It tells whether an input changed, and nothing about its content.
    """
    states = []
    for path in paths:
        try:
            stat = path.stat()
            states.append([stat.st_size, stat.st_mtime_ns])
        except OSError:
            states.append([])
    text = json.dumps([states, settings], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _is_done(names: OutputNames, stamp: str) -> bool:
    """Tell whether the same was done before: its record says so, and its files are there."""
    result = read_json(names.result)
    if result.get("Fingerprint") != stamp:
        return False
    files = [name for name in result.get("Files", []) if not name.startswith(f"{PRIVATE}/sub-")]
    return all((names.output_dir / name).exists() for name in files)
