"""``bids-deface-dicom``: a folder of DICOM files in, a folder out, faces hidden, headers clean."""

from __future__ import annotations

import logging
import sys
from argparse import _ArgumentGroup
from collections.abc import Sequence
from pathlib import Path

from bids_deface import __version__
from bids_deface.anatomy import ALL_FEATURES
from bids_deface.cli.main import LEVELS, guarded
from bids_deface.cli.parser import Parser, add_model, add_strength
from bids_deface.cli.values import methods_of, positive_int
from bids_deface.errors import InstallError

EPILOG = """exit codes: 0 every scan of a head passed; 1 some series failed or awaits review, or
a file is broken; 64 usage; 66 no input; 69 weights, device or DICOM libraries missing; 73 cannot
create output. What must not be shared (results, pictures, series that await review, the key of the
pseudonyms) goes to the private folder beside OUT."""


def build_parser() -> Parser:
    """Return the parser of ``bids-deface-dicom``."""
    parser = Parser(
        prog="bids-deface-dicom",
        description="Hide the facial features in DICOM series and de-identify their headers.",
        epilog=EPILOG,
        allow_abbrev=False,
    )
    parser.add_argument("in_dir", type=Path, metavar="IN", help="folder; never changed")
    parser.add_argument(
        "out_dir", type=Path, metavar="OUT", help="folder, new or of an earlier run"
    )
    parser.add_argument("--version", action="version", version=f"bids-deface {__version__}")
    parser.add_argument("-v", "--verbose", action="count", default=0, help="say more; twice: all")
    _add_pixels(parser.add_argument_group("pixels"))
    _add_headers(parser.add_argument_group("headers (DICOM PS3.15, Annex E)"))
    _add_running(parser.add_argument_group("how to run"))
    return parser


def _add_pixels(group: _ArgumentGroup) -> None:
    group.add_argument(
        "--features", nargs="+", metavar="FEATURE",
        help=f"{' '.join(ALL_FEATURES)}, and what else the model knows (default: all)",
    )  # fmt: skip
    group.add_argument("--protocol", default="default", help="default or jeong2020")
    add_strength(group)
    group.add_argument(
        "--keep-transfer-syntax", action="store_true",
        help="keep the packing of the pixels where nothing gets lost (default: unpacked)",
    )  # fmt: skip
    group.add_argument(
        "--include-other", action="store_true",
        help="copy series that show no head (localisers, reports), headers de-identified",
    )  # fmt: skip
    add_model(group)
    group.add_argument("--random-seed", type=int, help="repeat the random fill (tests)")


def _add_headers(group: _ArgumentGroup) -> None:
    group.add_argument(
        "--profile", default="basic", choices=("basic", "jeong2020"),
        help="basic: the standard's basic profile (default); jeong2020: the paper's 20 fields",
    )  # fmt: skip
    group.add_argument(
        "--keep-dates", default="none", choices=("shifted", "original", "none"),
        help="dates: none (default), shifted by days that are a secret, or as they are",
    )  # fmt: skip
    for flag, text in (
        ("uids", "UIDs, but those of changed images and their series"),
        ("device", "serial numbers, stations and other marks of the device"),
        ("institution", "name and address of the institution"),
        ("patient-characteristics", "sex, age (to 90), size and weight"),
    ):
        group.add_argument(f"--keep-{flag}", action="store_true", help=f"keep {text}")
    group.add_argument(
        "--keep-private", type=Path, metavar="FILE",
        help="keep these private elements; one a line: (0019,xx0C) SIEMENS MR HEADER",
    )  # fmt: skip
    group.add_argument(
        "--clean-descriptors", action="store_true",
        help="keep words of the field in descriptions, instead of dropping them whole",
    )  # fmt: skip
    group.add_argument(
        "--key", type=Path, metavar="FILE",
        help="key of pseudonyms and dates, made where there is none; the same key gives the same "
        "pseudonyms (default: one for each private folder)",
    )  # fmt: skip
    group.add_argument(
        "--mapping", type=Path, metavar="FILE",
        help="write which patients, studies and series became which; outside OUT",
    )  # fmt: skip


def _add_running(group: _ArgumentGroup) -> None:
    group.add_argument(
        "--private-dir", type=Path, metavar="DIR", help="private folder (default: OUT-private)"
    )
    group.add_argument(
        "--accept", type=Path, metavar="FILE",
        help="release what you reviewed: rows of results.tsv (columns series and stamp)",
    )  # fmt: skip
    group.add_argument(
        "--nprocs", type=positive_int, default=1, metavar="N", help="series at once"
    )
    group.add_argument(
        "--omp-nthreads", type=positive_int, metavar="N", help="threads of one series"
    )
    group.add_argument("--device", default="cpu", help="cpu or cuda")
    group.add_argument("--dry-run", action="store_true", help="print what would be done")
    group.add_argument("--force", action="store_true", help="do again what was done before")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""

    def job() -> int:
        args = build_parser().parse_args(argv)
        logging.basicConfig(format="%(levelname)s %(name)s: %(message)s")
        # Libraries stay silent: pydicom would quote the headers it reads.
        logging.getLogger("bids_deface").setLevel(LEVELS[min(args.verbose, 2)])
        # Names are checked before anything slow is loaded.
        from bids_deface.detection.model_file import read_feature_table
        from bids_deface.settings import DefaceSettings

        settings = DefaceSettings.of(
            args.features, args.protocol, args.random_seed, args.level, args.on_doubt,
            table=read_feature_table(args.model), methods=methods_of(args.method),
        )  # fmt: skip
        try:
            from bids_deface.cli.dicom_run import run
        except ModuleNotFoundError as error:
            raise InstallError(f"The Python package {error.name} is not installed.") from error
        return run(args, settings)

    return guarded("bids-deface-dicom", job)


if __name__ == "__main__":
    sys.exit(main())
