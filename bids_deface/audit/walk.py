"""All files of a dataset, and of which program's they are."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from bids_deface.errors import NoInputError
from bids_deface.textfiles import read_json

#: What holds no part of the dataset as it would be copied or uploaded.
VERSION_CONTROL = (".git", ".datalad")
OURS = "bids-deface"


@dataclass(frozen=True)
class Tree:
    """The files of a dataset.

    Attributes
    ----------
    root
        Its folder.
    files
        Paths within it, posix, sorted.
    versioned
        Whether it lies in a repository, whose history can hold what the files no longer show.
    special
        Paths of pipes, sockets and devices: who opens one may wait for ever.
    """

    root: Path
    files: tuple[str, ...]
    versioned: bool
    special: tuple[str, ...] = ()

    def is_ours(self, file: str) -> bool:
        """Tell whether a file lies in a dataset that this program made, nested ones too."""
        return any(self._made_here(folder) for folder in PurePosixPath(file).parents)

    def _made_here(self, folder: PurePosixPath) -> bool:
        return made_by_us(self.root / folder)


def made_by_us(folder: Path) -> bool:
    """Tell whether this program made the derivatives in a folder."""
    description = read_json(folder / "dataset_description.json")
    makers = description.get("GeneratedBy")
    first = makers[0] if isinstance(makers, list) and makers else None
    named = isinstance(first, dict) and first.get("Name") == OURS
    return named and description.get("DatasetType") == "derivative"


def walk_dataset(root: Path) -> Tree:
    """List a dataset; links to folders are followed once, links to files taken as files.

    Raises
    ------
    NoInputError
        The folder is not there or cannot be read.
    """
    if not root.is_dir():
        raise NoInputError(f"The folder {root} does not exist.")
    found = sorted(_files(root))
    # A link to nowhere counts as a file: git-annex leaves them.
    special = tuple(f for f in found if (root / f).exists() and not (root / f).is_file())
    files = tuple(file for file in found if file not in special)
    versioned = any((root / name).exists() for name in VERSION_CONTROL)
    return Tree(root, files, versioned, special)


def _files(root: Path) -> Iterator[str]:
    seen: set[Path] = set()

    def refuse(error: OSError) -> None:
        raise NoInputError(
            f"{error.filename} cannot be read: {error.strerror}.",
            "What cannot be read cannot be judged: check permissions.",
        ) from error

    for folder, folders, names in os.walk(root, onerror=refuse, followlinks=True):
        place = Path(folder)
        # A link to a folder above would be walked for ever.
        real = place.resolve()
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = [name for name in folders if name not in VERSION_CONTROL]
        inside = place.relative_to(root)
        yield from ((inside / name).as_posix() for name in names)
