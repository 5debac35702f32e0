"""New bytes of the files that cannot go as they are."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Final

from bids_deface.audit.tables import is_personal
from bids_deface.containers.names import split_name
from bids_deface.dataset.description import DESCRIPTION
from bids_deface.export.defaced import names_of
from bids_deface.export.item import Dates, ExportOptions, Fate, Item
from bids_deface.export.masks import mask_items
from bids_deface.export.roots import (
    CHANGES_NAMES,
    README_NAMES,
    changes_of,
    description_of,
    readme_of,
)
from bids_deface.export.rows import TableRows, files_and_folders
from bids_deface.export.sidecars import clean_sidecar
from bids_deface.export.tables import choose_dates, clean_table
from bids_deface.textfiles import read_json

TOLD_OF_DATES: Final = {
    Dates.DROP: "Dates of scans and sessions were removed.",
    Dates.SHIFT: "Dates of scans and sessions were shifted by a number of days drawn for each "
    "subject.",
}
_AT_ROOT: Final = (DESCRIPTION, *README_NAMES, *CHANGES_NAMES)


def write_contents(
    raw: Path,
    derivatives: Path,
    share: Path,
    items: Sequence[Item],
    options: ExportOptions,
) -> list[Item]:
    """Return what becomes of all files, with new bytes where they are needed.

    Parameters
    ----------
    raw, derivatives, share
        The datasets; the last one may hold what an earlier run made.
    items
        What becomes of the files so far.
    options
        What may go.
    """
    lost = {item.file for item in items if not item.is_shared}
    shared = [item for item in items if item.is_shared]
    known = files_and_folders({item.file for item in shared})
    dates = choose_dates(raw, share, [item.file for item in shared], options.dates)
    done = {
        _json_of(item.file): _done(derivatives, item)
        for item in shared
        if item.fate is Fate.DEFACED
    }
    out = [i for i in items if not i.is_shared]
    for item in shared:
        if item.file not in _AT_ROOT and item.file not in done:
            out.append(_changed(raw, item, lost, known, dates))
    for file, fields in done.items():
        content, notes = clean_sidecar(raw, file, lost, fields)
        out.append(Item(file, Fate.REWRITTEN, content=content or b"{}\n", notes=notes))
    if options.masks:
        out += mask_items(derivatives, shared)
    return [*out, *_at_root(raw, share, options.dates)]


def _changed(
    raw: Path,
    item: Item,
    lost: set[str],
    known: Collection[str],
    dates: Mapping[str, Callable[[str], str]],
) -> Item:
    content: bytes | None = None
    notes: tuple[str, ...] = ()
    if item.file.endswith(".json"):
        content, notes = clean_sidecar(raw, item.file, lost, {})
    elif is_personal(item.file):
        change = dates.get(item.file, lambda cell: cell)
        rows = TableRows(item.file, known)
        content, notes = clean_table(raw, item.file, rows.keeps, change, rows.name_of)
    return item if content is None else item.rewritten(content, notes)


def _done(derivatives: Path, item: Item) -> dict[str, Any]:
    """Return what the sidecar of the defaced image says of defacing."""
    names = names_of(item.file, derivatives)
    return read_json(derivatives / _json_of(names.relative_image))


def _json_of(image: str) -> str:
    path = PurePosixPath(image)
    return str(path.with_name(f"{split_name(Path(path.name))[0]}.json"))


def _at_root(raw: Path, share: Path, dates: Dates) -> list[Item]:
    readme, text = readme_of(raw, TOLD_OF_DATES[dates])
    changes, history = changes_of(raw, share)
    # The description last: without it, nobody takes the folder for a dataset.
    return [
        Item(readme, Fate.REWRITTEN, content=text),
        Item(changes, Fate.REWRITTEN, content=history),
        Item(DESCRIPTION, Fate.REWRITTEN, content=description_of(raw)),
    ]
