"""``bids-deface-train fit``: train the detector, or teach the shipped one further features."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bids_deface.cli.values import positive_float, positive_int
from bids_deface.errors import UsageError

if TYPE_CHECKING:
    from bids_deface.detection.weights import LoadedNetwork
    from bids_deface.feature_table import FeatureTable
    from bids_deface.training.data import EvaluationHead, TrainingHead


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--data", type=Path, required=True, help="folder of labelled heads")
    parser.add_argument("--out", type=Path, required=True, help="checkpoint, log, weights, curves")
    parser.add_argument(
        "--table", type=Path, metavar="FILE.toml",
        help="features beside eyes, nose, ears and mouth; the shipped weights learn them",
    )  # fmt: skip
    parser.add_argument(
        "--preset", help="default, jeong2020, or finetune (default where there is a --table)"
    )
    parser.add_argument("--steps", type=positive_int, help="training samples seen (batch size 1)")
    parser.add_argument("--learning-rate", type=positive_float, help="peak (or constant) rate")
    parser.add_argument("--validate-every", type=positive_int, help="steps between validations")
    parser.add_argument(
        "--max-hours", type=positive_float, help="time budget; the schedule fits into it"
    )
    parser.add_argument(
        "--start-from", type=Path, metavar="FILE",
        help="weights to start from (default where there is a --table: the shipped ones)",
    )  # fmt: skip
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--threads", type=positive_int, help="CPU threads")
    parser.add_argument("--seed", type=int, default=2020)
    parser.add_argument("--restart", action="store_true", help="ignore a checkpoint in --out")


def fit(args: argparse.Namespace) -> int:
    """Run the command; return the exit code."""
    from bids_deface.feature_table import STANDARD
    from bids_deface.training.labelled import read_feature_toml

    # What can be wrong with the table is told before torch is loaded.
    table = read_feature_toml(args.table) if args.table else STANDARD

    import torch

    from bids_deface.detection.checksum import DEFAULT_WEIGHTS
    from bids_deface.detection.weights import load_weights
    from bids_deface.reports.curves import plot_curves
    from bids_deface.training.log import LOG_NAME
    from bids_deface.training.presets import find_preset, for_table
    from bids_deface.training.trainer import RunOptions, Trainer
    from bids_deface.training.widening import widen_network

    if args.threads:
        torch.set_num_threads(args.threads)
    recipe = find_preset(args.preset or ("finetune" if args.table else "default"))
    for name in ("steps", "learning_rate", "validate_every"):
        if getattr(args, name):
            recipe = replace(recipe, **{name: getattr(args, name)})
    weights = args.start_from or (DEFAULT_WEIGHTS if args.table else None)
    teacher = load_weights(weights) if weights else None
    start = None
    # The branch of new features is drawn by chance, too.
    torch.manual_seed(args.seed)
    if teacher is not None:
        table = table if args.table else teacher.table
        start = teacher.network
        if table.names != teacher.table.names:
            start = widen_network(start, teacher.table, table)
        recipe = for_table(recipe, start.config, table)
    if recipe.new_only and not table.features:
        raise UsageError(
            "This recipe learns new features only, and there are none.",
            "Name them in a --table, or choose --preset default.",
        )
    options = RunOptions(args.out, args.device, args.seed, args.max_hours, not args.restart)
    train, table = _training_heads(args.data, teacher, table)
    validation = [trained for _, trained in _labelled_heads(args.data, "val", teacher, table)]
    sys.stdout.write(f"{len(train)} heads to train on, {len(validation)} to validate on\n")
    trainer = Trainer(recipe, options, train, validation, start_from=start, table=table)

    def report(row: dict[str, float]) -> None:
        text = " ".join(f"{name} {value:.3g}" for name, value in row.items())
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
        plot_curves(args.out / LOG_NAME, args.out / "curves.png")

    best = trainer.run(report)
    sys.stdout.write(f"best mean Dice of the facial features: {best:.3f}\n")
    (args.out / "recipe.json").write_text(json.dumps(recipe.to_dict(), indent=2) + "\n")
    return 0


def _training_heads(
    folder: Path, teacher: LoadedNetwork | None, table: FeatureTable
) -> tuple[list[TrainingHead], FeatureTable]:
    """Return the heads to train on, and where on them the features of the table lie."""
    from bids_deface.training.rehearsal import measured_places

    heads = _labelled_heads(folder, "train", teacher, table)
    return [trained for _, trained in heads], measured_places(heads, table)


def _labelled_heads(
    folder: Path, split: str, teacher: LoadedNetwork | None, table: FeatureTable
) -> list[tuple[EvaluationHead, TrainingHead]]:
    """Return labels and classes of each head; what nobody labelled is as the teacher sees it."""
    from bids_deface.training.data import class_map, load_small_heads
    from bids_deface.training.rehearsal import rehearse

    heads = []
    for head in load_small_heads(folder, split, table):
        trained = class_map(head, table)
        heads.append((head, rehearse(trained, teacher, table) if teacher else trained))
    return heads
