"""Short training runs of networks that differ in one thing, on the same heads and samples.

    python benchmarks/compare_networks.py --data HEADS [--steps 800] [--threads 2] [--only NAME]

Heads are brought to 4 mm and the runs kept short, so that the whole table takes minutes; the
figures tell the variants apart, not what a full training reaches. Dice is the mean of eyes, nose,
ears and mouth: on the validation heads as they are, and under perturbations.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import torch
from torch.nn import functional

from bids_deface.anatomy import FACE_CLASSES
from bids_deface.detection.inference import predict
from bids_deface.detection.network import AttentionUNet, NetworkConfig
from bids_deface.training.augment import AugmentConfig
from bids_deface.training.data import (
    TrainingHead,
    class_map,
    load_evaluation_heads,
    load_heads,
    on_detector_grid,
)
from bids_deface.training.geometry import GeometryConfig
from bids_deface.training.losses import LossConfig
from bids_deface.training.presets import Recipe
from bids_deface.training.stress import STRESS
from bids_deface.training.trainer import RunOptions, Trainer, mean_dice

WIDTHS = {8: (8, 16, 32, 64, 128), 12: (12, 24, 48, 96, 128), 16: (16, 32, 64, 128, 128)}
CONDITIONS = ("T2w-like", "FLAIR-like", "SNR 5", "30 degrees turned")
GEOMETRY = GeometryConfig(patch=(48, 64, 64))
RANDOM = AugmentConfig(GEOMETRY)
T1W_ONLY = AugmentConfig(GEOMETRY, contrast=0.0, artefact=0.0, crop=0.0, negative=0.0, noise=0.03)


def variants() -> dict[str, Recipe]:
    """Return the recipes that are compared."""
    # Small classes weigh more than in a long run, which starts from weights that know them.
    base = Recipe(
        augmentation=RANDOM,
        loss=LossConfig(class_weights=(0.3, 6.0, 6.0, 6.0, 6.0, 1.0)),
        average=0.99,
    )
    return {
        **{f"width {n}": replace(base, network=NetworkConfig(w)) for n, w in WIDTHS.items()},
        "width 8, no attention gates": replace(base, network=NetworkConfig(attention=False)),
        "width 8, no domain randomisation": replace(base, augmentation=T1W_ONLY),
    }


def coarse(head: TrainingHead) -> TrainingHead:
    """Bring a 2 mm head to 4 mm."""
    size = [n // 2 for n in head.image.shape]
    image = functional.interpolate(head.image[None, None].float(), size=size, mode="trilinear")
    classes = functional.interpolate(
        head.classes[None, None].float(), size=size, mode="nearest-exact"
    )
    return replace(
        head, image=image[0, 0].round().to(torch.uint8), classes=classes[0, 0].to(torch.uint8)
    )


def face(scores: dict[str, float]) -> float:
    """Return the mean over the facial features."""
    return sum(scores[name] for name in FACE_CLASSES) / len(FACE_CLASSES)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=800)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", nargs="+", choices=list(variants()), default=list(variants()))
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    train = [coarse(head) for head in load_heads(args.data, "train")]
    fine = [on_detector_grid(h) for h in list(load_evaluation_heads(args.data, "val"))[::2]]
    tests = {"plain": [coarse(class_map(h)) for h in fine]}
    for condition in STRESS:
        if condition.name in CONDITIONS:
            tests[condition.name] = [coarse(class_map(condition.apply(h))) for h in fine]
    print("variant", "parameters", "forward s (2 mm)", *tests, sep="\t", flush=True)
    for name in args.only:
        recipe = variants()[name]
        with tempfile.TemporaryDirectory() as folder:
            short = replace(recipe, steps=args.steps, validate_every=args.steps)
            trainer = Trainer(short, RunOptions(Path(folder)), train, tests["plain"][:1])
            trainer.run(lambda _row: None)
        network: AttentionUNet = trainer.averaged
        parameters = sum(p.numel() for p in network.parameters())
        image = torch.rand(96, 128, 128)
        predict(network, image)
        began = time.perf_counter()
        predict(network, image)
        forward = time.perf_counter() - began
        dice = [f"{face(mean_dice(network, heads)):.3f}" for heads in tests.values()]
        print(name, parameters, f"{forward:.2f}", *dice, sep="\t", flush=True)


if __name__ == "__main__":
    main()
