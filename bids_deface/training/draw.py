"""Random numbers for the augmentation, repeatable on each device."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


class Draw:
    """Random numbers from one CPU generator, with the few shapes the augmentation needs."""

    def __init__(self, generator: torch.Generator, device: torch.device) -> None:
        self.generator = generator
        self.device = device

    def uniform(self, low: float, high: float) -> float:
        """Draw one number from [low, high)."""
        return low + (high - low) * float(torch.rand((), generator=self.generator))

    def uniforms(self, n: int, low: float = 0.0, high: float = 1.0) -> Tensor:
        """Draw ``n`` numbers from [low, high), on the device."""
        return (low + (high - low) * torch.rand(n, generator=self.generator)).to(self.device)

    def chance(self, probability: float) -> bool:
        """Return True with the given probability."""
        return self.uniform(0, 1) < probability

    def integer(self, n: int) -> int:
        """Draw one of 0 .. n - 1."""
        return int(torch.randint(n, (), generator=self.generator))

    def normal(self, *shape: int) -> Tensor:
        """Draw a tensor of standard normal numbers on the device."""
        if self.device.type == "cpu":
            return torch.randn(shape, generator=self.generator)
        # Large fields are drawn on the device, seeded from the CPU generator.
        seed = int(torch.randint(2**31, (), generator=self.generator))
        generator = torch.Generator(self.device).manual_seed(seed)
        return torch.randn(shape, generator=generator, device=self.device)

    def smooth(self, shape: tuple[int, ...], knots: int, channels: int = 1) -> Tensor:
        """Draw a smooth random field (channels, i, j, k) of about unit variance."""
        coarse = self.normal(1, channels, knots, knots, knots)
        fine = functional.interpolate(coarse, size=shape, mode="trilinear", align_corners=True)
        # Between knots, linear interpolation leaves 2/3 of the variance along each axis.
        field: Tensor = fine[0] * 1.5**1.5
        return field

    def place(self, mask: Tensor) -> tuple[int, ...] | None:
        """Draw one True voxel of a mask; None where there is none."""
        where = mask.flatten().nonzero()
        if not len(where):
            return None
        flat = int(where[self.integer(len(where))])
        return tuple(int(v) for v in torch.unravel_index(torch.tensor(flat), mask.shape))

    def ball(self, shape: torch.Size, centre: tuple[int, ...], radius: float) -> Tensor:
        """Return an uneven ball (bool, ``shape``) of about ``radius`` voxels."""
        axes = [
            torch.arange(n, device=self.device) - c for n, c in zip(shape, centre, strict=True)
        ]
        i, j, k = torch.meshgrid(*(a.float() for a in axes), indexing="ij")
        uneven = 1 + 0.16 * self.smooth(tuple(shape), 6)[0]
        return (i * i + j * j + k * k).sqrt() < radius * uneven
