"""``bids-deface-export``: the dataset to share, made of a raw one and its derivatives."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from bids_deface import __version__
from bids_deface.cli.audit import add_detector
from bids_deface.cli.main import guarded, start_log
from bids_deface.cli.parser import Parser

#: Datatypes that can be taken along without a look: of MR, and those nobody can look into.
TRUSTED = (
    "func",
    "dwi",
    "fmap",
    "perf",
    "pet",
    "meg",
    "eeg",
    "ieeg",
    "nirs",
    "motion",
    "beh",
    "micr",
)
EPILOG = """exit codes: 0 the audit of the result is clean, whatever was left out; 1 it is not
clean, or no image may go; 16 no BIDS dataset; 64 usage; 66 no input; 69 weights
or device missing; 73 the folder is not this program's, or cannot be written. Lists of what was
left out, and why, go to SHARE_DIR-private, which is not to be shared. The inputs are only read."""


def build_parser() -> Parser:
    """Return the parser of ``bids-deface-export``."""
    parser = Parser(
        prog="bids-deface-export",
        description="Make the dataset to share: a raw dataset with each anatomical image in its "
        "defaced version, without what identifies, audited at the end.",
        epilog=EPILOG,
        allow_abbrev=False,
    )
    parser.add_argument("bids_dir", type=Path, metavar="BIDS_DIR", help="raw dataset; only read")
    parser.add_argument(
        "derivatives", type=Path, metavar="DERIVATIVES", help="what bids-deface made of it"
    )
    parser.add_argument(
        "share_dir", type=Path, metavar="SHARE_DIR", help="new folder, or of an earlier export"
    )
    _add_content(parser)
    add_detector(parser)
    parser.add_argument("--dry-run", action="store_true", help="only say what would be done")
    parser.add_argument("-v", "--verbose", action="count", default=0, help="say more; twice: all")
    parser.add_argument("--version", action="version", version=f"bids-deface {__version__}")
    return parser


def _add_content(parser: Parser) -> None:
    parser.add_argument(
        "--masks", action="store_true", help="add the masks of what may have changed"
    )
    dates = parser.add_mutually_exclusive_group()
    dates.add_argument(
        "--drop-dates", dest="dates", action="store_const", const="drop", default="drop",
        help="acq_time becomes n/a (default)",
    )  # fmt: skip
    dates.add_argument(
        "--shift-dates", dest="dates", action="store_const", const="shift",
        help="acq_time is shifted to before 1925, by days drawn for each subject and kept nowhere",
    )  # fmt: skip
    parser.add_argument("--code", action="store_true", help="take the folder code along")
    parser.add_argument(
        "--trust", nargs="+", default=[], choices=TRUSTED, metavar="DATATYPE",
        help=f"take these along without a look at them: {' '.join(TRUSTED)}",
    )  # fmt: skip
    parser.add_argument(
        "--accept", type=Path, metavar="FILE.tsv",
        help="rows of an audit's table that you looked at and found to be good",
    )  # fmt: skip
    parser.add_argument(
        "--copy", action="store_true", help="copy all bytes: no reflinks, no hard links"
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""

    def job() -> int:
        args = build_parser().parse_args(argv)
        start_log(args.verbose)
        from bids_deface.cli.export_run import run

        return run(args)

    return guarded("bids-deface-export", job)


if __name__ == "__main__":
    sys.exit(main())
