"""A trained network that learns further classes: a side branch for them, all else as it was."""

from __future__ import annotations

import math
from dataclasses import replace

import torch

from bids_deface.anatomy import CLASSES
from bids_deface.detection.network import AttentionUNet
from bids_deface.feature_table import FeatureTable

#: Among the voxels from which a new feature is learnt, about so many are others for one of it.
RARER = 20.0


def widen_network(
    network: AttentionUNet, known: FeatureTable, wanted: FeatureTable
) -> AttentionUNet:
    """Return a network with a channel for each class of a table; the old ones keep their weights.

    Parameters
    ----------
    network
        Trained on the classes of ``known``.
    known, wanted
        Features beside the standard ones; those known by name keep what was learnt of them.
    """
    n_extra = len(wanted.names)
    config = replace(network.config, n_classes=len(CLASSES) + n_extra, extra=n_extra)
    out = AttentionUNet(config)
    state = dict(out.state_dict())
    old = dict(network.state_dict())
    state |= {name: value for name, value in old.items() if not name.startswith("side.head.")}
    if out.side is not None:
        for part in ("weight", "bias"):
            key = f"side.head.{part}"
            fresh = state[key].clone()
            if part == "bias":
                # As rare as it is: a class that starts as likely as all others disturbs them.
                fresh = torch.full_like(fresh, -math.log(RARER))
            for channel, name in enumerate(wanted.names):
                if name in known.names:
                    fresh[channel] = old[key][known.names.index(name)]
            state[key] = fresh
    else:
        state = {name: value for name, value in state.items() if not name.startswith("side.")}
    out.load_state_dict(state)
    return out
