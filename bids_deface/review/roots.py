"""Which folders the page may see: those given at the start, and what lies in them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from bids_deface.errors import NoInputError, UsageError


class OutsideError(UsageError):
    """A path leads out of the folders that were given at the start."""

    default_hint = "Start bids-deface-ui with the folder that holds it."


@dataclass(frozen=True)
class Roots:
    """Folders that the page may see.

    Attributes
    ----------
    folders
        Absolute, without links.
    """

    folders: tuple[Path, ...]

    @classmethod
    def of(cls, folders: Iterable[Path]) -> Roots:
        """Return the roots for folders that exist.

        Raises
        ------
        NoInputError
            One does not.
        """
        found = []
        for folder in folders:
            resolved = folder.expanduser().resolve()
            if not resolved.is_dir():
                raise NoInputError(f"The folder {folder} does not exist.")
            found.append(resolved)
        return cls(tuple(dict.fromkeys(found)))

    def holds(self, path: Path) -> bool:
        """Tell whether a path, with all links followed, lies in a root or is one."""
        try:
            resolved = path.resolve()
        except (OSError, RuntimeError):
            # Links in a circle lead nowhere.
            return False
        return any(resolved.is_relative_to(root) for root in self.folders)

    def path(self, text: str) -> Path:
        """Return the place that a request names, with all links followed.

        Parameters
        ----------
        text
            Absolute path; what it names need not exist.

        Raises
        ------
        UsageError
            It is no absolute path.
        OutsideError
            It leads out of the roots. Whether it exists is not told.
        """
        if not text or "\0" in text or not Path(text).is_absolute():
            raise UsageError("A path must be absolute.", "Choose it in the list of folders.")
        if not self.holds(Path(text)):
            raise OutsideError(f"{text} lies outside the folders that this page may see.")
        return Path(text).resolve()

    def folder(self, text: str) -> Path:
        """Return an existing folder that a request names; raise as `path` does, or if absent."""
        path = self.path(text)
        if not path.is_dir():
            raise NoInputError(f"The folder {text} does not exist.")
        return path

    def within(self, folder: Path, relative: str) -> Path:
        """Return a file by its place in a folder, as a record names it.

        Raises
        ------
        OutsideError
            The name leads out of the folder, or a link out of the roots. (git-annex links files
            to another place of the same dataset.)
        NoInputError
            It does not exist.
        """
        name = Path(relative)
        if "\0" in relative or name.is_absolute() or ".." in name.parts:
            raise OutsideError("A record names a file outside of its dataset.")
        path = folder / name
        if not self.holds(path):
            raise OutsideError(f"{relative} is a link that leads out of the folders allowed.")
        if not path.is_file():
            raise NoInputError(f"{relative} is not there.", "Its content may not be fetched.")
        return path.resolve()
