"""What became of each series, kept in the private folder so that a run can go on."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from bids_deface.assurance.verdict import Decision
from bids_deface.containers.files import write_whole
from bids_deface.errors import OutputError
from bids_deface.textfiles import read_json, table_text

#: Series that show no head: copied with clean headers, or not at all.
OTHER: Final = "OTHER"
LEFT_OUT: Final = "LEFT OUT"
COLUMNS: Final = ("series", "stamp", "verdict", "reasons", "notes", "files", "changed_voxels",
                  "seconds", "source")  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """What became of one series.

    Attributes
    ----------
    place
        Folder within the output; pseudonyms only.
    verdict
        PASS, REVIEW, FAIL, OTHER (copied, header only) or LEFT OUT.
    reasons
        Why, in words.
    hint
        What can be done about it.
    notes
        What else is worth telling.
    n_files
        Files written.
    changed
        Voxels changed.
    seconds
        How long it took.
    stamp
        Differs where files or settings do: what is released is what was looked at.
    """

    place: str
    verdict: str
    reasons: tuple[str, ...] = ()
    hint: str = ""
    notes: tuple[str, ...] = ()
    n_files: int = 0
    changed: int = 0
    seconds: float = 0.0
    stamp: str = ""

    def stamped(self, fingerprint: str) -> Outcome:
        """Return the same outcome with the stamp of its files and settings."""
        return replace(self, stamp=fingerprint[:12])

    @property
    def is_fine(self) -> bool:
        """Whether nobody has to look after it."""
        return self.verdict in (Decision.PASS.value, OTHER, LEFT_OUT)

    @property
    def cells(self) -> tuple[str | int | float, ...]:
        """Its row of the table of results, but for where its files came from."""
        why = "; ".join((*self.reasons, self.hint)).strip("; ")
        notes = "; ".join(self.notes)
        row = (self.place, self.stamp, self.verdict, why, notes)
        return (*row, self.n_files, self.changed, self.seconds)

    @property
    def line(self) -> str:
        """What became of it, in one line."""
        text = f"{self.place}: {self.verdict}, {self.n_files} files, {self.seconds:.1f} s"
        return f"{text}: {'; '.join(self.reasons)} {self.hint}".rstrip() if self.reasons else text


@dataclass(frozen=True)
class Ledger:
    """The outcomes of a run, in its private folder.

    Attributes
    ----------
    private, out
        The run's folders.
    """

    private: Path
    out: Path

    @property
    def review(self) -> Path:
        """Folder of series that await review."""
        return self.private / "review"

    @property
    def figures(self) -> Path:
        """Folder of pictures, faces among them."""
        return self.private / "figures"

    def open(self) -> None:
        """Make the private folder, for its owner only."""
        try:
            self.private.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{self.private} cannot be written ({error.strerror}).") from error

    def forget(self, place: Path) -> None:
        """Remove what an earlier run wrote of a series: the record first, it says what is done.

        Raises
        ------
        OutputError
            It cannot be removed.
        """
        try:
            self._record(str(place)).unlink(missing_ok=True)
            for folder in (self.out, self.review, self.figures):
                if (folder / place).exists():
                    shutil.rmtree(folder / place)
        except OSError as error:
            raise OutputError(f"{place} cannot be removed ({error.strerror}).") from error

    def note(self, outcome: Outcome, fingerprint: str, source: str) -> None:
        """Keep what became of a series; comes after its files."""
        content = {**asdict(outcome), "fingerprint": fingerprint, "source": source}
        self._write(self._record(outcome.place), json.dumps(content, indent=1))

    def done(self, place: Path, fingerprint: str) -> Outcome | None:
        """Return what became of a series in an earlier run; None if it is to be done (again)."""
        known = read_json(self._record(str(place)))
        if known.get("fingerprint") != fingerprint:
            return None
        outcome = _outcome(known)
        if outcome.verdict == LEFT_OUT:
            return None if (self.out / place).exists() else outcome
        folder = self.review if outcome.verdict == Decision.REVIEW.value else self.out
        if outcome.verdict == Decision.FAIL.value or not outcome.n_files:
            return None
        there = len(list((folder / place).glob("*.dcm")))
        return outcome if there == outcome.n_files else None

    def write_table(self, outcomes: Mapping[str, Outcome], sources: Mapping[str, str]) -> None:
        """Write ``results.tsv``: one row a series of this run."""
        rows = ((*one.cells, sources[key]) for key, one in outcomes.items())
        self._write(self.private / "results.tsv", table_text(COLUMNS, rows))

    def _record(self, place: str) -> Path:
        return self.private / "records" / f"{place.replace('/', '_')}.json"

    @staticmethod
    def _write(path: Path, text: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Names of folders may hold bytes that are no UTF-8.
        write_whole(path, text.encode("utf-8", "backslashreplace"))


def _outcome(known: Mapping[str, Any]) -> Outcome:
    fields: Iterable[str] = Outcome.__dataclass_fields__
    values = {name: known[name] for name in fields if name in known}
    for name in ("reasons", "notes"):
        values[name] = tuple(values.get(name, ()))
    return Outcome(**values)
