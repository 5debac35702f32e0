"""Read and write weights: safetensors with the network's shape, checked by SHA-256."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from bids_deface.anatomy import CLASSES
from bids_deface.detection.checksum import CHECKSUM_SUFFIX, DEFAULT_WEIGHTS, sha256_of, verify
from bids_deface.detection.network import AttentionUNet, NetworkConfig, to_device
from bids_deface.errors import WeightsError


@dataclass(frozen=True)
class LoadedNetwork:
    """A network ready for inference and the checksum of the file it came from."""

    network: AttentionUNet
    sha256: str


def save_weights(path: Path, state: Mapping[str, Tensor], config: NetworkConfig) -> str:
    """Write weights and their ``.sha256`` beside them; return the checksum."""
    metadata = {"network": json.dumps(config.to_dict()), "classes": json.dumps(CLASSES)}
    tensors = {name: value.detach().float().cpu().contiguous() for name, value in state.items()}
    temporary = path.with_suffix(".tmp")
    save_file(tensors, temporary, metadata)
    checksum = sha256_of(temporary)
    path.with_name(path.name + CHECKSUM_SUFFIX).write_text(f"{checksum}  {path.name}\n")
    temporary.replace(path)
    return checksum


def load_weights(path: Path = DEFAULT_WEIGHTS, device: str = "cpu") -> LoadedNetwork:
    """Load a network after checking the file against the checksum beside it.

    Parameters
    ----------
    path
        A ``.safetensors`` file with its ``.sha256``.
    device
        Torch device for the network.

    Raises
    ------
    WeightsError
        A file is missing, altered or not ours. Nothing is ever downloaded.
    """
    checksum = verify(path)
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            metadata = file.metadata()
            config = NetworkConfig.from_dict(json.loads(metadata["network"]))
            if tuple(json.loads(metadata["classes"])) != CLASSES:
                raise WeightsError(f"{path} was trained for other regions.")
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        network = AttentionUNet(config)
        network.load_state_dict(state)
    except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise WeightsError(f"{path} is no weights file of this program ({error}).") from error
    return LoadedNetwork(to_device(network, torch.device(device)).eval(), checksum)
