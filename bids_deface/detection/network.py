"""The attention-gated 3D U-Net.

After Schlemper et al. 2019 (doi 10.1016/j.media.2019.01.012), as used for facial features by
Jeong et al. 2020 (doi 10.2196/22739).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn

#: What a weights file may ask for.
GREATEST_WIDTH, MOST_LEVELS = 1024, 8
#: Channels of a side branch at each level.
SIDE_WIDTH = 16


@dataclass(frozen=True)
class NetworkConfig:
    """Shape of the network; stored beside the weights.

    Attributes
    ----------
    widths
        Number of filters at each level, finest first.
    n_classes
        Number of softmax channels.
    attention
        Whether skip connections pass an attention gate.
    squeeze_excitation
        Whether blocks are residual and recalibrate their channels (Jeong et al. 2020).
    extra
        How many of the channels, the last ones, come out of a side branch.
    """

    widths: tuple[int, ...] = (8, 16, 32, 64, 128)
    n_classes: int = 6
    attention: bool = True
    squeeze_excitation: bool = False
    extra: int = 0

    @property
    def stride(self) -> int:
        """Factor each spatial size must be a multiple of."""
        return int(2 ** (len(self.widths) - 1))

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-serialisable form."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> NetworkConfig:
        """Build from the form of :meth:`to_dict`, which may come from a stranger.

        Raises
        ------
        KeyError, TypeError, ValueError
            It is of another form, or of no network that anybody would train.
        """
        config = cls(**{**values, "widths": tuple(values["widths"])})
        sizes = (*config.widths, config.n_classes)
        if not all(type(size) is int and 1 <= size <= GREATEST_WIDTH for size in sizes):
            raise ValueError("the sizes of the network make no sense")
        if type(config.extra) is not int or not 0 <= config.extra < config.n_classes:
            raise ValueError("the side branch of the network makes no sense")
        if not 2 <= len(config.widths) <= MOST_LEVELS:
            raise ValueError("the network has too many levels, or too few")
        return config


class SqueezeExcitation(nn.Module):
    """Channel recalibration (Hu et al. 2018, doi 10.1109/CVPR.2018.00745)."""

    def __init__(self, channels: int, ratio: int = 16) -> None:
        super().__init__()
        hidden = max(1, channels // ratio)
        self.reduce = nn.Linear(channels, hidden)
        self.expand = nn.Linear(hidden, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Scale the channels of ``x`` (n, c, i, j, k)."""
        pooled = x.mean(dim=(2, 3, 4))
        scale = torch.sigmoid(self.expand(torch.relu(self.reduce(pooled))))
        return x * scale[:, :, None, None, None]


class InstanceNorm(nn.InstanceNorm3d):
    """Instance normalisation that keeps channels last: torch itself copies there and back."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalise each channel of each image of ``x`` (n, c, i, j, k)."""
        if len(x) > 1:
            return super().forward(x)
        # Of a single image, the batch is the instance.
        return nn.functional.batch_norm(
            x, None, None, self.weight, self.bias, training=True, eps=self.eps
        )


