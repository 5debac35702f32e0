"""What becomes of one file of the raw dataset."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path, PurePosixPath

from bids_deface.containers.names import split_name


class Fate(StrEnum):
    """What becomes of a file."""

    AS_IS = "as it is"
    DEFACED = "defaced"
    REWRITTEN = "rewritten"
    LEFT_OUT = "left out"


class Dates(StrEnum):
    """What becomes of the dates of scans and sessions."""

    DROP = "drop"
    SHIFT = "shift"


@dataclass(frozen=True)
class ExportOptions:
    """What may go, and how.

    Attributes
    ----------
    masks
        Add the masks of what may have changed.
    dates
        See :class:`Dates`.
    code
        Take the folder ``code`` along.
    trust
        Datatypes that go without a look at them.
    """

    masks: bool = False
    dates: Dates = Dates.DROP
    code: bool = False
    trust: tuple[str, ...] = ()


@dataclass(frozen=True)
class Item:
    """One file of the raw dataset, or one that is added.

    Attributes
    ----------
    file
        Path within the dataset to share, the same as in the raw one.
    fate
        What becomes of it.
    source
        Where its bytes come from; None where they are made anew.
    reason
        Why it is left out, or what was done.
    is_image
        Whether somebody must look at it.
    is_settled
        Whether a look that cannot judge the image, for it shows no skin, is made up for by the
        record of its defacing, or by the person who released it.
    content
        New bytes.
    notes
        What was taken out of it, in words.
    """

    file: str
    fate: Fate
    source: Path | None = None
    reason: str = ""
    is_image: bool = False
    is_settled: bool = False
    content: bytes | None = None
    notes: tuple[str, ...] = field(default=())

    @property
    def is_shared(self) -> bool:
        """Whether it goes."""
        return self.fate is not Fate.LEFT_OUT

    @property
    def stem(self) -> str:
        """File name without extension."""
        return split_name(Path(self.file))[0].partition(".")[0]

    @property
    def folder(self) -> str:
        """Folder within the dataset."""
        return str(PurePosixPath(self.file).parent)

    def left_out(self, reason: str) -> Item:
        """Return the same file as one that is left out."""
        return replace(self, fate=Fate.LEFT_OUT, source=None, content=None, reason=reason)

    def rewritten(self, content: bytes, notes: tuple[str, ...] = ()) -> Item:
        """Return the same file with other bytes."""
        return replace(
            self, fate=Fate.REWRITTEN, source=None, content=content, notes=self.notes + notes
        )
