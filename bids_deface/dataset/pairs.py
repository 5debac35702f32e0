"""Which raw image each defaced image of a derivatives folder was made from."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from bids_deface.cohort import Pair
from bids_deface.dataset.query import ImageRecord
from bids_deface.dataset.suffixes import describe
from bids_deface.errors import NoInputError, UsageError
from bids_deface.textfiles import read_json, read_rows

RAW = "bids:raw:"
COLUMNS = ("original", "defaced")


def find_pairs(originals: Path, derivatives: Path) -> list[Pair]:
    """Return one defaced image for each subject, the best reference, with its original.

    Parameters
    ----------
    originals
        BIDS dataset.
    derivatives
        Made from it: ``desc-defaced`` images whose sidecars name their ``Sources``.

    Raises
    ------
    NoInputError
        A folder is missing, or there is no defaced image whose original is there.
    """
    for folder in (originals, derivatives):
        if not folder.is_dir():
            raise NoInputError(f"{folder} is not there.")
    best: dict[str, tuple[int, str, Path]] = {}
    for sidecar in sorted(derivatives.glob("sub-*/**/*_desc-defaced_*.json")):
        image = _image_of(sidecar)
        relative = _source_of(sidecar)
        if image is None or relative is None or not (originals / relative).is_file():
            continue
        record = ImageRecord.at(originals, relative)
        if record.shows_tissue:
            rank = describe(record.datatype, record.suffix).rank
            found = (rank, relative, image)
            best[record.subject] = min(best.get(record.subject, found), found)
    if not best:
        raise NoInputError(
            f"{derivatives} holds no defaced image whose original is in {originals}.",
            "Sidecars name the original as Sources: ['bids:raw:sub-...'].",
        )
    return [
        Pair(f"sub-{subject}", originals / relative, image)
        for subject, (_, relative, image) in sorted(best.items())
    ]


def read_pairs(table: Path) -> list[Pair]:
    """Read pairs from a TSV file with the columns ``original`` and ``defaced``, one person a row.

    Parameters
    ----------
    table
        Paths in it start at its own folder.

    Raises
    ------
    NoInputError
        A file is missing.
    UsageError
        It has other columns, or names an image twice.
    """
    hint = f"It needs the columns {' and '.join(COLUMNS)}, one row for each person."
    pairs = []
    for row in read_rows(table, COLUMNS, hint):
        original, defaced = (table.parent / row[column] for column in COLUMNS)
        pairs.append(Pair(original.name, original, defaced))
        for path in (original, defaced):
            if not _is_there(path):
                raise NoInputError(f"{path}, named in {table}, is not there.")
    if not pairs:
        raise UsageError(f"{table} has no rows.", hint)
    if len({pair.original.resolve() for pair in pairs}) < len(pairs):
        raise UsageError(f"{table} names an original twice: one row for each person.")
    return pairs


def _is_there(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        # No file has so long a name.
        return False


def _image_of(sidecar: Path) -> Path | None:
    stem = sidecar.name.removesuffix(".json")
    images = (sidecar.with_name(f"{stem}{ending}") for ending in (".nii.gz", ".nii"))
    return next((image for image in images if image.is_file()), None)


def _source_of(sidecar: Path) -> str | None:
    """Return the path of the raw image within its dataset; None where the sidecar tells none."""
    sources = read_json(sidecar).get("Sources")
    named = sources if isinstance(sources, list) else [sources]
    paths = [s.removeprefix(RAW) for s in named if isinstance(s, str) and s.startswith(RAW)]
    inside = [p for p in paths if p.startswith("sub-") and ".." not in PurePosixPath(p).parts]
    return inside[0] if inside else None
