"""What is kept of an export beside the dataset to share, in a folder that is not shared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from bids_deface import __version__
from bids_deface.audit.finding import Finding, Kind, Weight
from bids_deface.audit.walk import walk_dataset
from bids_deface.containers.leftovers import drop_leftovers
from bids_deface.dataset.derivatives import make_output_dir, write_json, write_text
from bids_deface.errors import OutputError
from bids_deface.export.item import Item
from bids_deface.textfiles import read_json, table_text

COLUMNS: Final = ("file", "fate", "way", "reason", "notes")
README: Final = """What bids-deface-export keeps for itself: no part of the dataset to share.

export.tsv: every file, what became of it and why. audit.tsv: the audit of the result.
made.txt: files that it may replace or remove. looks.json: what was seen in images, so that a
second run need not look again.
"""


class Ledger:
    """The private folder beside a dataset to share.

    Parameters
    ----------
    share
        Folder of the dataset to share.
    """

    def __init__(self, share: Path) -> None:
        self.share = share
        self.folder = share.with_name(f"{share.name}-private")
        self._made, self._looks = self.folder / "made.txt", self.folder / "looks.json"

    @property
    def export_table(self) -> Path:
        """Table of all files."""
        return self.folder / "export.tsv"

    @property
    def audit_table(self) -> Path:
        """Table of the audit of the result."""
        return self.folder / "audit.tsv"

    def check(self, *inputs: Path) -> None:
        """Raise where the dataset to share would be written over something.

        Raises
        ------
        OutputError
            The folder is not this program's, or touches an input.
        """
        share = self.share.resolve()
        for folder in map(Path.resolve, inputs):
            for own in (share, self.folder.resolve()):
                if own == folder or folder in own.parents or own in folder.parents:
                    raise OutputError(
                        f"{own} and {folder} lie within each other.",
                        "Choose a folder outside the dataset and its derivatives.",
                    )
        if self.share.exists() and not self.share.is_dir():
            raise OutputError(f"{self.share} is no folder.")
        if self.share.is_dir() and any(self.share.iterdir()) and not self._made.is_file():
            raise OutputError(
                f"{self.share} holds something that bids-deface-export did not make.",
                "Choose a new folder. What it makes, it knows by the folder "
                f"{self.folder.name} beside it.",
            )

    def open(self) -> None:
        """Make both folders, and remove what a killed run left half-written."""
        for folder in (self.share, self.folder):
            make_output_dir(folder)
            drop_leftovers(folder, deep=True)
        write_text(self.folder / "README", README)
        if not self._made.exists():
            write_text(self._made, "")

    def remove_stale(self, wanted: Iterable[str]) -> tuple[list[str], list[str]]:
        """Remove files of earlier runs that are no longer to be shared.

        Parameters
        ----------
        wanted
            Files that are to be there.

        Returns
        -------
        removed, foreign
            Files that were removed, and those that this program did not write.
        """
        made = {*self._made.read_text(encoding="utf-8").splitlines()}
        removed, foreign = [], []
        for file in sorted({*walk_dataset(self.share).files} - {*wanted}):
            if file in made:
                (self.share / file).unlink()
                removed.append(file)
            else:
                foreign.append(file)
        for file in removed:
            self._drop_empty((self.share / file).parent)
        return removed, foreign

    def _drop_empty(self, folder: Path) -> None:
        """Remove a folder of the dataset, and those above it, as far as they are empty."""
        while folder != self.share and folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
            folder = folder.parent

    def will_make(self, files: Iterable[str]) -> None:
        """Remember what is about to be written, before it is: a killed run must know its own."""
        known = self._made.read_text(encoding="utf-8").splitlines()
        every = dict.fromkeys((*known, *files))
        write_text(self._made, "".join(f"{file}\n" for file in every))

    def write_export(self, rows: Iterable[tuple[Item, str]]) -> None:
        """Write the table of all files.

        Parameters
        ----------
        rows
            What became of each, and how it came to its place.
        """
        cells = (
            (item.file, item.fate.value, way, item.reason, "; ".join(item.notes))
            for item, way in rows
        )
        write_text(self.export_table, table_text(COLUMNS, cells))

    def known_looks(self, items: Sequence[Item], weights: str) -> dict[str, list[Finding]]:
        """Return what earlier runs saw in images that have not changed since."""
        looks = read_json(self._looks)
        return {
            item.file: [_finding(item.file, row) for row in looks[item.file]["Findings"]]
            for item in items
            if looks.get(item.file, {}).get("Stamp") == stamp_of(item, weights)
        }

    def keep_looks(
        self, items: Sequence[Item], weights: str, looks: Mapping[str, Sequence[Finding]]
    ) -> None:
        """Keep what was seen in images."""
        content: dict[str, Any] = read_json(self._looks)
        for item in items:
            if item.file in looks:
                content[item.file] = {
                    "Stamp": stamp_of(item, weights),
                    "Findings": [
                        [f.item, f.status, f.weight.value, f.reason] for f in looks[item.file]
                    ],
                }
        write_json(self._looks, content)


def stamp_of(item: Item, weights: str) -> list[Any]:
    """Return what tells whether an image, or how it is looked at, has changed."""
    if item.source is None:
        return []
    stat = item.source.stat()
    return [stat.st_size, stat.st_mtime_ns, weights, __version__]


def _finding(file: str, row: Sequence[str]) -> Finding:
    item, status, weight, reason = row
    return Finding(file, Kind.FACE, item, status, Weight(weight), reason)
