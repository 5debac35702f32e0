"""``bids-deface-train``: label heads, train the detector on them, and evaluate it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from bids_deface import __version__
from bids_deface.cli import evaluate, fit, labels
from bids_deface.cli.main import guarded
from bids_deface.cli.parser import Parser
from bids_deface.cli.values import positive_int


def build_parser() -> Parser:
    """Return the parser of ``bids-deface-train``."""
    parser = Parser(
        prog="bids-deface-train", description="Train the detector of facial features.",
        allow_abbrev=False,
    )  # fmt: skip
    parser.add_argument("--version", action="version", version=f"bids-deface {__version__}")
    commands = parser.add_subparsers(dest="command", required=True)
    fit.add_arguments(commands.add_parser("fit", help="train; a killed run goes on where it was"))
    labels.add_arguments(
        commands.add_parser("labels", help="what the detector sees, as labels to correct")
    )
    evaluate.add_arguments(
        commands.add_parser("evaluate", help="Dice, coverage, recall of weights on labelled heads")
    )
    samples = commands.add_parser("samples", help="contact sheet of training samples")
    samples.add_argument("--data", type=Path, required=True, help="folder of labelled heads")
    samples.add_argument("--table", type=Path, metavar="FILE.toml", help="further features")
    samples.add_argument("--split", default="train")
    samples.add_argument("--preset", default="default", help="default, finetune or jeong2020")
    samples.add_argument("--number", type=positive_int, default=64)
    samples.add_argument("--seed", type=int, default=0)
    samples.add_argument("--out", type=Path, required=True, metavar="FILE.png")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""

    def job() -> int:
        args = build_parser().parse_args(argv)
        jobs = {
            "fit": fit.fit,
            "labels": labels.write_labels,
            "evaluate": evaluate.evaluate,
            "samples": _draw_samples,
        }
        return jobs[args.command](args)

    return guarded("bids-deface-train", job)


def _draw_samples(args: argparse.Namespace) -> int:
    import torch

    from bids_deface.feature_table import STANDARD
    from bids_deface.reports.evaluation import plot_samples
    from bids_deface.training.augment import augment
    from bids_deface.training.data import load_heads
    from bids_deface.training.labelled import read_feature_toml
    from bids_deface.training.presets import find_preset

    table = read_feature_toml(args.table) if args.table else STANDARD
    heads = load_heads(args.data, args.split, table)
    config = find_preset(args.preset).augmentation
    samples = []
    for n in range(args.number):
        head = heads[n % len(heads)]
        generator = torch.Generator().manual_seed(args.seed + n)
        image, classes = augment(head.image, head.classes, config, generator)
        samples.append((image.numpy(), classes.numpy()))
    args.out.parent.mkdir(parents=True, exist_ok=True)
    plot_samples(samples, args.out, [feature.color[0] for feature in table.features])
    sys.stdout.write(f"written: {args.out}. It shows faces: keep it private.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
