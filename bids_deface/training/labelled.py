"""A lab's labelled heads: which images, which label maps, and what the labels mean.

A folder is either listed in ``heads.tsv`` or laid out like a BIDS derivative: each label map
``..._dseg.nii.gz`` beside its image, with a look-up table of its own or of a folder above it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bids_deface.anatomy import CLASS_OF_LABEL, CLASSES
from bids_deface.errors import ImageError, NoInputError, UsageError
from bids_deface.feature_check import table_from
from bids_deface.feature_table import STANDARD, FeatureTable
from bids_deface.textfiles import read_rows

TABLE_NAME: Final = "heads.tsv"
FORMAT = "See docs/training.md for the format."
COLUMNS: Final = ("head", "split", "image", "label")
SUFFIXES: Final = (".nii.gz", ".nii")
DSEG: Final = "_dseg"
#: Begins what ``desc-`` says in the names of labels to correct; the rest is the image's suffix.
DESC: Final = "desc-labels"
#: Every so many persons of a folder without a table validates.
VALIDATE_EVERY: Final = 5


@dataclass(frozen=True)
class LabelledHead:
    """One image and its labels, on disk.

    Attributes
    ----------
    name
        Identifier.
    image, label
        Files on one grid.
    visible
        What the table says of single features, see docs/training.md.
    indices
        Label index in the file to label index of this program.
    named
        Features that whoever labelled knew of; of the others nothing is known.
    """

    name: str
    image: Path
    label: Path
    visible: str
    indices: dict[int, int]
    named: frozenset[str]


def read_feature_toml(path: Path) -> FeatureTable:
    """Read a table of features.

    Raises
    ------
    NoInputError
        It cannot be read.
    UsageError
        It is no table of features.
    """
    try:
        return table_from(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise NoInputError(f"The table of features {path} cannot be read.") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is no table of features: {error}.", FORMAT) from error


def checked(table: FeatureTable, path: Path) -> FeatureTable:
    """Return a table that was put together of two.

    Raises
    ------
    UsageError
        They do not go together.
    """
    try:
        return table_from(table.to_dict())
    except ValueError as error:
        raise UsageError(f"{path} and the weights do not go together: {error}.", FORMAT) from error


def find_heads(folder: Path, split: str, table: FeatureTable = STANDARD) -> list[LabelledHead]:
    """Return the labelled heads of a split.

    Parameters
    ----------
    folder
        With ``heads.tsv``, or like a BIDS derivative.
    split
        ``train``, ``val`` or another name of the table.
    table
        Features beside the standard ones.

    Raises
    ------
    NoInputError
        There is no labelled head of this split.
    ImageError, UsageError
        A table is broken.
    """
    listed = (folder / TABLE_NAME).is_file()
    rows = _listed(folder) if listed else _laid_out(folder)
    chosen = [row for row in rows if row["split"] == split and row["label"]]
    if not chosen:
        raise NoInputError(f"{folder} has no labelled head of split {split!r}.", FORMAT)
    return [_labelled(folder, row, table) for row in chosen]


def _listed(folder: Path) -> list[dict[str, str]]:
    """Return the rows of ``heads.tsv``."""
    path = folder / TABLE_NAME
    try:
        return read_rows(path, (*COLUMNS, "visible"), FORMAT)
    except UsageError:
        pass
    try:
        return [{**row, "visible": ""} for row in read_rows(path, COLUMNS, FORMAT)]
    except UsageError as error:
        raise ImageError(f"{path} lacks a column or is no table.", FORMAT) from error


def _laid_out(folder: Path) -> list[dict[str, str]]:
    """Return one row for each label map of a folder that has its image beside it."""
    maps = sorted(p for s in SUFFIXES for p in folder.glob(f"sub-*/**/*{DSEG}{s}"))
    if not maps:
        raise NoInputError(
            f"{folder} holds neither {TABLE_NAME} nor label maps (sub-*/**/*{DSEG}.nii.gz).",
            FORMAT,
        )
    persons = sorted({p.relative_to(folder).parts[0] for p in maps})
    # With few heads all of them train, and the first one validates, too.
    apart = len(persons) >= VALIDATE_EVERY
    rows = []
    for path in maps:
        number = persons.index(path.relative_to(folder).parts[0])
        validates = number % VALIDATE_EVERY == VALIDATE_EVERY - 1 if apart else number == 0
        image = _image_beside(path)
        for split, wanted in (("val", validates), ("train", not (apart and validates))):
            if wanted:
                rows.append(
                    {
                        "head": path.name.partition(".")[0],
                        "split": split,
                        "image": str(image.relative_to(folder)),
                        "label": str(path.relative_to(folder)),
                        "visible": "",
                    }
                )
    return rows


def _image_beside(label: Path) -> Path:
    """Return the image of a label map: the same name, ``desc-labelsT1w_dseg`` being ``T1w``."""
    stem = label.name.partition(".")[0].removesuffix(DSEG)
    parts = stem.split("_")
    described = [part for part in parts if part.startswith("desc-")]
    entities = [part for part in parts if not part.startswith("desc-")]
    suffixes = [part.removeprefix(DESC) for part in described if part.startswith(DESC)]
    names = ["_".join((*entities, suffix)) for suffix in suffixes if suffix]
    names = names or ["_".join((*entities, suffix)) for suffix in ("T1w", "T2w", "FLAIR", "PDw")]
    found = [
        path for name in names for s in SUFFIXES if (path := label.with_name(name + s)).is_file()
    ]
    if len(found) != 1:
        raise NoInputError(
            f"{label} has {'no image' if not found else 'several images'} beside it.",
            f"Name its image in the label map ({DESC}T1w{DSEG}), or list both in {TABLE_NAME}.",
        )
    return found[0]


def _labelled(folder: Path, row: dict[str, str], table: FeatureTable) -> LabelledHead:
    label = folder / row["label"]
    indices, named = _meaning(folder, label, table)
    return LabelledHead(row["head"], folder / row["image"], label, row["visible"], indices, named)


def _meaning(
    folder: Path, label: Path, table: FeatureTable
) -> tuple[dict[int, int], frozenset[str]]:
    """Return what the indices of a label map mean, and which features are among them."""
    # Slicer knows no blanks in names.
    known = {row.name.replace("_", " "): row.index for row in table.all_labels}
    path = next(iter(_look_up_tables(folder, label)), None)
    if path is None:
        own = {row.index: row.index for row in table.all_labels}
        return own, frozenset(table.classes[1:])
    indices: dict[int, int] = {}
    for row in read_rows(path, ("index", "name"), FORMAT):
        name = row["name"].lower().replace("_", " ")
        if name in ("background", "clear label"):
            continue
        if name not in known or not row["index"].isdigit():
            raise UsageError(
                f"{path} names {row['name']!r:.60} (index {row['index']!r:.20}), which is no "
                "feature.",
                f"Known: {', '.join(row.name for row in table.all_labels)}; others go into the "
                "table of features (--table), or out of this one.",
            )
        indices[int(row["index"])] = known[name]
    return indices, frozenset(class_name(index, table) for index in indices.values())


def _look_up_tables(folder: Path, label: Path) -> Iterator[Path]:
    """Yield look-up tables of a label map, its own first, then those of folders above it."""
    stem = label.name.partition(".")[0]
    if (own := label.with_name(f"{stem}.tsv")).is_file():
        yield own
    for place in (label.parent, *label.parent.parents):
        if (path := place / "dseg.tsv").is_file():
            yield path
        if place == folder:
            break


def class_name(index: int, table: FeatureTable) -> str:
    """Return the class to which a label index belongs."""
    owner = table.owner(index)
    return owner.name if owner else CLASSES[CLASS_OF_LABEL[index]]
