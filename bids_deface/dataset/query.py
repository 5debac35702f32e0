"""Which images of a BIDS dataset show a head: pybids layout to frozen records."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bids.exceptions import BIDSValidationError
from bids.layout import BIDSLayout, BIDSLayoutIndexer

from bids_deface.dataset import suffixes
from bids_deface.errors import (
    InvalidBIDSError,
    NoInputError,
    NothingMatchedError,
    OutputError,
    UsageError,
)

EXTENSIONS = (".nii.gz", ".nii")
#: Top-level folders that hold no raw images.
IGNORED = ("code", "stimuli", "sourcedata", "derivatives", "models")


@dataclass(frozen=True)
class ImageRecord:
    """One raw image.

    Attributes
    ----------
    path
        Absolute path.
    relative
        Path within the dataset, posix.
    subject, session
        Labels without ``sub-`` and ``ses-``; session is empty where there is none.
    suffix
        BIDS suffix.
    datatype
        ``anat``, ``func`` ...
    sidecar
        Metadata after BIDS inheritance.
    """

    path: Path
    relative: str
    subject: str
    session: str
    suffix: str
    datatype: str = "anat"
    sidecar: dict[str, Any] = field(hash=False, default_factory=dict)

    @property
    def entities(self) -> dict[str, str]:
        """Entities of the file name in their order: ``{"sub": "01", "echo": "2"}``."""
        pairs = (part.partition("-") for part in self.stem.split("_")[:-1])
        return {key: label for key, _, label in pairs}

    @property
    def shows_tissue(self) -> bool:
        """Whether the head can be seen in the image by itself: no map, no phase."""
        return suffixes.shows_tissue(self.datatype, self.suffix, self.entities)

    @property
    def family(self) -> str:
        """Key that images of one scan share: echoes, inversions, parts; no two sessions do."""
        return suffixes.family(self.datatype, self.suffix, self.entities)

    @property
    def stem(self) -> str:
        """File name without extension: ``sub-01_ses-1_T1w``."""
        return self.path.name.removesuffix(".gz").removesuffix(".nii")


@dataclass(frozen=True)
class Filters:
    """What the user narrowed the run down to; empty means everything.

    Attributes
    ----------
    participants, sessions
        Labels without prefix.
    suffixes
        BIDS suffixes.
    entities
        Further pybids filters (``--bids-filter-file``).
    """

    participants: tuple[str, ...] = ()
    sessions: tuple[str, ...] = ()
    suffixes: tuple[str, ...] = ()
    entities: tuple[tuple[str, Any], ...] = ()


def open_layout(
    bids_dir: Path, *, validate: bool = True, database: Path | None = None
) -> BIDSLayout:
    """Index a dataset.

    Raises
    ------
    NoInputError
        The folder does not exist.
    InvalidBIDSError
        It is not a BIDS dataset.
    """
    if not bids_dir.is_dir():
        raise NoInputError(f"The BIDS folder {bids_dir} does not exist.")
    description = bids_dir / "dataset_description.json"
    try:
        content = json.loads(description.read_text(encoding="utf-8"))
        complete = isinstance(content, dict) and {"Name", "BIDSVersion"} <= content.keys()
    except (OSError, ValueError):
        complete = False
    if validate and not complete:
        raise InvalidBIDSError(
            f"{bids_dir} is no BIDS dataset: dataset_description.json with Name and BIDSVersion "
            "is missing or broken."
        )
    indexer = BIDSLayoutIndexer(validate=validate, index_metadata=True, ignore=_ignored(bids_dir))
    if database is not None and bids_dir.resolve() in database.resolve().parents:
        raise OutputError(f"The database folder {database} lies inside the input dataset.")

    def index(*, reset: bool) -> BIDSLayout:
        return BIDSLayout(
            bids_dir,
            validate=validate,
            indexer=indexer,
            database_path=database,
            reset_database=reset,
        )

    try:
        return index(reset=database is not None and not _is_current(database, index, bids_dir))
    except (BIDSValidationError, ValueError, OSError) as error:
        raise InvalidBIDSError(f"{bids_dir} cannot be indexed: {error}.") from error


def _is_current(database: Path, index: Callable[..., BIDSLayout], bids_dir: Path) -> bool:
    """Tell whether an index is of this dataset and knows its subjects; pybids never asks."""
    if not database.exists():
        return True
    try:
        layout = index(reset=False)
    except (BIDSValidationError, ValueError, OSError):
        return False
    subjects = {path.name.removeprefix("sub-") for path in bids_dir.glob("sub-*/")}
    same = Path(layout.root).resolve() == bids_dir.resolve()
    return same and subjects <= set(layout.get_subjects())


def find_images(layout: BIDSLayout, filters: Filters) -> list[ImageRecord]:
    """Return the anatomical images that match, by subject and session, best reference first.

    Raises
    ------
    NothingMatchedError
        A participant or session does not exist, or nothing is left.
    """
    _require_labels("participant", filters.participants, layout.get_subjects())
    _require_labels("session", filters.sessions, layout.get_sessions())
    query: dict[str, Any] = {
        "datatype": "anat",
        "suffix": list(filters.suffixes or [n for d, n in suffixes.SUFFIXES if d == "anat"]),
        "extension": list(EXTENSIONS),
        "invalid_filters": "allow",
        **dict(filters.entities),
    }
    if filters.participants:
        query["subject"] = list(filters.participants)
    if filters.sessions:
        query["session"] = list(filters.sessions)
    records = [_record(layout, file) for file in layout.get(**query)]
    if not records:
        raise NothingMatchedError(f"No anatomical image in {layout.root} matches the filters.")
    return sorted(records, key=_order)


def read_filter_file(path: Path) -> tuple[tuple[str, Any], ...]:
    """Read ``--bids-filter-file``: a JSON object of pybids entities, or one under ``anat``.

    Raises
    ------
    UsageError
        The file is no JSON object.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise NoInputError(f"The filter file {path} cannot be read.") from error
    except ValueError as error:
        raise UsageError(f"The filter file {path} is no JSON ({error}).") from error
    if not isinstance(content, dict):
        raise UsageError(f"The filter file {path} must hold a JSON object.")
    inner = content.get("anat", content)
    simple = (str, int, float, bool, type(None))
    if not isinstance(inner, dict) or not all(
        isinstance(v, simple) or (isinstance(v, list) and all(isinstance(i, simple) for i in v))
        for v in inner.values()
    ):
        raise UsageError(
            f"The filter file {path} must give each BIDS entity a value or a list of values."
        )
    return tuple(sorted(inner.items()))


