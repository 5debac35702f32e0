"""``bids-deface-evaluate``: how often defaced heads can be matched with their originals."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bids_deface import __version__
from bids_deface.cli.main import guarded
from bids_deface.cli.parser import Parser
from bids_deface.cli.values import positive_int
from bids_deface.errors import ImageError, NoInputError, ReadError, TooFewHeadsError, UsageError

if TYPE_CHECKING:
    from bids_deface.assurance.identity import Outcome
    from bids_deface.cohort import Pair


def build_parser() -> Parser:
    """Return the parser of ``bids-deface-evaluate``."""
    parser = Parser(
        prog="bids-deface-evaluate",
        description="Try to match defaced heads with their originals, by face only, and print how "
        "often it succeeds. Nothing but rates is written.",
        allow_abbrev=False,
    )
    parser.add_argument("--originals", type=Path, metavar="BIDS_DIR", help="raw dataset")
    parser.add_argument(
        "--defaced", type=Path, metavar="DERIVATIVES_DIR",
        help="made from it: desc-defaced images whose sidecars name their Sources",
    )  # fmt: skip
    parser.add_argument(
        "--pairs", type=Path, metavar="FILE.tsv",
        help="instead of the two: table with the columns original and defaced, one row a person",
    )  # fmt: skip
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="write identity.tsv and identity.json there"
    )
    parser.add_argument(
        "--recogniser", action="store_true",
        help="one more attacker: dlib's face recogniser (pip install 'bids-deface[recogniser]')",
    )  # fmt: skip
    parser.add_argument("--model", type=Path, metavar="FILE", help="other weights of the detector")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--threads", type=positive_int, help="CPU threads")
    parser.add_argument("--version", action="version", version=f"bids-deface {__version__}")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""

    def job() -> int:
        args = build_parser().parse_args(argv)
        _check(args)
        from bids_deface.assurance.recogniser import load_recogniser
        from bids_deface.dataset.pairs import find_pairs, read_pairs
        from bids_deface.detection.checksum import DEFAULT_WEIGHTS
        from bids_deface.reports.identity import identity_text, write_identity_table

        recogniser = load_recogniser() if args.recogniser else None
        pairs = read_pairs(args.pairs) if args.pairs else find_pairs(args.originals, args.defaced)
        require_heads(len(pairs))
        weights = args.model or DEFAULT_WEIGHTS
        outcomes = run_test(pairs, weights, args.device, args.threads, recogniser)
        sys.stdout.write(identity_text(outcomes))
        if args.out:
            args.out.mkdir(parents=True, exist_ok=True)
            path = write_identity_table(args.out / "identity.tsv", outcomes)
            sys.stdout.write(f"written: {path}, and .json beside it\n")
        return 0

    return guarded("bids-deface-evaluate", job)


def group_identity(
    originals: Path, derivatives: Path, weights: Path, device: str, threads: int
) -> None:
    """Run the test for the group level where there are heads enough, or say why it is left out.

    Parameters
    ----------
    originals, derivatives
        See :func:`bids_deface.dataset.pairs.find_pairs`.
    weights, device, threads
        See :func:`run_test`.
    """
    from bids_deface.dataset.pairs import find_pairs
    from bids_deface.reports.identity import identity_text, write_identity_table

    try:
        # Images that did not pass are not in the shareable part of the folder.
        pairs = find_pairs(originals, derivatives)
        require_heads(len(pairs))
        outcomes = run_test(pairs, weights, device, threads)
    except (NoInputError, TooFewHeadsError) as error:
        sys.stdout.write(f"Identity test left out: {error.message}\n")
        return
    path = write_identity_table(derivatives / "group_identity.tsv", outcomes)
    sys.stdout.write(f"{identity_text(outcomes)}Identity test written to {path}\n")


def run_test(
    pairs: Sequence[Pair],
    weights: Path,
    device: str,
    threads: int | None,
    recogniser: Any | None = None,
) -> list[Outcome]:
    """Look at every head, one line each, and match them.

    Parameters
    ----------
    pairs
        One for each person.
    weights, device, threads
        Of the detector, which finds the brains.
    recogniser
        See :func:`bids_deface.assurance.identity.head_print`.

    Raises
    ------
    TooFewHeadsError
        Too many images cannot be read or judged.
    """
    from bids_deface.assurance.identity import identity_test
    from bids_deface.cohort import load_person
    from bids_deface.detection.detector import FeatureDetector

    detector = FeatureDetector(weights, device, threads)
    persons = []
    for number, pair in enumerate(pairs):
        try:
            persons.append(load_person(pair, number, detector, recogniser))
            said = "looked at"
        except (ImageError, NoInputError, ReadError) as error:
            said = f"left out: {error.message}"
        sys.stdout.write(f"[{number + 1}/{len(pairs)}] {pair.name}: {said}\n")
        sys.stdout.flush()
    require_heads(len(persons))
    return identity_test(persons)


def require_heads(number: int) -> None:
    """Raise unless there are heads enough for a figure that means something."""
    from bids_deface.assurance.identity import LEAST_HEADS

    if number < LEAST_HEADS:
        raise TooFewHeadsError(f"{number} persons are too few for an identity test.")


def _check(args: argparse.Namespace) -> None:
    """Raise unless either the two folders or a table is given."""
    folders = args.originals is not None and args.defaced is not None
    if args.pairs is None and not folders:
        raise UsageError("Give --originals and --defaced, or --pairs.")
    if args.pairs is not None and (args.originals or args.defaced):
        raise UsageError("Give --originals and --defaced, or --pairs, not both.")


if __name__ == "__main__":
    sys.exit(main())
