"""Losses and Dice, on logits and class maps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from bids_deface.anatomy import CLASSES

#: Logit of a class that a sample cannot hold; finite, so that no gradient is undefined.
NEVER = -1e4


@dataclass(frozen=True)
class LossConfig:
    """Weights of the two terms of the loss.

    Attributes
    ----------
    cross_entropy
        Weight of the cross-entropy beside 1 - Dice.
    class_weights
        Weight of each class in the cross-entropy; small regions are otherwise learnt last.
    present_only
        Whether Dice is averaged over the classes that the sample holds.
    """

    cross_entropy: float = 1.0
    class_weights: tuple[float, ...] = (0.6, 2.0, 2.0, 2.0, 2.0, 1.5)
    present_only: bool = True


def merge_unknown(logits: Tensor, unknown: Sequence[int]) -> Tensor:
    """Add classes of which nothing is known in a sample to its background.

    What is labelled as background may be one of them, and neither is wrong
    (Shi et al. 2021, doi 10.1016/j.media.2021.101979).

    Parameters
    ----------
    logits
        (n, c, i, j, k).
    unknown
        Channels of these classes.
    """
    if not unknown:
        return logits
    merged = torch.logsumexp(logits[:, [0, *unknown]], dim=1)
    channels = [
        merged if c == 0 else torch.full_like(merged, NEVER) if c in unknown else logits[:, c]
        for c in range(logits.shape[1])
    ]
    return torch.stack(channels, dim=1)


def segmentation_loss(logits: Tensor, classes: Tensor, config: LossConfig) -> Tensor:
    """Return 1 - soft Dice + w x cross-entropy (Jeong et al. 2020: w = 0.1, unweighted).

    Parameters
    ----------
    logits
        (n, c, i, j, k), float32.
    classes
        (n, i, j, k), int64.
    config
        Weights of the terms.
    """
    log_prob = functional.log_softmax(logits, dim=1)
    prob = log_prob.exp()
    picked = log_prob.gather(1, classes[:, None])
    weights = logits.new_tensor(config.class_weights)
    voxel_weight = weights[classes][:, None]
    entropy = -(picked * voxel_weight).sum() / voxel_weight.sum()
    total = prob.sum(dim=(0, 2, 3, 4))
    size = torch.bincount(classes.flatten(), minlength=logits.shape[1]).to(prob.dtype)
    hits = prob.new_zeros(logits.shape[1]).scatter_add(
        0, classes.flatten(), picked.exp().flatten()
    )
    dice = (2 * hits + 1) / (total + size + 1)
    chosen = size[1:] > 0 if config.present_only else torch.ones_like(size[1:], dtype=torch.bool)
    region_dice = dice[1:][chosen].mean() if bool(chosen.any()) else logits.new_ones(())
    return 1 - region_dice + config.cross_entropy * entropy


def dice_per_class(
    predicted: Tensor, truth: Tensor, classes: Sequence[str] = CLASSES
) -> dict[str, float]:
    """Return the Dice overlap of each class but background; NaN where both are empty."""
    out = {}
    for index, name in enumerate(classes):
        if index == 0:
            continue
        a, b = predicted == index, truth == index
        size = int(a.sum()) + int(b.sum())
        out[name] = 2 * int((a & b).sum()) / size if size else float("nan")
    return out
