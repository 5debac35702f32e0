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

from bids_deface.detection.checksum import CHECKSUM_SUFFIX, DEFAULT_WEIGHTS, sha256_of, verify
from bids_deface.detection.model_file import FEATURES_KEY, NOT_OURS, metadata_of
from bids_deface.detection.network import AttentionUNet, NetworkConfig, to_device
from bids_deface.errors import WeightsError
from bids_deface.feature_table import STANDARD, FeatureTable


@dataclass(frozen=True)
class LoadedNetwork:
    """A network ready for inference, the checksum of its file and the features it knows."""

    network: AttentionUNet
    sha256: str
    table: FeatureTable = STANDARD


def save_weights(
    path: Path,
    state: Mapping[str, Tensor],
    config: NetworkConfig,
    table: FeatureTable = STANDARD,
) -> str:
    """Write weights and their ``.sha256`` beside them; return the checksum.

    Parameters
    ----------
    path
        A ``.safetensors`` file.
    state, config
        Of the network.
    table
        Features it knows beside the standard ones; goes into the file.
    """
    metadata = {"network": json.dumps(config.to_dict()), "classes": json.dumps(table.classes)}
    if table.features:
        metadata[FEATURES_KEY] = json.dumps(table.to_dict())
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
    shape, table = metadata_of(path)
    try:
        config = NetworkConfig.from_dict(shape)
        if config.n_classes != len(table.classes):
            raise ValueError("as many classes as the network has channels are not named")
        _check_shapes(path, config)
        with safe_open(path, framework="pt", device="cpu") as file:
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise WeightsError(
            f"{path} is no weights file of this program ({error}).", NOT_OURS
        ) from (error)
    if not all(bool(torch.isfinite(value).all()) for value in state.values()):
        raise WeightsError(f"{path} holds values that are no numbers.", NOT_OURS)
    network = AttentionUNet(config)
    network.load_state_dict(state)
    return LoadedNetwork(to_device(network, torch.device(device)).eval(), checksum, table)


def _check_shapes(path: Path, config: NetworkConfig) -> None:
    """Raise `ValueError` unless the file holds all of a network's weights, and nothing else.

    Nothing is allocated for it: what the metadata claims may be larger than any memory.
    """
    with torch.device("meta"):
        wanted = {
            name: list(value.shape) for name, value in AttentionUNet(config).state_dict().items()
        }
    with safe_open(path, framework="pt", device="cpu") as file:
        parts = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118
        found = {name: part.get_shape() for name, part in parts.items()}
        kinds = {part.get_dtype() for part in parts.values()}
    if found != wanted or kinds != {"F32"}:
        raise ValueError("its weights are not those of the network that it names")
