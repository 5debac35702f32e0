"""``bids-deface-train``: train and evaluate the detector on labelled heads."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bids_deface import __version__
from bids_deface.cli import evaluate
from bids_deface.cli.main import guarded
from bids_deface.cli.parser import Parser
from bids_deface.cli.values import positive_float, positive_int


def build_parser() -> Parser:
    """Return the parser of ``bids-deface-train``."""
    parser = Parser(
        prog="bids-deface-train", description="Train the detector of facial features.",
        allow_abbrev=False,
    )  # fmt: skip
    parser.add_argument("--version", action="version", version=f"bids-deface {__version__}")
    commands = parser.add_subparsers(dest="command", required=True)
    fit = commands.add_parser("fit", help="train; a killed run goes on where it was")
    fit.add_argument("--data", type=Path, required=True, help="folder with heads.tsv")
    fit.add_argument("--out", type=Path, required=True, help="checkpoint, log, weights, curves")
    fit.add_argument("--preset", default="default", help="default or jeong2020")
    fit.add_argument("--steps", type=int, help="training samples seen (batch size 1)")
    fit.add_argument("--learning-rate", type=positive_float, help="peak (or constant) rate")
    fit.add_argument("--validate-every", type=int, help="steps between validations")
    fit.add_argument("--max-hours", type=float, help="time budget; the schedule fits into it")
    fit.add_argument("--start-from", type=Path, metavar="FILE", help="weights to start from")
    fit.add_argument("--device", default="cpu", help="cpu or cuda")
    fit.add_argument("--threads", type=int, help="CPU threads")
    fit.add_argument("--seed", type=int, default=2020)
    fit.add_argument("--restart", action="store_true", help="ignore a checkpoint in --out")
    evaluate.add_arguments(
        commands.add_parser("evaluate", help="Dice, coverage, recall of weights on labelled heads")
    )
    samples = commands.add_parser("samples", help="contact sheet of training samples")
    samples.add_argument("--data", type=Path, required=True, help="folder with heads.tsv")
    samples.add_argument("--split", default="train")
    samples.add_argument("--preset", default="default", help="default or jeong2020")
    samples.add_argument("--number", type=positive_int, default=64)
    samples.add_argument("--seed", type=int, default=0)
    samples.add_argument("--out", type=Path, required=True, metavar="FILE.png")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""

    def job() -> int:
        args = build_parser().parse_args(argv)
        jobs = {"fit": _fit, "evaluate": evaluate.evaluate, "samples": _draw_samples}
        return jobs[args.command](args)

    return guarded("bids-deface-train", job)


def _fit(args: argparse.Namespace) -> int:
    import torch

    from bids_deface.detection.weights import load_weights
    from bids_deface.reports.curves import plot_curves
    from bids_deface.training.data import load_heads
    from bids_deface.training.presets import find_preset
    from bids_deface.training.trainer import LOG_NAME, RunOptions, Trainer

    if args.threads:
        torch.set_num_threads(args.threads)
    recipe = find_preset(args.preset)
    for name in ("steps", "learning_rate", "validate_every"):
        if getattr(args, name):
            recipe = replace(recipe, **{name: getattr(args, name)})
    start = load_weights(args.start_from).network if args.start_from else None
    if start is not None:
        recipe = replace(recipe, network=start.config)
    options = RunOptions(args.out, args.device, args.seed, args.max_hours, not args.restart)
    train, validation = load_heads(args.data, "train"), load_heads(args.data, "val")
    sys.stdout.write(f"{len(train)} heads to train on, {len(validation)} to validate on\n")
    trainer = Trainer(recipe, options, train, validation, start_from=start)

    def report(row: dict[str, float]) -> None:
        text = " ".join(f"{name} {value:.3g}" for name, value in row.items())
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
        plot_curves(args.out / LOG_NAME, args.out / "curves.png")

    best = trainer.run(report)
    sys.stdout.write(f"best mean Dice of the facial features: {best:.3f}\n")
    (args.out / "recipe.json").write_text(json.dumps(recipe.to_dict(), indent=2) + "\n")
    return 0


def _draw_samples(args: argparse.Namespace) -> int:
    import torch

    from bids_deface.reports.evaluation import plot_samples
    from bids_deface.training.augment import augment
    from bids_deface.training.data import load_heads
    from bids_deface.training.presets import find_preset

    heads, config = load_heads(args.data, args.split), find_preset(args.preset).augmentation
    samples = []
    for n in range(args.number):
        head = heads[n % len(heads)]
        generator = torch.Generator().manual_seed(args.seed + n)
        image, classes = augment(head.image, head.classes, config, generator)
        samples.append((image.numpy(), classes.numpy()))
    args.out.parent.mkdir(parents=True, exist_ok=True)
    plot_samples(samples, args.out)
    sys.stdout.write(f"written: {args.out}. It shows faces: keep it private.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
