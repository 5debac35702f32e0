"""``bids-deface-demo``: write a small BIDS dataset to try things on."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from bids_deface import __version__
from bids_deface.cli.main import guarded
from bids_deface.cli.parser import Parser


def build_parser() -> Parser:
    """Return the parser of ``bids-deface-demo``."""
    parser = Parser(
        prog="bids-deface-demo",
        description="Write a small BIDS dataset of made-up heads (2 subjects; T1w, T2w, FLAIR).",
        allow_abbrev=False,
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="new folder")
    parser.add_argument("--seed", type=int, default=1, help="other heads for another number")
    parser.add_argument("--version", action="version", version=f"bids-deface {__version__}")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""

    def job() -> int:
        args = build_parser().parse_args(argv)
        from bids_deface.dataset.demo import write_demo

        paths = write_demo(args.folder, seed=args.seed)
        sys.stdout.write(f"{len(paths)} images written to {args.folder}\n")
        return 0

    return guarded("bids-deface-demo", job)


if __name__ == "__main__":
    sys.exit(main())
