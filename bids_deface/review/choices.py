"""What the page offers, in the words of the parsers."""

from __future__ import annotations

import argparse
from typing import Any

from bids_deface import __version__
from bids_deface.anatomy import LABELS
from bids_deface.distortion.methods import PROTOCOLS
from bids_deface.review.commands import OFFERED, PARSERS, Kind
from bids_deface.review.roots import Roots


def all_choices(roots: Roots) -> dict[str, Any]:
    """Return what the page needs to know at its start."""
    return {
        "version": __version__,
        "roots": [str(folder) for folder in roots.folders],
        "protocols": {
            name: {str(f): text for f, text in protocol.descriptions.items()}
            for name, protocol in PROTOCOLS.items()
        },
        "labels": [
            {"index": label.index, "name": label.name, "color": label.color} for label in LABELS
        ],
        "options": {str(kind): [_option(kind, name) for name in OFFERED[kind]] for kind in Kind},
    }


def _option(kind: Kind, name: str) -> dict[str, Any]:
    """Return one option as its parser knows it."""
    actions = PARSERS[kind]()._actions
    action = next(one for one in actions if one.dest == name)
    choices = [str(word) for word in action.choices or ()]
    if name == "protocol":
        choices = [*PROTOCOLS]
    if name == "features":
        choices = [str(feature) for feature in PROTOCOLS["default"].features]
    default = action.default if isinstance(action.default, str | int | bool) else None
    return {
        "name": name,
        "help": action.help,
        "kind": _kind(action),
        "choices": choices,
        "default": None if default is None else str(default) if choices else default,
    }


def _kind(action: argparse.Action) -> str:
    if action.nargs == 0:
        return "switch"
    if action.nargs == "+":
        return "words"
    return "number" if callable(action.type) and action.choices is None else "word"
