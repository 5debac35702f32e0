"""Random artefacts of the scanner: bias, noise, slices, ghosts, dropouts."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from bids_deface.training.draw import Draw


def bias_field(image: Tensor, draw: Draw, strength: float = 0.2) -> Tensor:
    """Shade the image smoothly, as a receive coil does."""
    return image * torch.exp(strength * draw.smooth(image.shape, 3 + draw.integer(3))[0])


def saturate(image: Tensor, near: Tensor, draw: Draw) -> Tensor:
    """Dim what lies around a random voxel of ``near``, as a saturation band or a far coil does."""
    centre = draw.place(near)
    if centre is None:
        return image
    axes = [
        torch.arange(n, device=image.device) - c for n, c in zip(image.shape, centre, strict=True)
    ]
    i, j, k = torch.meshgrid(*(a.float() for a in axes), indexing="ij")
    reach = draw.uniform(8, 35)
    fall = torch.exp(-(((i * i + j * j + k * k) / (2 * reach * reach)) ** 2))
    return image * (1 - draw.uniform(0.3, 0.95) * fall)


def thick_slices(image: Tensor, axis: int, thickness_mm: float) -> Tensor:
    """Average along one axis to slices of ``thickness_mm``, and interpolate back to 2 mm."""
    size = list(image.shape)
    size[axis] = max(8, round(size[axis] * 2.0 / thickness_mm))
    thin = functional.interpolate(image[None, None], size=size, mode="area")
    return functional.interpolate(thin, size=image.shape, mode="trilinear")[0, 0]


def blur(image: Tensor, share: float) -> Tensor:
    """Blend with the 3x3x3 mean: up to the blur of 4 mm voxels or of motion."""
    mean = functional.avg_pool3d(image[None, None], 3, 1, 1)[0, 0]
    return torch.lerp(image, mean, share)


def add_noise(image: Tensor, sigma: float, draw: Draw) -> Tensor:
    """Add Rician noise (magnitude of a complex signal with Gaussian noise)."""
    real = image + sigma * draw.normal(*image.shape)
    return torch.hypot(real, sigma * draw.normal(*image.shape))


def noisy_air(image: Tensor, void: Tensor, draw: Draw) -> Tensor:
    """Fill voids with salt and pepper, as in MP2RAGE UNIT1 images: any value is as likely."""
    noise = 0.5 + draw.uniform(0.2, 0.6) * draw.normal(*image.shape)
    return torch.where(void, noise.clamp(0, 1), image)


def grainy_air(image: Tensor, void: Tensor, draw: Draw) -> Tensor:
    """Fill voids with noise of larger voxels: of any value, or black and white."""
    share = draw.uniform(0.45, 1.0)
    shape = tuple(round(share * n) for n in image.shape)
    noise = draw.normal(*shape)
    if draw.chance(0.5):
        noise = draw.uniform(0.7, 1.4) * (noise > 0)
    else:
        noise = (0.5 + draw.uniform(0.2, 0.6) * noise).clamp(0, 1)
    finer = functional.interpolate(noise[None, None], size=image.shape, mode="trilinear")[0, 0]
    return torch.where(void, finer, image)


def ghosts(image: Tensor, axis: int, n: int, strength: float) -> Tensor:
    """Add shifted copies along the phase-encoding axis, as motion and flow do."""
    shifts = [round(k * image.shape[axis] / n) for k in range(1, n)]
    echoes = sum((torch.roll(image, s, axis) for s in shifts), torch.zeros_like(image))
    return image + strength * echoes / max(1, n - 1)


def blobs(image: Tensor, inside: Tensor, draw: Draw) -> Tensor:
    """Put one to three lesions or metal dropouts (dark, sometimes bright) inside a mask."""
    for _ in range(1 + draw.integer(3)):
        centre = draw.place(inside)
        if centre is None:
            break
        value = draw.uniform(0, 1) if draw.chance(0.5) else 0.0
        ball = draw.ball(image.shape, centre, draw.uniform(1.5, 8))
        image = torch.where(ball, value * torch.ones_like(image), image)
    return image
