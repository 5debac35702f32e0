"""Run the network over one image on the detector's grid."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from bids_deface.detection.network import AttentionUNet


def predict(network: AttentionUNet, image: Tensor) -> Tensor:
    """Return class probabilities for one image.

    Parameters
    ----------
    network
        In evaluation mode, on any device.
    image
        float32 (i, j, k) in [0, 1] on the detector's grid.

    Returns
    -------
    Tensor
        float32 (n_classes, i, j, k) on the CPU.
    """
    device = next(network.parameters()).device
    stride = network.config.stride
    padding: list[int] = []
    for size in reversed(image.shape):
        # Two voxels at the coarsest level: one has no variance to normalise by.
        padding += [0, max(-size % stride, 2 * stride - size)]
    padded = functional.pad(image[None, None].to(device), padding)
    padded = padded.to(memory_format=torch.channels_last_3d)
    with (
        torch.inference_mode(),
        torch.autocast(device.type, torch.bfloat16, enabled=_use_bfloat16(device.type)),
    ):
        logits = network(padded)
    i, j, k = image.shape
    return torch.softmax(logits[0, :, :i, :j, :k].float(), dim=0).cpu()


def predict_array(network: AttentionUNet, image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return :func:`predict` for a numpy image."""
    return np.asarray(predict(network, torch.from_numpy(image.copy())).numpy(), dtype=np.float32)


@lru_cache
def _use_bfloat16(device_type: str) -> bool:
    """Tell whether bfloat16 is native; emulated, it is slower than float32."""
    if device_type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    capability = torch.backends.cpu.get_cpu_capability()
    return capability.startswith("AVX512") and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def device_available(name: str) -> bool:
    """Tell whether a torch device of this name can be used here."""
    try:
        torch.empty(1, device=torch.device(name))
    except (RuntimeError, AssertionError):
        return False
    return True
