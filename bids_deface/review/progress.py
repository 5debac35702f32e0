"""What the command line says of a run, taken apart."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any

#: Of ``cli/progress.py`` and of DICOM's outcomes: ``[1/3] IMAGE: PASS, 9.1 s: reasons``.
IMAGE_LINE = re.compile(
    r"\[(?P<done>\d+)/(?P<total>\d+)\] (?P<name>.+?): "
    r"(?P<verdict>PASS|REVIEW|FAIL|OTHER|LEFT OUT|no result)(?P<text>(?:,|:|$).*)"
)
#: Of ``str(PlannedImage)``.
PLAN_LINE = re.compile(
    r"(?P<action>deface|skip \(done before\)) +(?P<name>\S.*?) -> (?P<target>\S+)"
    r"(?: \((?P<note>.*)\))?"
)


@dataclass(frozen=True)
class ImageDone:
    """An image that is finished, or will not be.

    Attributes
    ----------
    done, total
        How many of how many.
    name
        The image, by its place in the dataset.
    verdict
        PASS, REVIEW, FAIL; for DICOM also OTHER and LEFT OUT; ``no result`` where it crashed.
    text
        Time and reasons.
    """

    done: int
    total: int
    name: str
    verdict: str
    text: str


def image_done(line: str) -> ImageDone | None:
    """Return what a line says of an image; None for lines that say something else."""
    match = IMAGE_LINE.fullmatch(line)
    if match is None:
        return None
    return ImageDone(
        int(match["done"]), int(match["total"]), match["name"], match["verdict"],
        match["text"].lstrip(",: "),
    )  # fmt: skip


def told(line: str) -> dict[str, Any]:
    """Return a line for the page: its text, and the image it speaks of."""
    done = image_done(line)
    return {"text": line, "image": asdict(done) if done else None}


def planned(lines: list[str]) -> list[dict[str, str]]:
    """Return the images that a printed plan names: action, name, target, note."""
    matches = (PLAN_LINE.fullmatch(line) for line in lines)
    return [
        {key: text or "" for key, text in match.groupdict().items()} for match in matches if match
    ]
