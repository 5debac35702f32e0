"""What lies in a folder, for those who choose one on the page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bids_deface.containers.names import container_of
from bids_deface.review.roots import Roots
from bids_deface.textfiles import read_json

DESCRIPTION = "dataset_description.json"
#: More than these are not shown: nobody reads them.
MOST = 2000


def listing(roots: Roots, text: str) -> dict[str, Any]:
    """Return the folders and images in a folder; without a path, the roots.

    Raises
    ------
    DefaceError
        The path leads out of the roots, or is no folder.
    """
    if not text:
        entries = [_entry(folder, str(folder)) for folder in roots.folders]
        return {"path": "", "parent": None, "entries": entries, "more": 0}
    folder = roots.folder(text)
    try:
        found = sorted(folder.iterdir(), key=lambda path: path.name.lower())
    except OSError as error:
        return {"path": str(folder), "parent": _parent(roots, folder), "entries": [],
                "more": 0, "problem": error.strerror}  # fmt: skip
    wanted = [path for path in found if _is_wanted(roots, path)]
    return {
        "path": str(folder),
        "parent": _parent(roots, folder),
        "kind": kind_of(folder),
        "entries": [_entry(path, path.name) for path in wanted[:MOST]],
        "more": max(0, len(wanted) - MOST),
    }


def kind_of(folder: Path) -> str:
    """Return what a folder is: ``dataset``, ``output`` of an earlier run, or a ``folder``."""
    description = read_json(folder / DESCRIPTION)
    if not description:
        return "folder"
    makers = description.get("GeneratedBy")
    names = (
        [m.get("Name") for m in makers if isinstance(m, dict)] if isinstance(makers, list) else []
    )
    return "output" if "bids-deface" in names else "dataset"


def _parent(roots: Roots, folder: Path) -> str:
    return str(folder.parent) if roots.holds(folder.parent) else ""


def _is_wanted(roots: Roots, path: Path) -> bool:
    if path.name.startswith(".") or not roots.holds(path):
        return False
    return path.is_dir() or (path.is_file() and container_of(path) is not None)


def _entry(path: Path, name: str) -> dict[str, str]:
    kind = kind_of(path) if path.is_dir() else "image"
    return {"name": name, "path": str(path), "kind": kind}
