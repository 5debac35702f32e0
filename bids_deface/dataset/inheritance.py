"""Sidecars and gradients by the inheritance principle: the nearest file is the strongest."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from bids_deface.errors import InvalidBIDSError
from bids_deface.textfiles import parse_json

LOGGER = logging.getLogger(__name__)


def sidecar_reader(root: Path) -> Callable[[Path], dict[str, Any]]:
    """Return a function from an image of a dataset to its metadata; each file is read once.

    A sidecar applies if it lies in the image's folder or above it, has the image's suffix, and
    has no entity that the image has not.

    Parameters
    ----------
    root
        Root of the dataset.
    """
    listing, content = cache(_by_entities), cache(_read)

    def read(image: Path) -> dict[str, Any]:
        entities, suffix = _parts(image)
        metadata: dict[str, Any] = {}
        for folder in _folders(root, image):
            for path, own, own_suffix in listing(folder, "json"):
                if own_suffix == suffix and own <= entities:
                    metadata |= content(path)
        return metadata

    return read


def gradients(root: Path, image: Path) -> tuple[Path, ...]:
    """Return the nearest ``.bval`` and ``.bvec`` of a diffusion scan, where there are any."""
    entities, suffix = _parts(image)
    found = []
    for extension in ("bval", "bvec"):
        fitting = [
            path
            for folder in _folders(root, image)
            for path, own, own_suffix in _by_entities(folder, extension)
            if own_suffix == suffix and own <= entities and path.exists()
        ]
        found += fitting[-1:]
    return tuple(found)


def _folders(root: Path, image: Path) -> list[Path]:
    """Return the folders from the root down to the image."""
    names = image.relative_to(root).parts[:-1]
    return [root.joinpath(*names[:depth]) for depth in range(len(names) + 1)]


def _by_entities(folder: Path, extension: str) -> list[tuple[Path, frozenset[str], str]]:
    """Return the files of a folder with entities and suffix, the most general first."""
    files = [(path, *_parts(path)) for path in sorted(folder.glob(f"*.{extension}"))]
    return sorted(files, key=lambda file: len(file[1]))


def _parts(path: Path) -> tuple[frozenset[str], str]:
    """Return ``{"sub-01", "run-1"}`` and the suffix of a file name."""
    *entities, suffix = path.name.partition(".")[0].split("_")
    return frozenset(entities), suffix


def _read(path: Path) -> dict[str, Any]:
    try:
        content = parse_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        LOGGER.warning("%s cannot be read (%s): its metadata is missing", path, error.strerror)
        return {}
    except ValueError as error:
        raise InvalidBIDSError(f"{path} is no JSON ({error}).") from error
    if not isinstance(content, dict):
        raise InvalidBIDSError(f"{path} holds no JSON object.")
    return content
