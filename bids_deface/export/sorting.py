"""Which files of a raw dataset may go, by their place and kind."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Final

from bids_deface.audit.finding import Finding, Weight
from bids_deface.audit.headers import audit_header
from bids_deface.audit.risky import SPECIAL, audit_files
from bids_deface.audit.walk import Tree
from bids_deface.containers.names import container_of
from bids_deface.dataset.suffixes import DATATYPES
from bids_deface.export.defaced import defaced_item
from bids_deface.export.item import ExportOptions, Fate, Item

#: Folders of a dataset that are shared; ``code`` on request.
SUBJECT: Final = re.compile(r"sub-[A-Za-z0-9+]+$")
FOLDERS: Final = ("phenotype", "stimuli")
#: Files at the root that BIDS knows.
AT_ROOT: Final = re.compile(
    r"(README(\.(md|rst|txt))?|CHANGES(\.md)?|LICENSE(\.\w+)?|CITATION\.cff|\.bidsignore|"
    r"dataset_description\.json|genetic_info\.json|(participants|samples)\.(tsv|json)|"
    r"([a-z]+-[A-Za-z0-9+]+_)*[A-Za-z0-9]+\.(json|bval|bvec|tsv))$"
)
#: Text of a subject that somebody can look into; all else of other datatypes nobody can.
READABLE: Final = (".json", ".tsv", ".tsv.gz", ".bval", ".bvec")
NEVER: Final = {
    "sourcedata": "holds what the dataset was made from",
    "derivatives": "a dataset of its own",
    "private": "shows what defacing hid",
    "code": "scripts can hold paths, names and lists of pseudonyms: look, then pass --code",
}


def sort_files(
    tree: Tree, derivatives: Path, records: Mapping[str, Mapping[str, Any]], options: ExportOptions
) -> list[Item]:
    """Decide on every file by its place, its kind and the records of defacing.

    Parameters
    ----------
    tree
        The raw dataset.
    derivatives
        What this program made of it.
    records
        By raw image.
    options
        What may go.
    """
    risky = {f.file: f for f in audit_files(tree) if f.weight is Weight.PROBLEM}
    items = [Item(file, Fate.LEFT_OUT, reason=SPECIAL) for file in tree.special]
    for file in tree.files:
        reason = _refused(file, risky, options)
        if not reason and not (tree.root / file).exists():
            reason = "its content is not here (datalad get)"
        if reason:
            items.append(Item(file, Fate.LEFT_OUT, reason=reason))
        elif container_of(Path(file)) is not None:
            items.append(_image(tree, file, derivatives, records.get(file), options))
        else:
            items.append(Item(file, Fate.AS_IS, tree.root / file))
    return items


def _refused(file: str, risky: Mapping[str, Finding], options: ExportOptions) -> str:
    """Return why a file cannot go, whatever it holds; empty where it can."""
    path = PurePosixPath(file)
    top = path.parts[0]
    never = next(
        (p for p in path.parts[:-1] if p in NEVER and not (p == "code" and options.code)), ""
    )
    if never:
        return NEVER[never]
    if file in risky:
        return risky[file].reason
    if len(path.parts) == 1:
        return "" if AT_ROOT.match(file) else "BIDS knows no such file at the root"
    if SUBJECT.match(top):
        return _refused_of_subject(path, options)
    return "" if top in (*FOLDERS, "code") else "BIDS knows no such folder"


def _refused_of_subject(path: PurePosixPath, options: ExportOptions) -> str:
    if container_of(Path(path)) is not None or path.name.endswith(READABLE):
        return ""
    # A recording may be a folder: sub-1/meg/sub-1_task-x_meg.ds/...
    if any(part in options.trust for part in path.parts[:-1]):
        return ""
    return "nobody looked into a file of this kind: look, then pass --trust with its datatype"


def _image(
    tree: Tree,
    file: str,
    derivatives: Path,
    record: Mapping[str, Any] | None,
    options: ExportOptions,
) -> Item:
    raw = tree.root / file
    if record is not None:
        return defaced_item(raw, file, derivatives, record)
    datatype = PurePosixPath(file).parent.name
    if datatype == DATATYPES[0]:
        return Item(file, Fate.LEFT_OUT, reason="it was not defaced: no record in the derivatives")
    named = [f for f in audit_header(tree.root, file) if f.weight is Weight.PROBLEM]
    if named:
        reason = "; ".join(f"{f.item} of its header {f.reason}" for f in named)
        return Item(file, Fate.LEFT_OUT, reason=reason)
    trusted = datatype in options.trust
    reason = "not looked at (--trust)" if trusted else ""
    return Item(file, Fate.AS_IS, raw, reason, is_image=not trusted)
