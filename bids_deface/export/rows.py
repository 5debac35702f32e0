"""Rows of tables: what each is about, and whether that is shared."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath


@dataclass(frozen=True)
class TableRows:
    """The rows of one table.

    Attributes
    ----------
    table
        Path of the table within the dataset.
    known
        Files and folders of the dataset to share.
    """

    table: str
    known: Collection[str]

    def keeps(self, row: Mapping[str, str]) -> bool:
        """Tell whether what a row is about is shared; a row is given by column."""
        place = PurePosixPath(self.table).parent
        if "filename" in row and self.table.endswith("scans.tsv"):
            return str(place / self.name_of(row["filename"])) in self.known
        subject = row.get("participant_id") or (place.name if "session_id" in row else None)
        if subject is None or place.name == "stimuli":
            return True
        session = row.get("session_id")
        return (f"{subject}/{session}" if session else subject) in self.known

    def name_of(self, filename: str) -> str:
        """Return what a file of the raw dataset is called in the one to share."""
        place = PurePosixPath(self.table).parent
        zipped = f"{filename}.gz"
        return zipped if str(place / zipped) in self.known else filename


def files_and_folders(files: Collection[str]) -> frozenset[str]:
    """Return files and all folders above them."""
    folders = {str(parent) for file in files for parent in PurePosixPath(file).parents}
    return frozenset({*files, *folders})
