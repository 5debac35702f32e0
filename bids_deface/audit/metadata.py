"""Identifying fields and text in sidecars."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, Final

from bids_deface.audit.finding import Finding, Kind, Weight
from bids_deface.audit.wording import telling_forms
from bids_deface.dataset.sidecars import IDENTIFYING
from bids_deface.textfiles import parse_json

#: Fields that tell where, or at what time of day: they narrow down and do not name.
NARROWING: Final = re.compile(r"^Institution|^Station|(?<!Date)Time$")
#: Words of other programs for what IDENTIFYING knows by DICOM's keywords.
OTHER_WORDS: Final = re.compile(
    r"(^|_)(patients?_?(name|id|birth\w*)|(sur|first_?|last_?|full_?)name|date_?of_?birth|dob|"
    r"birth_?date|mrn|ssn|e_?mail|phone\w*|postcode|zip_?code)($|_)",
    re.IGNORECASE,
)
#: Fields whose dates are those of programs and papers.
PUBLIC: Final = re.compile(r"Version|Software|URL|DOI|License|Reference|Acknowledge|GeneratedBy")
#: What stands where a name was.
BLANK: Final = re.compile(r"\s*(|n/?a|none|null|anon\w*|unknown|removed|x+|0+)\s*", re.IGNORECASE)
#: Known to all, and meant to be: authors, papers, programs.
OPEN_FILES: Final = ("dataset_description.json",)


def audit_sidecar(root: Path, file: str) -> list[Finding]:
    """Return what identifies in a JSON file.

    Parameters
    ----------
    root, file
        Dataset, and path within it.
    """
    if PurePosixPath(file).name in OPEN_FILES:
        return []
    try:
        content = parse_json((root / file).read_text(encoding="utf-8-sig"))
    except (OSError, ValueError):
        reason = "it cannot be read, so nobody knows what it tells"
        return [Finding(file, Kind.TEXT, "file", "unreadable", Weight.PROBLEM, reason)]
    found: dict[str, Finding] = {}
    for path, value in leaves(content):
        finding = _judge(file, path, value)
        if finding is not None:
            found.setdefault(finding.item, finding)
    return list(found.values())


def identifies(key: str) -> bool:
    """Tell whether a field is one that identifies, by its name."""
    return bool(IDENTIFYING.search(key) or OTHER_WORDS.search(key))


def _judge(file: str, path: tuple[str, ...], value: Any) -> Finding | None:
    key, item = path[-1] if path else "", ".".join(path)
    if BLANK.fullmatch(str(value)):
        return None
    if identifies(key):
        narrows = bool(NARROWING.search(key))
        reason = "tells a place or a time of day" if narrows else "names a person, device or date"
        weight = Weight.NOTE if narrows else Weight.PROBLEM
        return Finding(file, Kind.TEXT, item, "found", weight, reason)
    forms = telling_forms(value) if isinstance(value, str) and not PUBLIC.search(key) else ()
    if forms:
        reason = f"holds {', '.join(forms)}"
        return Finding(file, Kind.TEXT, item, "found", Weight.PROBLEM, reason)
    return None


def leaves(content: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every value with the names of the fields that lead to it, at any depth.

    Parameters
    ----------
    content
        JSON; items of a list have the names of the list.
    path
        Names of what it lies in.
    """
    if isinstance(content, dict):
        for name, value in content.items():
            yield from leaves(value, (*path, str(name)))
    elif isinstance(content, list):
        for value in content:
            yield from leaves(value, path)
    else:
        yield path, content