class ConvBlock(nn.Module):
    """Two 3x3x3 convolutions with instance normalisation; residual with ``squeeze_excitation``."""

    def __init__(self, c_in: int, c_out: int, *, squeeze_excitation: bool) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv3d(c_in, c_out, 3, padding=1, bias=False),
            InstanceNorm(c_out, affine=True),
            nn.ReLU(inplace=True),
            nn.Conv3d(c_out, c_out, 3, padding=1, bias=False),
            InstanceNorm(c_out, affine=True),
        )
        self.recalibrate = SqueezeExcitation(c_out) if squeeze_excitation else None
        self.shortcut = nn.Conv3d(c_in, c_out, 1) if squeeze_excitation else None

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, c_in, i, j, k) to (n, c_out, i, j, k)."""
        y = self.body(x)
        if self.recalibrate is not None and self.shortcut is not None:
            y = self.recalibrate(y) + self.shortcut(x)
        return torch.relu_(y)


class AttentionGate(nn.Module):
    """Additive attention: the coarser level says where the skip connection matters."""

    def __init__(self, c_skip: int, c_gate: int) -> None:
        super().__init__()
        self.skip = nn.Conv3d(c_skip, c_skip, 2, stride=2, bias=False)
        self.gate = nn.Conv3d(c_gate, c_skip, 1)
        self.score = nn.Conv3d(c_skip, 1, 1)

    def forward(self, skip: Tensor, gate: Tensor) -> Tensor:
        """Weight ``skip`` (n, c, 2i, 2j, 2k) by ``gate`` (n, c', i, j, k)."""
        score = torch.sigmoid(self.score(torch.relu_(self.skip(skip) + self.gate(gate))))
        return skip * nn.functional.interpolate(score, scale_factor=2, mode="nearest")


class SideBranch(nn.Module):
    """What a trained decoder sees of a voxel, at all its levels, to the logits of further classes.

    It reads and does not write: whatever it learns, the decoder's own classes stay as they are
    (hypercolumns: Hariharan et al. 2015, doi 10.1109/CVPR.2015.7298642).
    """

    def __init__(self, widths: tuple[int, ...], n_classes: int) -> None:
        super().__init__()
        self.levels = nn.ModuleList(nn.Conv3d(c, SIDE_WIDTH, 1) for c in widths[::-1])
        self.mix = nn.Conv3d(SIDE_WIDTH, SIDE_WIDTH, 1)
        self.head = nn.Conv3d(SIDE_WIDTH, n_classes, 1)

    def forward(self, seen: Sequence[Tensor]) -> Tensor:
        """Map features (n, c, i, j, k), coarsest first, to logits on the finest grid."""
        size = seen[-1].shape[2:]
        x = torch.zeros((), dtype=seen[-1].dtype, device=seen[-1].device)
        for level, features in zip(self.levels, seen, strict=True):
            own = level(features)
            if own.shape[2:] != size:
                own = nn.functional.interpolate(own, size=size, mode="trilinear")
            x = x + own
        x = nn.functional.leaky_relu(self.mix(nn.functional.leaky_relu(x, 0.1)), 0.1)
        return cast(Tensor, self.head(x))


class AttentionUNet(nn.Module):
    """Encoder, decoder and attention-gated skip connections; returns logits."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        widths, se = config.widths, config.squeeze_excitation
        self.encoder = nn.ModuleList(
            ConvBlock(c_in, c_out, squeeze_excitation=se)
            for c_in, c_out in zip((1, *widths), widths, strict=False)
        )
        pairs = list(zip(widths[-2::-1], widths[:0:-1], strict=True))
        self.up = nn.ModuleList(nn.ConvTranspose3d(deep, c, 2, stride=2) for c, deep in pairs)
        self.gates = nn.ModuleList(
            AttentionGate(c, deep) if config.attention else nn.Identity() for c, deep in pairs
        )
        self.decoder = nn.ModuleList(ConvBlock(2 * c, c, squeeze_excitation=se) for c, _ in pairs)
        self.head = nn.Conv3d(widths[0], config.n_classes - config.extra, 1)
        self.side = SideBranch(widths, config.extra) if config.extra else None

    def forward(self, x: Tensor) -> Tensor:
        """Map an image (n, 1, i, j, k) to class logits (n, n_classes, i, j, k)."""
        logits, seen = self.look(x)
        return logits if self.side is None else torch.cat((logits, self.side(seen)), dim=1)

    def look(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Map an image to the logits of all classes but the extra ones, and to what leads there.

        Returns
        -------
        logits
            (n, n_classes - extra, i, j, k).
        seen
            Features at each level of the decoder, coarsest first; empty without a side branch.
        """
        skips: list[Tensor] = []
        for level, block in enumerate(self.encoder):
            x = block(x if level == 0 else nn.functional.max_pool3d(x, 2))
            skips.append(x)
        skips.pop()
        seen = [x]
        for up, gate, block in zip(self.up, self.gates, self.decoder, strict=True):
            skip = skips.pop()
            if self.config.attention:
                skip = gate(skip, x)
            x = block(torch.cat((skip, up(x)), dim=1))
            seen.append(x)
            if self.side is None:
                # Nobody asks for it: its memory goes.
                seen.clear()
        return cast(Tensor, self.head(x)), seen


def to_device(network: AttentionUNet, device: torch.device) -> AttentionUNet:
    """Move a network to a device, channels last: the fast layout for bfloat16 on CPU and CUDA."""
    # The type stubs of torch know no memory_format for modules.
    moved = network.to(device).to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
    return cast(AttentionUNet, moved)