def _record(layout: BIDSLayout, file: Any) -> ImageRecord:
    # Not resolve(): git-annex links point to files without BIDS names.
    path = Path(file.path).absolute()
    entities = file.get_entities()
    return ImageRecord(
        path=path,
        relative=path.relative_to(Path(layout.root).absolute()).as_posix(),
        subject=entities["subject"],
        session=entities.get("session", ""),
        suffix=entities["suffix"],
        datatype=entities.get("datatype", "anat"),
        sidecar=dict(file.get_metadata()),
    )


def _order(record: ImageRecord) -> tuple[str, str, bool, int, str]:
    rank = suffixes.describe(record.datatype, record.suffix).rank
    return record.subject, record.session, not record.shows_tissue, rank, record.relative


def _require_labels(what: str, wanted: Iterable[str], known: list[str]) -> None:
    missing = [label for label in wanted if label not in known]
    if missing:
        shown = ", ".join(known[:20]) + (" ..." if len(known) > 20 else "")
        raise NothingMatchedError(
            f"No {what} named {', '.join(missing)}.",
            f"The dataset has: {shown or 'none'}.",
        )


def _ignored(bids_dir: Path) -> list[Any]:
    """Return what not to index: folders without raw images and the dataset's own .bidsignore."""
    patterns: list[Any] = [*IGNORED, re.compile(r"/\.")]
    ignore_file = bids_dir / ".bidsignore"
    if ignore_file.is_file():
        lines = (line.strip() for line in ignore_file.read_text(encoding="utf-8").splitlines())
        patterns += [re.compile(_glob_regex(line)) for line in lines if line and line[0] != "#"]
    return patterns


def _glob_regex(pattern: str) -> str:
    """Translate a gitignore-like pattern: ``**`` crosses folders, ``*`` does not."""
    anchored = "/" in pattern.rstrip("/")
    body = re.escape(pattern.strip("/"))
    body = body.replace(r"\*\*/", "(?:.*/)?").replace(r"\*\*", ".*").replace(r"\*", "[^/]*")
    return ("^/" if anchored else "/") + body.replace(r"\?", "[^/]") + "(?:/|$)"
