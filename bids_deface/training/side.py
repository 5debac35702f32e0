"""Further classes learnt in a side branch, while all that a network knew stays as it was.

The decoder runs once for each sample; the branch, which is small, then learns from chosen voxels
of it in several steps: all of a new feature, what is falsely taken for it, and a few of the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from bids_deface.anatomy import CLASSES
from bids_deface.detection.network import AttentionUNet
from bids_deface.training.losses import merge_unknown

#: Steps of the branch for each sample, and the most voxels of each kind it learns from.
INNER_STEPS: Final = 24
MOST_VOXELS: Final = 4096
#: Weight of a voxel of a new class beside others, which are more.
NEW_WEIGHT: Final = 4.0
#: Probability of a new class from which a voxel beside its label is a mistake to learn from.
MISTAKEN: Final = 0.1


def freeze_old(network: AttentionUNet) -> None:
    """Let a network learn in its side branch only: what it knew it cannot forget."""
    for name, value in network.named_parameters():
        value.requires_grad_(name.startswith("side."))


def learn_extras(
    network: AttentionUNet,
    batch: Tensor,
    classes: Tensor,
    unknown: Sequence[int],
    optimizer: torch.optim.Optimizer,
) -> float:
    """Learn from one sample; return the mean cross-entropy over the chosen voxels.

    Parameters
    ----------
    network
        With a side branch, all else frozen.
    batch
        float32 (1, 1, i, j, k).
    classes
        int64 (i, j, k), channel of each voxel's class.
    unknown
        Channels of classes of which nothing is known in this sample.
    optimizer
        Of the side branch.
    """
    side = network.side
    assert side is not None
    with torch.no_grad(), torch.autocast(batch.device.type, torch.bfloat16):
        logits, seen = network.look(batch)
        everywhere = torch.cat((logits, side(seen)), dim=1).float()
    prob = torch.softmax(merge_unknown(everywhere, unknown), dim=1)[0, len(CLASSES) :].sum(dim=0)
    where = _telling_voxels(prob, classes)
    truth = classes.flatten()[where]
    old = logits.float().flatten(2)[:, :, where]
    columns = [_at(features.float(), where, classes.shape) for features in seen]
    weights = torch.ones(everywhere.shape[1], device=batch.device)
    weights[len(CLASSES) :] = NEW_WEIGHT
    total = 0.0
    for _ in range(INNER_STEPS):
        new = side(columns).flatten(2)
        told = merge_unknown(torch.cat((old, new), dim=1), unknown)
        loss = functional.cross_entropy(told, truth[None], weights)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        total += float(loss.detach())
    return total / INNER_STEPS


def _telling_voxels(prob: Tensor, classes: Tensor) -> Tensor:
    """Return the flat indices of the voxels to learn from: the same for the same sample."""
    flat, labels = prob.flatten(), classes.flatten()
    is_new = labels >= len(CLASSES)
    mistaken = torch.where(is_new, torch.zeros_like(flat), flat)
    worst = mistaken.topk(min(MOST_VOXELS, len(flat)))
    chosen = (
        _thinned(is_new.nonzero()[:, 0]),
        worst.indices[worst.values > MISTAKEN],
        _thinned(((labels > 0) & ~is_new).nonzero()[:, 0]),
        _thinned((labels == 0).nonzero()[:, 0]),
    )
    return torch.cat(chosen)


def _thinned(indices: Tensor) -> Tensor:
    """Return at most `MOST_VOXELS` of some indices, evenly spread."""
    return indices[:: max(1, -(-len(indices) // MOST_VOXELS))]


def _at(features: Tensor, where: Tensor, shape: torch.Size) -> Tensor:
    """Return features (1, c, 1, 1, n) at voxels of the finest grid, as interpolation has them."""
    size = torch.tensor(shape, device=features.device)
    ijk = torch.stack(torch.unravel_index(where, tuple(shape)), dim=-1)
    # grid_sample wants (x, y, z) = (k, j, i) in [-1, 1].
    xyz = ((2 * ijk + 1) / size - 1).flip(-1)[None, None, None].float()
    return functional.grid_sample(
        features, xyz, mode="bilinear", padding_mode="border", align_corners=False
    )
