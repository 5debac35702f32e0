"""The command line of the BIDS-App."""

from __future__ import annotations

import argparse
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from bids_deface import __version__
from bids_deface.anatomy import ALL_FEATURES
from bids_deface.cli.boutiques import PrintDescriptor
from bids_deface.cli.contract import EXIT_CODES, LEVELS
from bids_deface.cli.values import positive_float, positive_int, whole
from bids_deface.dataset.suffixes import DATATYPES
from bids_deface.errors import NoInputError, UnknownAnalysisLevelError, UsageError
from bids_deface.kinds import Level, OnDoubt

LEVEL = "features: one by one (default); face: the whole facial surface, brow to chin"
ON_DOUBT = (
    "review: a human looks (default); strict: nothing is written; remove-face: the face is taken "
    "off in front of the brain where that cures the doubt"
)
KEEP_EXTENSIONS = "keep header extensions that can hold names (DICOM, comments)"
EPILOG = "exit codes: 0 all images passed; " + "; ".join(
    f"{code} {text[0].lower()}{text[1:].split(';')[0].rstrip('.')}"
    for code, text in EXIT_CODES.items()
)


class Parser(argparse.ArgumentParser):
    """Argument parser whose errors carry this program's exit code."""

    def error(self, message: str) -> NoReturn:
        """Raise `UsageError` instead of exiting with 2."""
        raise UsageError(f"{message[:1].upper()}{message[1:]}.", f"See {self.prog} --help.")


def build_parser() -> Parser:
    """Return the parser of ``bids-deface``."""
    parser = Parser(
        prog="bids-deface",
        description="Hide eyes, nose, ears and mouth in the head scans of a BIDS dataset.",
        epilog=EPILOG,
        allow_abbrev=False,
    )
    parser.add_argument("bids_dir", type=Path, help="folder of the BIDS dataset; never changed")
    parser.add_argument("output_dir", type=Path, help="folder of the derivatives")
    parser.add_argument("analysis_level", help="participant or group")
    parser.add_argument("--version", action="version", version=f"bids-deface {__version__}")
    parser.add_argument(
        "--bids-exec-spec", action=PrintDescriptor, help="print the Boutiques descriptor"
    )
    _add_options(parser)
    return parser


