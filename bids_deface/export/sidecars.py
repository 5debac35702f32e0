"""Sidecars of the dataset to share: without what identifies, with what was done."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Final

from bids_deface.audit.finding import Weight
from bids_deface.audit.metadata import audit_sidecar, identifies
from bids_deface.errors import InvalidBIDSError
from bids_deface.textfiles import parse_json

#: What a defaced image's sidecar tells of defacing that holds for the shared one, too.
DONE: Final = ("DeidentificationMethod", "DeidentificationMethodCodeSequence")
#: Fields that name other files of the dataset.
POINTERS: Final = ("IntendedFor", "AssociatedEmptyRoom", "Sources")


def clean_sidecar(
    root: Path,
    file: str,
    lost: Collection[str],
    done: Mapping[str, Any],
) -> tuple[bytes | None, tuple[str, ...]]:
    """Return new bytes of a sidecar, and what was taken out of it.

    Parameters
    ----------
    root, file
        Raw dataset, and path within it; a file that is not there counts as empty.
    lost
        Images that are left out: nothing may point to them.
    done
        What to add on defacing.

    Returns
    -------
    bytes or None
        None where the file may stay as it is.
    notes
        Names of fields, never what they held.

    Raises
    ------
    InvalidBIDSError
        It is no JSON.
    """
    path = root / file
    try:
        content = parse_json(path.read_text(encoding="utf-8-sig")) if path.exists() else {}
    except (OSError, ValueError) as error:
        raise InvalidBIDSError(f"{path} is no JSON ({error}).") from error
    told = (
        {f.item for f in audit_sidecar(root, file) if f.weight is Weight.PROBLEM}
        if path.exists()
        else set()
    )
    notes: list[str] = []
    clean = _without(content, (), told, notes)
    if isinstance(clean, dict):
        for pointer in POINTERS:
            _drop_lost(clean, pointer, lost, notes)
        clean |= {key: done[key] for key in DONE if key in done}
    if clean == content:
        return None, ()
    text = json.dumps(clean, indent=2, ensure_ascii=False) + "\n"
    return text.encode("utf-8", "backslashreplace"), tuple(dict.fromkeys(notes))


def _without(content: Any, path: tuple[str, ...], told: Collection[str], notes: list[str]) -> Any:
    """Return JSON without fields that identify by their name or by what an audit found in them."""
    if isinstance(content, list):
        return [_without(value, path, told, notes) for value in content]
    if not isinstance(content, dict):
        return content
    out = {}
    for key, value in content.items():
        item = ".".join((*path, key))
        # Of a data dictionary, keys are columns: their descriptions identify nobody.
        if item in told or (identifies(key) and not isinstance(value, dict)):
            notes.append(f"{item} removed")
        else:
            out[key] = _without(value, (*path, key), told, notes)
    return out


def _drop_lost(
    content: dict[str, Any], pointer: str, lost: Collection[str], notes: list[str]
) -> None:
    """Drop pointers to images that are left out."""
    value = content.get(pointer)
    targets = [value] if isinstance(value, str) else value
    if not isinstance(targets, list) or not all(isinstance(t, str) for t in targets):
        return
    kept = [t for t in targets if not _is_lost(t, lost)]
    if len(kept) == len(targets):
        return
    notes.append(f"{pointer} names images that are left out: removed")
    if kept:
        content[pointer] = kept
    else:
        del content[pointer]


def _is_lost(target: str, lost: Collection[str]) -> bool:
    """Tell whether a BIDS URI, or a path within a subject or the dataset, is left out."""
    inside = target.rpartition("bids:")[2].partition(":")[2] if "bids:" in target else target
    return any(file == inside or file.partition("/")[2] == inside for file in lost)
