"""Index a BIDS dataset with pybids, or take an index that still holds."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

from bids.config import get_option
from bids.exceptions import BIDSValidationError
from bids.layout import BIDSLayout, BIDSLayoutIndexer

from bids_deface.dataset.description import read_description
from bids_deface.dataset.suffixes import SUFFIXES
from bids_deface.errors import InvalidBIDSError, NoInputError, OutputError
from bids_deface.textfiles import read_json

#: Top-level folders that hold no raw images.
IGNORED = ("code", "stimuli", "sourcedata", "derivatives", "models")
EXTENSIONS = (".nii.gz", ".nii")
#: Suffixes of BIDS without a head: a mask, a scan without excitation.
SHOWS_NOBODY = ("defacemask", "noRF")
#: Says in an index which files it knows.
STAMP = "bids-deface.sha256"


def open_layout(
    bids_dir: Path,
    *,
    validate: bool = True,
    database: Path | None = None,
    participants: Collection[str] = (),
) -> BIDSLayout:
    """Index the file names of a dataset; sidecars are read later, where they are needed.

    Parameters
    ----------
    bids_dir
        Root of the dataset.
    validate
        Leave out what has no BIDS name.
    database
        Folder of an index of the whole dataset: taken if it holds, else made anew.
    participants
        Labels without prefix; without a database only their folders are looked into. Empty: all.

    Raises
    ------
    NoInputError
        The folder does not exist.
    InvalidBIDSError
        It is not a BIDS dataset.
    OutputError
        The index lies inside the dataset, or is another program's and out of date.
    """
    if not bids_dir.is_dir():
        raise NoInputError(f"The BIDS folder {bids_dir} does not exist.")
    if validate:
        read_description(bids_dir)
    if database is None:
        return _index(bids_dir, validate=validate, participants=participants)
    if bids_dir.resolve() in database.resolve().parents:
        raise OutputError(f"The database folder {database} lies inside the input dataset.")
    return _from_database(bids_dir, database, validate=validate)


def left_out(
    layout: BIDSLayout,
    datatypes: Iterable[str],
    suffixes: Iterable[str] = (),
    participants: Collection[str] = (),
) -> list[str]:
    """Return images of some datatypes that nobody will look at, for BIDS knows no such names.

    What ``.bidsignore`` lists is left out on purpose and is not returned.

    Parameters
    ----------
    layout
        Index of the dataset.
    datatypes
        ``anat`` ...
    suffixes
        Known beside those of BIDS.
    participants
        Labels without prefix. Empty: all.
    """
    root = Path(layout.root)
    names = {*(name for _, name in SUFFIXES), *SHOWS_NOBODY, *suffixes}
    known = {file.path for file in layout.get(datatype=list(datatypes), suffix=list(names))}
    patterns = [pattern for pattern in _ignored(root) if isinstance(pattern, re.Pattern)]
    return [
        name
        for name in _images(root, participants)
        if name.split("/")[-2] in datatypes
        and str(root / name) not in known
        and not any(pattern.search(f"/{name}") for pattern in patterns)
    ]


def _index(
    bids_dir: Path,
    *,
    validate: bool,
    database: Path | None = None,
    reset: bool = False,
    participants: Collection[str] = (),
) -> BIDSLayout:
    ignore = _ignored(bids_dir)
    if participants:
        # A task of a job array must not look into the folders of all the others.
        labels = "|".join(map(re.escape, participants))
        ignore.append(re.compile(rf"^/sub-(?!(?:{labels})(?:/|$))"))
    indexer = BIDSLayoutIndexer(validate=validate, index_metadata=False, ignore=ignore)
    root = bids_dir.absolute()
    try:
        return BIDSLayout(
            root,
            validate=validate,
            config=[_entities_below(root)],
            indexer=indexer,
            database_path=database,
            reset_database=reset,
        )
    except (BIDSValidationError, ValueError, OSError) as error:
        raise InvalidBIDSError(f"{bids_dir} cannot be indexed: {error}.") from error


def _entities_below(root: Path) -> dict[str, Any]:
    """Return pybids' entities, looked for below a folder only.

    pybids itself takes them from the whole path: below ``/data/perf`` all would be perfusion.
    """
    config = read_json(Path(get_option("config_paths")["bids"]))
    for entity in config["entities"]:
        entity["pattern"] = f"^{re.escape(str(root))}.*?(?:{entity['pattern']})"
    return config


def _from_database(bids_dir: Path, database: Path, *, validate: bool) -> BIDSLayout:
    """Take the index in a folder if it knows the files of today; pybids never asks."""
    known, stamp = database / STAMP, _stamp(bids_dir, validate=validate)
    foreign = (database / "layout_index.sqlite").exists() and not known.exists()
    if foreign:
        return _foreign(bids_dir, database, validate=validate)
    try:
        if known.exists() and known.read_text(encoding="utf-8") == stamp:
            return _index(bids_dir, validate=validate, database=database)
        database.mkdir(parents=True, exist_ok=True)
        # An index that is killed on the way must not be taken for one that is complete.
        known.write_text("", encoding="utf-8")
        layout = _index(bids_dir, validate=validate, database=database, reset=True)
        known.write_text(stamp, encoding="utf-8")
    except OSError as error:
        raise OutputError(f"The database folder {database} cannot be written.") from error
    return layout


def _foreign(bids_dir: Path, database: Path, *, validate: bool) -> BIDSLayout:
    """Take another program's index if it is of this dataset and knows its subjects."""
    layout = _index(bids_dir, validate=validate, database=database)
    subjects = {path.name.removeprefix("sub-") for path in bids_dir.glob("sub-*/")}
    same = Path(layout.root).resolve() == bids_dir.resolve()
    if not same or not subjects <= set(layout.entities["subject"].unique()):
        raise OutputError(
            f"The index in {database} is out of date and was made by another program.",
            "Choose another --bids-database-dir, or remove it.",
        )
    return layout