def _add_options(parser: Parser) -> None:
    parser.add_argument("-v", "--verbose", action="count", default=0, help="say more; twice: all")
    _add_selection(parser.add_argument_group("which images"))
    _add_defacing(parser.add_argument_group("what to hide"))
    _add_resources(parser.add_argument_group("resources"))
    _add_running(parser.add_argument_group("how to run"))


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line; values of ``--config-file`` are defaults.

    Raises
    ------
    UsageError
        An option is wrong.
    UnknownAnalysisLevelError
        The level is not participant or group.
    """
    parser = build_parser()
    early = Parser(add_help=False, allow_abbrev=False)
    early.add_argument("--config-file", type=Path)
    known, _ = early.parse_known_args(argv)
    if known.config_file:
        parser.set_defaults(**_read_config(known.config_file))
    args = parser.parse_args(argv)
    if args.analysis_level not in LEVELS:
        raise UnknownAnalysisLevelError(f"Unknown analysis level {args.analysis_level!r}.")
    args.participant_label = tuple(v.removeprefix("sub-") for v in args.participant_label)
    args.session_label = tuple(v.removeprefix("ses-") for v in args.session_label)
    return args


def _add_selection(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--participant-label", "--participant_label", nargs="+", default=(), metavar="LABEL",
        help="participants, with or without sub-",
    )  # fmt: skip
    group.add_argument(
        "--session-label", "--session_label", nargs="+", default=(), metavar="LABEL",
        help="sessions, with or without ses-",
    )  # fmt: skip
    group.add_argument(
        "-m", "--modalities", nargs="+", default=(), metavar="SUFFIX",
        help="BIDS suffixes, for example T1w FLAIR (default: all anatomical ones)",
    )  # fmt: skip
    group.add_argument(
        "--include", nargs="+", default=(), choices=DATATYPES[1:], metavar="DATATYPE",
        help=f"more than anatomical images: {' '.join(DATATYPES[1:])}",
    )  # fmt: skip
    group.add_argument(
        "--bids-filter-file", type=Path, metavar="FILE",
        help="JSON: pybids entities, or named queries of which an image must match one",
    )  # fmt: skip
    group.add_argument(
        "--bids-database-dir", type=Path, metavar="DIR", help="folder of pybids' index"
    )
    group.add_argument(
        "--skip-bids-validation", "--skip_bids_validation", action="store_true",
        help="take the folder as it is",
    )  # fmt: skip


def _add_defacing(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--features", nargs="+", metavar="FEATURE",
        help=f"{' '.join(ALL_FEATURES)} (default: all that the protocol knows)",
    )  # fmt: skip
    group.add_argument(
        "--protocol", default="default", metavar="NAME",
        help="default, or jeong2020: the paper's voxel rules and its three features",
    )  # fmt: skip
    add_strength(group)
    group.add_argument("--keep-extensions", action="store_true", help=KEEP_EXTENSIONS)
    group.add_argument("--model", type=Path, metavar="FILE", help="other weights of the detector")
    group.add_argument(
        "--random-seed", type=whole, metavar="N", help="repeat the random fill (tests)"
    )


def add_strength(group: argparse._ActionsContainer) -> None:
    """Add the options that say how much is hidden, and what is done in doubt."""
    group.add_argument("--level", default=Level.FEATURES.value, choices=[*Level], help=LEVEL)
    group.add_argument(
        "--on-doubt", default=OnDoubt.REVIEW.value, choices=[*OnDoubt], help=ON_DOUBT
    )


def _add_resources(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--nprocs", "--nthreads", type=positive_int, metavar="N",
        help="images at once (default: as many as cores and memory allow)",
    )  # fmt: skip
    group.add_argument(
        "--omp-nthreads", type=positive_int, default=1, metavar="N", help="threads of one image"
    )
    group.add_argument(
        "--mem-gb", "--mem_gb", type=positive_float, metavar="GB", help="upper bound of memory"
    )
    group.add_argument("--device", default="cpu", help="cpu or cuda")
    group.add_argument("-w", "--work-dir", type=Path, metavar="DIR", help="intermediate files")
    group.add_argument("--clean-workdir", action="store_true", help="remove them at the end")


def _add_running(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--dry-run", action="store_true", help="print the plan and stop")
    group.add_argument(
        "--accept", type=Path, metavar="FILE",
        help="release what you reviewed: TSV with a column source, as in group_deface.tsv",
    )  # fmt: skip
    group.add_argument("--force", action="store_true", help="do again what was done before")
    group.add_argument("--reports-only", action="store_true", help="rebuild the pages only")
    group.add_argument(
        "--skip-identity", action="store_true", help="group level: no identity test"
    )
    group.add_argument("--boilerplate-only", action="store_true", help="write the citation only")
    group.add_argument("--stop-on-first-crash", action="store_true", help="do not go on")
    group.add_argument("--config-file", type=Path, metavar="FILE", help="options as TOML")
    group.add_argument("--use-plugin", type=Path, metavar="FILE", help="nipype plugin file, JSON")
    group.add_argument("--nipype-plugin", metavar="NAME", help="for example SLURM")
    group.add_argument("--nipype-plugin-args", default="{}", metavar="JSON", help="its arguments")
    group.add_argument("--notrack", action="store_true", help="accepted; nothing is ever tracked")


def _read_config(path: Path) -> dict[str, Any]:
    """Read options from TOML, one key per long option, checked as if they were typed."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise NoInputError(f"The settings file {path} cannot be read.") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"The settings file {path} is no TOML ({error}).") from error
    typed: list[str] = []
    for key, value in content.items():
        flag = f"--{key.replace('_', '-')}"
        if value is True:
            typed.append(flag)
        elif value is not False:
            typed += [flag, *map(str, value if isinstance(value, list) else [value])]
    options = Parser(
        prog=str(path), add_help=False, allow_abbrev=False, argument_default=argparse.SUPPRESS
    )
    _add_options(options)
    # Only what the file names: the defaults of the command line hold for the rest.
    for action in options._actions:
        action.default = argparse.SUPPRESS
    return vars(options.parse_args(typed))
