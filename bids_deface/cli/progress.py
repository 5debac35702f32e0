"""Progress: one line per image, a bar on a terminal."""

from __future__ import annotations

import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from tqdm import tqdm

from bids_deface.dataset.names import node_name
from bids_deface.dataset.plan import Plan, PlannedImage
from bids_deface.textfiles import read_json


class Progress:
    """Tells the user of each image that is finished.

    Parameters
    ----------
    plan
        The run; only its images to do are counted.
    log
        File to which the same lines go, terminal or not.
    """

    def __init__(self, plan: Plan, log: Path) -> None:
        self._log = log
        self._images = {f"store_{node_name(i.record)}": i for i in plan.todo}
        self._bar = tqdm(
            total=len(self._images), unit="image", disable=not sys.stderr.isatty(), file=sys.stderr
        )
        self._done = 0

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

    def node_ended(self, fullname: str) -> None:
        """Print a line if the node was the last one of an image."""
        image = self._images.get(fullname.rpartition(".")[2])
        if image is None:
            return
        self._done += 1
        self._bar.update()
        line = f"[{self._done}/{len(self._images)}] {describe(image)}"
        # A line that cannot be kept must not end the run.
        with suppress(OSError), self._log.open("a", encoding="utf-8") as log:
            log.write(f"{datetime.now(UTC):%H:%M:%S} {line}\n")
        tqdm.write(line, file=sys.stdout)
        sys.stdout.flush()
        self._bar.set_postfix_str(f"sub-{image.record.subject}")


def describe(image: PlannedImage) -> str:
    """Return what became of one image, in one line."""
    record = read_json(image.names.result)
    if not record:
        return f"{image.record.relative}: crashed"
    line = f"{image.record.relative}: {record['Verdict']}, {record['Seconds']:.1f} s"
    if record["Reasons"]:
        line += f": {'; '.join(record['Reasons'])} {record['Hint']}"
    return line