def _stamp(bids_dir: Path, *, validate: bool) -> str:
    """Return a hash of the dataset's place, of its image names and of what is left out."""
    ignored = [str(pattern) for pattern in _ignored(bids_dir)]
    entities = _entities_below(bids_dir.absolute())
    text = json.dumps([str(bids_dir.resolve()), validate, ignored, entities, _images(bids_dir)])
    return hashlib.sha256(text.encode()).hexdigest()


def _images(root: Path, participants: Collection[str] = ()) -> list[str]:
    """Return the images on disk, whatever their names."""
    return sorted(
        path.relative_to(root).as_posix()
        for label in participants or ("*",)
        for folder in ("*", "ses-*/*")
        for path in root.glob(f"sub-{label}/{folder}/*.nii*")
        if path.name.endswith(EXTENSIONS)
    )


def _ignored(bids_dir: Path) -> list[Any]:
    """Return what not to index: folders without raw images and the dataset's own .bidsignore."""
    patterns: list[Any] = [*IGNORED, re.compile(r"/\.")]
    ignore_file = bids_dir / ".bidsignore"
    if ignore_file.is_file():
        # Names on disk need not be UTF-8, and no name is worth a stop.
        text = ignore_file.read_text(encoding="utf-8", errors="surrogateescape")
        lines = (line.strip() for line in text.splitlines())
        patterns += [re.compile(_glob_regex(line)) for line in lines if line and line[0] != "#"]
    return patterns


def _glob_regex(pattern: str) -> str:
    """Translate a gitignore-like pattern: ``**`` crosses folders, ``*`` does not."""
    anchored = "/" in pattern.rstrip("/")
    body = re.escape(pattern.strip("/"))
    body = body.replace(r"\*\*/", "(?:.*/)?").replace(r"\*\*", ".*").replace(r"\*", "[^/]*")
    return ("^/" if anchored else "/") + body.replace(r"\?", "[^/]") + "(?:/|$)"
