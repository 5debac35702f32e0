"""Lists of private elements that are safe to keep."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from bids_deface.dicom.options import PrivateRule
from bids_deface.errors import NoInputError, UsageError

#: One rule a line: (0019,xx0C) SIEMENS MR HEADER, and a comment after a # sign.
_LINE: Final = re.compile(r"\(([0-9A-Fa-f]{4}),\s*xx([0-9A-Fa-f]{2})\)\s+(\S.*)")


def read_private_rules(path: Path) -> tuple[PrivateRule, ...]:
    """Read a list of safe private elements.

    Parameters
    ----------
    path
        Text, one element a line: ``(0019,xx0C) SIEMENS MR HEADER  # b-value``.

    Raises
    ------
    NoInputError
        The file cannot be read.
    UsageError
        A line is none of this kind.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise NoInputError(f"The list {path} cannot be read.") from error
    rules = set()
    for number, line in enumerate(lines, 1):
        text = line.split("#")[0].strip()
        if not text:
            continue
        match = _LINE.fullmatch(text)
        if match is None or not int(match[1], 16) % 2:
            raise UsageError(
                f"{path}, line {number}: {text!r} names no private element.",
                "Write it as (0019,xx0C) SIEMENS MR HEADER.",
            )
        rules.add(PrivateRule(int(match[1], 16), int(match[2], 16), match[3].strip()))
    return tuple(sorted(rules))
