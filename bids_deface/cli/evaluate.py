"""``bids-deface-train evaluate``: the detector's figures on labelled heads."""

from __future__ import annotations

import argparse
import csv
import json
import math
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bids_deface import __version__
from bids_deface.anatomy import BRAIN_CLASS, CLASSES
from bids_deface.cli.values import positive_int
from bids_deface.errors import UsageError

if TYPE_CHECKING:
    from bids_deface.detection.detector import FeatureDetector
    from bids_deface.training.data import EvaluationHead
    from bids_deface.training.evaluation import Row, Score

BRAIN_NAME = CLASSES[BRAIN_CLASS]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--data", type=Path, required=True, help="folder of labelled heads")
    parser.add_argument("--split", default="val", help="rows of the table to take")
    parser.add_argument("--stress", action="store_true", help="also under each perturbation")
    parser.add_argument("--limit", type=positive_int, metavar="N", help="first N heads only")
    parser.add_argument("--model", type=Path, metavar="FILE", help="weights (default: shipped)")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=positive_int, help="CPU threads")
    parser.add_argument(
        "--out", type=Path, metavar="FILE.tsv", default=Path("deface_evaluation.tsv"),
        help="table; a .json with every region of every head and a .png go beside it",
    )  # fmt: skip


def evaluate(args: argparse.Namespace) -> int:
    """Run the command; return the exit code."""
    from bids_deface.detection.checksum import DEFAULT_WEIGHTS
    from bids_deface.detection.detector import FeatureDetector
    from bids_deface.reports.evaluation import plot_evaluation
    from bids_deface.training.evaluation import summarise

    if args.out.suffix != ".tsv":
        raise UsageError(f"--out {args.out} must end in .tsv.")
    args.out.parent.mkdir(parents=True, exist_ok=True)
    detector = FeatureDetector(args.model or DEFAULT_WEIGHTS, args.device, args.threads)
    scores: list[Score] = []
    for condition, rows, new in _conditions(args, detector):
        scores += new
        _print_rows(condition, rows)
    table = [row.to_dict() for row in summarise(scores)]
    _write_table(args.out, table)
    document = {
        "Version": __version__,
        "WeightsSHA256": detector.sha256,
        "Split": args.split,
        "Heads": len({score.head for score in scores}),
        "Rows": table,
        "Scores": [score.to_dict() for score in scores],
    }
    text = json.dumps(_without_nan(document), indent=1)
    args.out.with_suffix(".json").write_text(text + "\n", encoding="utf-8")
    plot_evaluation(table, args.out.with_suffix(".png"))
    sys.stdout.write(f"written: {args.out}, and .json and .png beside it\n")
    return 0


def _conditions(
    args: argparse.Namespace, detector: FeatureDetector
) -> Iterator[tuple[str, list[Row], list[Score]]]:
    """Yield each condition when it is done."""
    from bids_deface.training.data import load_evaluation_heads, on_detector_grid
    from bids_deface.training.evaluation import score_head, summarise
    from bids_deface.training.stress import STRESS

    heads: list[EvaluationHead] = []
    scores: list[Score] = []
    for head in islice(load_evaluation_heads(args.data, args.split, detector.table), args.limit):
        scores += score_head(detector, head, "plain")
        heads.append(on_detector_grid(head))
    yield "plain", summarise(scores), scores
    for condition in STRESS if args.stress else ():
        scores = [
            s
            for head in heads
            for s in score_head(detector, condition.apply(head), condition.name)
        ]
        yield condition.name, summarise(scores), scores


def _print_rows(condition: str, rows: list[Row]) -> None:
    """Print one condition: a line for each class, and the mean Dice of the face."""
    for row in rows:
        sys.stdout.write(
            f"{condition:20} {row.region:6} n {row.n:3} dice {row.dice:.3f} "
            f"coverage {row.coverage:.3f} (least {row.least_coverage:.3f}) "
            f"centroid {row.centroid_mm:4.1f} mm recall {row.recall:.3f} "
            f"doubtful {row.doubtful} refused {row.refused} silent misses {row.silent_misses} "
            f"false alarms {row.false_alarms} {row.seconds:.2f} s\n"
        )
    dice = [row.dice for row in rows if row.region != BRAIN_NAME and not math.isnan(row.dice)]
    if dice:
        mean = sum(dice) / len(dice)
        sys.stdout.write(f"{condition:20} mean Dice of the facial features: {mean:.3f}\n")
    sys.stdout.flush()


def _write_table(path: Path, table: list[dict[str, Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(table[0]), delimiter="\t", lineterminator="\n")
        writer.writeheader()
        for row in table:
            writer.writerow({k: _cell(v) for k, v in row.items()})


def _cell(value: str | float) -> str | int:
    if isinstance(value, float):
        return "n/a" if math.isnan(value) else f"{value:.4g}"
    return value


def _without_nan(value: Any) -> Any:
    """Replace NaN, which is no JSON, by null."""
    if isinstance(value, dict):
        return {k: _without_nan(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_without_nan(v) for v in value]
    return None if isinstance(value, float) and math.isnan(value) else value
