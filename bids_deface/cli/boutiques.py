"""The command line as a Boutiques descriptor (boutiques.github.io), made from its parser."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from bids_deface import __version__
from bids_deface.anatomy import ALL_FEATURES
from bids_deface.cli.contract import EXIT_CODES, LEVELS
from bids_deface.cli.values import positive_float, positive_int, whole

#: Tag of the image that ``tools/build-image.sh`` builds.
IMAGE: Final = f"bids-deface:{__version__}"
#: What Boutiques can say of a number.
NUMBERS: Final[Mapping[Any, Mapping[str, Any]]] = MappingProxyType(
    {
        positive_int: {"integer": True, "minimum": 1},
        whole: {"integer": True, "minimum": 0},
        positive_float: {"minimum": 0, "exclusive-minimum": True},
    }
)
#: Words that the program checks after parsing, for better errors than argparse's.
WORDS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {"analysis_level": LEVELS, "features": tuple(ALL_FEATURES)}
)


class PrintDescriptor(argparse.Action):
    """Print the descriptor of the parser that has this option, and stop."""

    def __init__(self, option_strings: list[str], dest: str, help: str | None = None) -> None:  # noqa: A002
        super().__init__(option_strings, dest, nargs=0, help=help, default=argparse.SUPPRESS)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        """Print and exit."""
        sys.stdout.write(json.dumps(describe(parser), indent=2) + "\n")
        parser.exit()


def describe(parser: argparse.ArgumentParser) -> dict[str, Any]:
    """Return the descriptor of a command line.

    Parameters
    ----------
    parser
        Its positional arguments come first, as lists of values may be open-ended.

    Returns
    -------
    dict
        A Boutiques descriptor, schema 0.5.
    """
    groups = [(group.title, list(_told(group._group_actions))) for group in parser._action_groups]
    actions = [action for _, members in groups for action in members]
    keys = " ".join(_key(action) for action in actions)
    return {
        "name": parser.prog,
        "description": parser.description,
        "tool-version": __version__,
        "schema-version": "0.5",
        "author": "The bids-deface developers",
        "tags": {"domain": ["neuroinformatics", "mri"], "purpose": ["defacing"]},
        "command-line": f"{parser.prog} {keys}",
        "container-image": {"type": "docker", "image": IMAGE, "entrypoint": True},
        "inputs": [_input(action) for action in actions],
        "groups": [
            {"id": title.replace(" ", "_"), "name": title, "members": [a.dest for a in members]}
            for title, members in groups
            if title and members and members[0].option_strings
        ],
        "output-files": [
            {
                "id": "derivatives",
                "name": "Defaced images, masks and reports",
                "path-template": "[OUTPUT_DIR]",
                # --dry-run writes none.
                "optional": True,
            }
        ],
        "error-codes": [{"code": code, "description": text} for code, text in EXIT_CODES.items()],
    }


def _told(actions: Iterable[argparse.Action]) -> Iterator[argparse.Action]:
    """Yield what belongs to a run: no action that prints something and stops."""
    for action in actions:
        if action.default != argparse.SUPPRESS:
            yield action


def _key(action: argparse.Action) -> str:
    return f"[{action.dest.upper()}]"


def _input(action: argparse.Action) -> dict[str, Any]:
    flags = [flag for flag in action.option_strings if flag.startswith("--")]
    choices = WORDS.get(action.dest) or action.choices
    default = action.default
    out: dict[str, Any] = {
        "id": action.dest,
        "name": (flags[0].removeprefix("--") if flags else action.dest).replace("_", "-"),
        "description": action.help,
        "type": _type(action),
        "value-key": _key(action),
        "optional": bool(flags),
        **NUMBERS.get(action.type, {}),
    }
    if flags:
        out["command-line-flag"] = flags[0]
    if action.nargs == "+":
        out |= {"list": True, "list-separator": " "}
    if choices:
        out["value-choices"] = [str(choice) for choice in choices]
    if flags and default and action.nargs != 0:
        out["default-value"] = default
    return out


def _type(action: argparse.Action) -> str:
    if action.nargs == 0:
        return "Flag"
    if action.type in NUMBERS:
        return "Number"
    # A File must be there before the run; folders that are written may not be.
    is_file = action.type is Path and (action.metavar == "FILE" or action.dest == "bids_dir")
    return "File" if is_file else "String"
