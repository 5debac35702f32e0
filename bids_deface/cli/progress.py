"""Progress: one line per image, a bar on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from tqdm import tqdm

from bids_deface.dataset.names import node_name
from bids_deface.dataset.plan import Plan, PlannedImage
from bids_deface.textfiles import read_json

NO_RESULT = "{}: no result"


class Progress:
    """Tells the user of each image that is finished, or will not be.

    Parameters
    ----------
    plan
        The run; only its images to do are counted.
    log
        File to which the same lines go, terminal or not; it may be shared.
    on_done
        Called with the subject of each image that was stored.
    """

    def __init__(self, plan: Plan, log: Path, on_done: Callable[[str], None]) -> None:
        self._log, self._on_done = log, on_done
        self._images = {f"store_{node_name(i.record)}": i for i in plan.todo}
        self._total = len(self._images)
        self._bar = tqdm(
            total=self._total, unit="image", disable=not sys.stderr.isatty(), file=sys.stderr
        )

    def __enter__(self) -> Self:
        """Start."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Remove the bar."""
        self._bar.close()

    def node_ended(self, fullname: str, problem: str) -> None:
        """Print a line if the node was the last one of an image.

        Parameters
        ----------
        fullname
            Of the node.
        problem
            Why it, or a node before it, did not end well; "" where it did.
        """
        image = self._images.pop(fullname.rpartition(".")[2], None)
        if image is None:
            return
        self._bar.update()
        line = f"[{self._total - len(self._images)}/{self._total}] "
        line += NO_RESULT.format(image.record.relative) if problem else describe(image)
        # A line that cannot be kept must not end the run.
        with suppress(OSError), self._log.open("a", encoding="utf-8") as log:
            log.write(f"{datetime.now(UTC):%H:%M:%S} {line}\n")
        # Problems name places on this machine: they are for the terminal only.
        tqdm.write(f"{line}: {problem}" if problem else line, file=sys.stdout)
        sys.stdout.flush()
        self._bar.set_postfix_str(f"sub-{image.record.subject}")
        if not problem:
            self._on_done(image.record.subject)


def describe(image: PlannedImage) -> str:
    """Return what became of one image, in one line."""
    record = read_json(image.names.result)
    if not record:
        return NO_RESULT.format(image.record.relative)
    line = f"{image.record.relative}: {record['Verdict']}, {record['Seconds']:.1f} s"
    if record["Reasons"]:
        line += f": {'; '.join(record['Reasons'])} {record['Hint']}"
    return line
