"""Which images of a BIDS dataset show a head: pybids layout to frozen records."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from bids.layout import BIDSLayout, Query

from bids_deface.dataset import suffixes
from bids_deface.dataset.filters import Filters
from bids_deface.dataset.inheritance import gradients, sidecar_reader
from bids_deface.dataset.layout import EXTENSIONS
from bids_deface.errors import NothingMatchedError


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
    companions
        Gradients (``.bval``, ``.bvec``) of a diffusion scan.
    """

    path: Path
    relative: str
    subject: str
    session: str
    suffix: str
    datatype: str = "anat"
    sidecar: dict[str, Any] = field(hash=False, default_factory=dict)
    companions: tuple[Path, ...] = ()

    @classmethod
    def at(cls, root: Path, relative: str) -> ImageRecord:
        """Return the record of an image as its place in a dataset tells it; no file is read."""
        place = PurePosixPath(relative)
        path, subject = root / place, place.parts[0].removeprefix("sub-")
        session = next((p.removeprefix("ses-") for p in place.parts if p.startswith("ses-")), "")
        suffix = _stem(path).rpartition("_")[2]
        return cls(path, relative, subject, session, suffix, place.parent.name)

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
    def is_phase(self) -> bool:
        """Whether the values are angles."""
        return suffixes.is_phase(self.suffix, self.entities)

    @property
    def family(self) -> str:
        """Key that images of one scan share: echoes, inversions, parts; no two sessions do."""
        return suffixes.family(self.datatype, self.suffix, self.entities)

    @property
    def stem(self) -> str:
        """File name without extension: ``sub-01_ses-1_T1w``."""
        return _stem(self.path)


def _stem(path: Path) -> str:
    return path.name.removesuffix(".gz").removesuffix(".nii")


def find_images(layout: BIDSLayout, filters: Filters) -> list[ImageRecord]:
    """Return the images that match, by subject and session, best reference first.

    Raises
    ------
    NothingMatchedError
        A participant or session does not exist, or nothing is left.
    """
    root = Path(layout.root).absolute()
    _require_labels("participant", filters.participants, _labels(root, "sub-*/"))
    if filters.sessions:
        sessions = _labels(root, *(f"sub-{p}/ses-*/" for p in filters.participants or ("*",)))
        _require_labels("session", filters.sessions, sessions)
    metadata_of = sidecar_reader(root)
    matches = _matcher(layout, filters, metadata_of)
    files = [file for file in _files(layout, filters) if matches(_path(file))]
    if not files:
        what = (
            "anatomical image"
            if not filters.include
            else f"image ({', '.join(filters.datatypes)})"
        )
        raise NothingMatchedError(f"No {what} in {root} matches the filters.", _hint(filters))
    records = [_record(root, file, metadata_of) for file in files]
    return sorted(records, key=_order)


def _files(layout: BIDSLayout, filters: Filters) -> list[Any]:
    """Return pybids' files of the datatypes, participants, sessions and suffixes."""
    query: dict[str, Any] = {"datatype": list(filters.datatypes), "extension": list(EXTENSIONS)}
    if filters.participants:
        query["subject"] = list(filters.participants)
    if filters.sessions:
        query["session"] = list(filters.sessions)
    found = layout.get(**query, invalid_filters="allow")
    return [file for file in found if filters.takes(*_kind(file))]


def _kind(file: Any) -> tuple[str, str]:
    entities = file.get_entities()
    return entities["datatype"], entities.get("suffix", "")


def _matcher(
    layout: BIDSLayout, filters: Filters, metadata_of: Callable[[Path], dict[str, Any]]
) -> Callable[[Path], bool]:
    """Return a function that tells whether an image matches one query of the filter file."""
    known = {*layout.get_entities(metadata=False), "extension"}
    queries = []
    for query in filters.queries:
        names = {key: _pybids(value) for key, value in query.items() if key in known}
        fields = {key: value for key, value in query.items() if key not in known}
        queries.append(({_path(file) for file in layout.get(**names)}, fields))

    def matches(path: Path) -> bool:
        return not queries or any(
            path in paths and (not fields or _has(metadata_of(path), fields))
            for paths, fields in queries
        )

    return matches


def _path(file: Any) -> Path:
    # Not resolve(): git-annex links point to files without BIDS names.
    return Path(file.path).absolute()


def _pybids(value: Any) -> list[Any]:
    """Return pybids' words for "without" (null) and "with any" (*)."""
    words = {None: Query.NONE, "*": Query.ANY, "Query.NONE": Query.NONE, "Query.ANY": Query.ANY}
    return [words.get(item, item) for item in (value if isinstance(value, list) else [value])]


def _has(sidecar: dict[str, Any], wanted: dict[str, Any]) -> bool:
    """Tell whether metadata has one of the wanted values of each field."""
    return all(
        sidecar.get(key) in (value if isinstance(value, list) else [value])
        for key, value in wanted.items()
    )


def _record(root: Path, file: Any, metadata_of: Callable[[Path], dict[str, Any]]) -> ImageRecord:
    path = _path(file)
    entities = file.get_entities()
    return ImageRecord(
        path=path,
        relative=path.relative_to(root).as_posix(),
        subject=entities["subject"],
        session=entities.get("session", ""),
        suffix=entities["suffix"],
        datatype=entities["datatype"],
        sidecar=metadata_of(path),
        companions=gradients(root, path) if entities["datatype"] == "dwi" else (),
    )


def _order(record: ImageRecord) -> tuple[str, str, bool, int, str]:
    rank = suffixes.describe(record.datatype, record.suffix).rank
    return record.subject, record.session, not record.shows_tissue, rank, record.relative


def _labels(root: Path, *patterns: str) -> list[str]:
    """Return the labels of folders; asking pybids takes seconds for each thousand files."""
    return sorted(
        {path.name.partition("-")[2] for pattern in patterns for path in root.glob(pattern)}
    )


def _require_labels(what: str, wanted: Iterable[str], known: list[str]) -> None:
    missing = [label for label in wanted if label not in known]
    if missing:
        shown = ", ".join(known[:20]) + (" ..." if len(known) > 20 else "")
        raise NothingMatchedError(
            f"No {what} named {', '.join(missing)}.",
            f"The dataset has: {shown or 'none'}.",
        )


def _hint(filters: Filters) -> str | None:
    """Return the --include that a suffix on the command line would need."""
    left_out = {
        datatype
        for datatype, name in suffixes.SUFFIXES
        if name in filters.suffixes and datatype not in filters.datatypes
    }
    return f"Add --include {' '.join(sorted(left_out))}." if left_out else None
