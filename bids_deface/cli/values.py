"""Numbers on the command line, and what a caller may know of them before."""

from __future__ import annotations

import argparse
from collections.abc import Iterable

from bids_deface.errors import UsageError


def positive_int(text: str) -> int:
    """Parse a whole number above 0."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value


def whole(text: str) -> int:
    """Parse a whole number, 0 or more."""
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError("must not be negative")
    return value


def methods_of(texts: Iterable[str]) -> dict[str, str]:
    """Return feature to method from words of the form ``chin=remove``.

    Raises
    ------
    UsageError
        A word is of another form.
    """
    pairs = {}
    for text in texts:
        name, _, method = text.partition("=")
        if not (name and method):
            raise UsageError(
                f"--method {text!r} is not of the form FEATURE=METHOD.", "Write chin=remove."
            )
        pairs[name] = method
    return pairs


def positive_float(text: str) -> float:
    """Parse a number above 0."""
    value = float(text)
    if not value > 0:
        raise argparse.ArgumentTypeError("must be greater than 0")
    return value


def label(text: str) -> str:
    """Parse a participant's label, with or without ``sub-``."""
    return text.removeprefix("sub-")
