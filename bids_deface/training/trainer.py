"""The training loop: checkpoints, resume, validation, log."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bids_deface.anatomy import BRAIN_CLASS, CLASSES
from bids_deface.detection.inference import device_available, predict
from bids_deface.detection.network import AttentionUNet, to_device
from bids_deface.detection.weights import save_weights
from bids_deface.errors import DeviceError, OutputError
from bids_deface.feature_table import STANDARD, FeatureTable
from bids_deface.training.augment import augment
from bids_deface.training.data import TrainingHead
from bids_deface.training.log import LOG_NAME, append_log, trim_log
from bids_deface.training.losses import dice_per_class, merge_unknown, segmentation_loss
from bids_deface.training.presets import Recipe
from bids_deface.training.side import freeze_old, learn_extras

BEST_WEIGHTS = "best.safetensors"
CHECKPOINT = "checkpoint.pt"


@dataclass(frozen=True)
class RunOptions:
    """How and where one training run goes.

    Attributes
    ----------
    out_dir
        Folder of checkpoint, log and weights.
    device
        Torch device name.
    seed
        Seed of the first weights and of every sample.
    max_hours
        Time budget: the learning rate falls to zero within it; None trains all steps.
    resume
        Continue from the checkpoint in ``out_dir`` if there is one.
    """

    out_dir: Path
    device: str = "cpu"
    seed: int = 2020
    max_hours: float | None = None
    resume: bool = True


class Trainer:
    """Train one network on heads held in memory."""

    def __init__(
        self,
        recipe: Recipe,
        options: RunOptions,
        train: list[TrainingHead],
        validation: list[TrainingHead],
        *,
        start_from: AttentionUNet | None = None,
        table: FeatureTable = STANDARD,
    ) -> None:
        self.recipe, self.options, self.table = recipe, options, table
        self.device = open_device(options.device)
        self.train_heads, self.validation_heads = train, validation
        torch.manual_seed(options.seed)
        network = start_from or AttentionUNet(recipe.network)
        self.network = to_device(network, self.device)
        self.averaged = deepcopy(self.network).eval().requires_grad_(False)
        if recipe.new_only:
            freeze_old(self.network)
        self.optimizer = torch.optim.AdamW(
            [value for value in self.network.parameters() if value.requires_grad],
            lr=recipe.learning_rate,
            weight_decay=recipe.weight_decay,
        )
        self.step, self.spent_s, self.best, self.stale = 0, 0.0, -1.0, 0
        options.out_dir.mkdir(parents=True, exist_ok=True)
        if options.resume:
            self._restore()

    def run(self, report: Callable[[dict[str, float]], None]) -> float:
        """Train to the end; return the best mean Dice over the facial features.

        Parameters
        ----------
        report
            Called after each validation with one row of the log.
        """
        last, losses = time.monotonic(), []
        for image, classes, unknown in self._samples():
            losses.append(self._train_step(image, classes, unknown))
            self.step += 1
            now = time.monotonic()
            self.spent_s, last = self.spent_s + now - last, now
            done = self.progress >= 1
            if self.step % self.recipe.validate_every == 0 or done:
                report(self._validate(sum(losses) / len(losses)))
                losses = []
                if done or (self.recipe.patience and self.stale >= self.recipe.patience):
                    break
        return self.best

    @property
    def progress(self) -> float:
        """Fraction of the run that is done, by steps or by the time budget."""
        by_steps = self.step / self.recipe.steps
        hours = self.options.max_hours
        return max(by_steps, self.spent_s / (3600 * hours)) if hours else by_steps

    @property
    def learning_rate(self) -> float:
        """Current rate: linear warm-up over 2 %, then a cosine to zero."""
        if not self.recipe.one_cycle:
            return self.recipe.learning_rate
        p = min(1.0, self.progress)
        shape = min(1.0, p / 0.02 + 0.01) * 0.5 * (1 + math.cos(math.pi * p))
        return self.recipe.learning_rate * shape

    def _samples(self) -> Iterator[tuple[Tensor, Tensor, tuple[int, ...]]]:
        """Yield augmented samples, the next one being made while this one is used."""
        with ThreadPoolExecutor(1) as pool:
            step = self.step
            coming = pool.submit(self._sample, step)
            while True:
                sample = coming.result()
                step += 1
                coming = pool.submit(self._sample, step)
                yield sample

    def _sample(self, step: int) -> tuple[Tensor, Tensor, tuple[int, ...]]:
        """Make the sample of one step: the same whether or not the run was interrupted.

        Returns image, classes, and the channels of classes of which nothing is known in it.
        """
        epoch, position = divmod(step, len(self.train_heads))
        seed = self.options.seed * 1_000_003 + epoch
        order = torch.randperm(
            len(self.train_heads), generator=torch.Generator().manual_seed(seed)
        )
        head = self.train_heads[int(order[position])]
        generator = torch.Generator().manual_seed(self.options.seed * 7_919 + step)
        image, classes = head.image.to(self.device), head.classes.to(self.device)
        return (*augment(image, classes, self.recipe.augmentation, generator), head.unknown)

    def _train_step(self, image: Tensor, classes: Tensor, unknown: tuple[int, ...]) -> float:
        rate = self.learning_rate
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        batch = image[None, None].to(memory_format=torch.channels_last_3d)
        self.network.train()
        if self.recipe.new_only:
            loss = learn_extras(self.network, batch, classes, unknown, self.optimizer)
        else:
            loss = self._learn_all(batch, classes, unknown)
        # A short average at the start, so that the first weights are forgotten.
        decay = min(self.recipe.average, (1 + self.step) / (10 + self.step))
        decay = decay if self.recipe.average else 0.0
        with torch.no_grad():
            for mean, value in zip(
                self.averaged.parameters(), self.network.parameters(), strict=True
            ):
                mean.lerp_(value, 1 - decay)
        return loss

    def _learn_all(self, batch: Tensor, classes: Tensor, unknown: tuple[int, ...]) -> float:
        with torch.autocast(self.device.type, torch.bfloat16):
            logits = self.network(batch)
        told = merge_unknown(logits.float(), unknown)
        loss = segmentation_loss(told, classes[None], self.recipe.loss)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        self.optimizer.step()
        return float(loss.detach())

    def _validate(self, loss: float) -> dict[str, float]:
        scores = mean_dice(self.averaged, self.validation_heads, self.table.classes)
        # What no validation head shows has no say.
        brain = CLASSES[BRAIN_CLASS]
        known = [v for name, v in scores.items() if name != brain and not math.isnan(v)]
        face = sum(known) / len(known) if known else math.nan
        if face > self.best:
            self.best, self.stale = face, 0
            save_weights(
                self.options.out_dir / BEST_WEIGHTS,
                self.averaged.state_dict(),
                self.recipe.network,
                self.table,
            )
        else:
            self.stale += 1
        row = {
            "step": float(self.step),
            "hours": self.spent_s / 3600,
            "learning_rate": self.learning_rate,
            "loss": loss,
            **scores,
            "mean_face": face,
        }
        append_log(self.options.out_dir / LOG_NAME, row)
        self._save()
        return row

    def _save(self) -> None:
        """Write the checkpoint whole or not at all."""
        path = self.options.out_dir / CHECKPOINT
        state: dict[str, Any] = {
            "recipe": json.dumps(self.recipe.to_dict()),
            "table": json.dumps(self.table.to_dict()),
            "network": self.network.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "counters": [self.step, self.spent_s, self.best, self.stale],
        }
        torch.save(state, path.with_suffix(".tmp"))
        path.with_suffix(".tmp").replace(path)

    def _restore(self) -> None:
        path = self.options.out_dir / CHECKPOINT
        if not path.is_file():
            return
        state = torch.load(path, map_location=self.device, weights_only=True)
        table = state.get("table", json.dumps(STANDARD.to_dict()))
        same = table == json.dumps(self.table.to_dict())
        if not same or state["recipe"] != json.dumps(self.recipe.to_dict()):
            raise OutputError(
                f"{path} belongs to another recipe or table of features.",
                "Choose another folder or pass --restart.",
            )
        self.network.load_state_dict(state["network"])
        self.averaged.load_state_dict(state["averaged"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.spent_s, self.best, self.stale = state["counters"]
        trim_log(self.options.out_dir / LOG_NAME, self.step)


def open_device(name: str) -> torch.device:
    """Return the torch device, or raise `DeviceError` where it is not there."""
    if not device_available(name):
        raise DeviceError(f"The device {name!r} is not available.")
    return torch.device(name)


def mean_dice(
    network: AttentionUNet, heads: list[TrainingHead], classes: Sequence[str] = CLASSES
) -> dict[str, float]:
    """Return the mean Dice of each class over the heads in which it is visible."""
    scores: dict[str, list[float]] = {name: [] for name in classes[1:]}
    for head in heads:
        probability = predict(network, head.image.float() / 255)
        for name, value in dice_per_class(probability.argmax(0), head.classes, classes).items():
            if name in head.visible and not math.isnan(value):
                scores[name].append(value)
    return {name: sum(v) / len(v) if v else math.nan for name, v in scores.items()}
