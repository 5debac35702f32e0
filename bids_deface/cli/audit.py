"""``bids-deface-audit``: whether a dataset shows faces, or tells who the participants are."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from bids_deface import __version__
from bids_deface.cli.main import guarded, start_log
from bids_deface.cli.parser import Parser
from bids_deface.cli.values import label, positive_int
from bids_deface.dataset.suffixes import DATATYPES

EPILOG = """exit codes: 0 nothing found; 1 a face, a feature, identifying text or a risky file was
found or cannot be ruled out; 18 no such participant; 64 usage; 66 no input; 69 weights or
device missing; 73 the table cannot be written there. Nothing is ever written into the dataset."""


def build_parser() -> Parser:
    """Return the parser of ``bids-deface-audit``."""
    parser = Parser(
        prog="bids-deface-audit",
        description="Look for faces, identifying text and risky files in a dataset, raw or "
        "derivative, defaced by whatever program or by none.",
        epilog=EPILOG,
        allow_abbrev=False,
    )
    parser.add_argument("bids_dir", type=Path, metavar="BIDS_DIR", help="folder; only read")
    parser.add_argument(
        "--tsv", type=Path, metavar="OUT",
        help="write all findings there, and a dictionary of its columns (.json) beside it",
    )  # fmt: skip
    parser.add_argument(
        "--include", nargs="+", default=[], choices=DATATYPES[1:], metavar="DATATYPE",
        help=f"look for faces in images of these, too: {' '.join(DATATYPES[1:])}",
    )  # fmt: skip
    parser.add_argument(
        "--participant-label", "--participant_label", nargs="+", type=label, default=[],
        metavar="LABEL", help="images of these only, with or without sub-; text of all",
    )  # fmt: skip
    parser.add_argument(
        "--accept", type=Path, metavar="FILE.tsv",
        help="rows of an audit's table that you looked at and found to be good: they do not count",
    )  # fmt: skip
    parser.add_argument("--strict", action="store_true", help="notes count as problems, too")
    parser.add_argument(
        "--skip-images", action="store_true", help="text and files only: seconds, no detector"
    )
    add_detector(parser)
    parser.add_argument("-v", "--verbose", action="count", default=0, help="say more; twice: all")
    parser.add_argument("--version", action="version", version=f"bids-deface {__version__}")
    return parser


def add_detector(parser: Parser) -> None:
    """Declare how images are looked at; shared with ``bids-deface-export``."""
    parser.add_argument(
        "--nprocs", type=positive_int, default=1, metavar="N", help="images at once"
    )
    parser.add_argument(
        "--omp-nthreads", type=positive_int, metavar="N", help="threads of one image"
    )
    parser.add_argument("--model", type=Path, metavar="FILE", help="other weights of the detector")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""

    def job() -> int:
        args = build_parser().parse_args(argv)
        start_log(args.verbose)
        from bids_deface.cli.audit_run import run

        return run(args)

    return guarded("bids-deface-audit", job)


if __name__ == "__main__":
    sys.exit(main())
