"""Decide first, then build: what will be done with each image."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from bids_deface.dataset.derivatives import read_json
from bids_deface.dataset.names import PRIVATE, OutputNames
from bids_deface.dataset.query import ImageRecord
from bids_deface.errors import InvalidBIDSError


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
        Of the input file and settings; kept with the result to know what is up to date.
    """

    record: ImageRecord
    action: Action
    names: OutputNames
    fingerprint: str


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
            f"{i.action:<20}{i.record.relative} -> {i.names.relative_image}" for i in self.images
        ]
        return "\n".join([*lines, f"{len(self.todo)} of {len(self.images)} images to deface"])


def make_plan(
    bids_dir: Path,
    output_dir: Path,
    records: list[ImageRecord],
    settings: dict[str, Any],
    *,
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
    force
        Do again what was done before.
    """
    _refuse_twins(records)
    planned = []
    for record in records:
        names = OutputNames.of(record, output_dir)
        stamp = fingerprint(record.path, settings)
        done = not force and _is_done(names, stamp)
        planned.append(PlannedImage(record, Action.SKIP if done else Action.DEFACE, names, stamp))
    return Plan(bids_dir, output_dir, tuple(planned))


def _refuse_twins(records: list[ImageRecord]) -> None:
    """Raise if two raw files differ in their extension only: their outputs would be one."""
    seen: dict[str, str] = {}
    for record in records:
        other = seen.setdefault(record.stem, record.relative)
        if other != record.relative:
            raise InvalidBIDSError(
                f"{other} and {record.relative} have the same name.", "Keep one of them."
            )


def fingerprint(path: Path, settings: dict[str, Any]) -> str:
    """Return a short hash of the file's size and time and of the settings.

    It tells whether an input changed, and nothing about its content.
    """
    try:
        stat = path.stat()
        state = [stat.st_size, stat.st_mtime_ns]
    except OSError:
        state = []
    text = json.dumps([state, settings], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _is_done(names: OutputNames, stamp: str) -> bool:
    """Tell whether the same was done before: its record says so, and its files are there."""
    result = read_json(names.result)
    if result.get("Fingerprint") != stamp:
        return False
    files = [name for name in result.get("Files", []) if not name.startswith(f"{PRIVATE}/sub-")]
    return all((names.output_dir / name).exists() for name in files)
