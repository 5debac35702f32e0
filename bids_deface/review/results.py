"""One derivatives folder under review: its images, what was decided, where their files are."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from bids_deface.assurance.verdict import Decision
from bids_deface.dataset.decisions import known_decisions, stamp_of
from bids_deface.dataset.names import OutputNames
from bids_deface.dataset.query import ImageRecord
from bids_deface.dataset.release import ACCEPTED
from bids_deface.errors import NoInputError, UsageError
from bids_deface.reports.group_rows import group_rows
from bids_deface.reports.records import read_records
from bids_deface.review.browsing import kind_of
from bids_deface.review.corrections import read_corrections
from bids_deface.review.roots import OutsideError, Roots
from bids_deface.textfiles import read_json

#: What can be looked at, of one image.
PARTS = ("original", "defaced", "mask", "dseg")


@dataclass(frozen=True)
class Results:
    """A raw dataset and what was made of it.

    Attributes
    ----------
    roots
        What the page may see.
    raw, out
        Input and output dataset.
    """

    roots: Roots
    raw: Path
    out: Path

    @classmethod
    def of(cls, roots: Roots, raw: str, out: str) -> Results:
        """Return the results for two folders that a request names.

        Raises
        ------
        DefaceError
            They lie outside of the roots, do not exist, or hold no results.
        """
        found = cls(roots, roots.folder(raw), roots.folder(out))
        if kind_of(found.out) != "output" or not (found.out / "logs" / "images").is_dir():
            raise UsageError(
                f"{found.out} holds no results of bids-deface.", "Choose the output of a run."
            )
        return found

    def table(self) -> list[dict[str, Any]]:
        """Return one row for each image: verdict, numbers, what was decided."""
        records = read_records(self.out)
        decisions = known_decisions(self.out)
        corrected = read_corrections(self.out)
        rows = group_rows(records)
        for row, record in zip(rows, records, strict=True):
            decision = decisions.get(row["source"])
            stamp = stamp_of(record)
            row["stamp"] = stamp
            row["decision"] = asdict(decision) if decision else None
            # A decision on an earlier result says nothing of this one; a release changes it, too.
            row["released"] = ACCEPTED in record
            row["stale"] = bool(decision and decision.stamp != stamp and not row["released"])
            row["corrected"] = row["source"] in corrected
        return rows

    def names(self, source: str) -> OutputNames:
        """Return where the files of an image lie; raise `OutsideError` for a wild name."""
        path = PurePosixPath(source)
        if path.is_absolute() or ".." in path.parts or len(path.parts) < 2 or "\0" in source:
            raise OutsideError("That is no image of this dataset.")
        return OutputNames.of(ImageRecord.at(self.raw, source), self.out)

    def record(self, source: str) -> dict[str, Any]:
        """Return the record of an image; raise `NoInputError` where there is none."""
        record = read_json(self.names(source).result)
        if record.get("Source") != source:
            raise NoInputError(f"There is no result for {source}.", "Run it first.")
        return record

    def file(self, source: str, part: str) -> Path:
        """Return a file of an image.

        Parameters
        ----------
        source
            Raw image by its place in the dataset.
        part
            One of `PARTS`.

        Raises
        ------
        DefaceError
            It is not there, or a link leads out of the roots.
        """
        record = self.record(source)
        if part == "original":
            return self.roots.within(self.raw, source)
        names = self.names(source)
        places = {
            "defaced": names.relative_image,
            "mask": names.relative_mask,
            "dseg": names.relative_dseg,
        }
        if part not in places:
            raise UsageError(f"There is no {part!r} of an image.", f"Ask for {' '.join(PARTS)}.")
        waits = record.get("Verdict") == Decision.REVIEW
        folder = names.review_folder if waits else self.out
        return self.roots.within(folder, places[part])

    def parts(self, source: str) -> dict[str, bool]:
        """Tell which files of an image are there."""

        def is_there(part: str) -> bool:
            try:
                return self.file(source, part).is_file()
            except (NoInputError, UsageError):
                return False

        return {part: is_there(part) for part in PARTS}
