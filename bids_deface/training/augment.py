"""Random heads for training: geometry, contrast, artefacts; torch on any device.

Each function takes and returns tensors of one sample (i, j, k) and a CPU ``torch.Generator``,
so that a run can be repeated and resumed on any device.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from bids_deface.anatomy import BRAIN_CLASS


@dataclass(frozen=True)
class AugmentConfig:
    """Ranges of the random changes; probabilities are per sample.

    Attributes
    ----------
    patch
        Size of a training sample on the 2 mm grid, in voxels.
    rotation_deg, zoom, shear, shift
        Affine ranges; ``shift`` is a fraction of the patch.
    warp_mm
        Greatest standard deviation of the smooth warp.
    flip
        Whether to mirror left and right.
    transpose
        Whether to permute the axes and mirror all of them (Jeong et al. 2020).
    noise
        Greatest standard deviation of the noise.
    contrast
        Probability of a synthetic contrast.
    artefact
        Probability of each kind of artefact (bias, thick slices, cropped field of view).
    negative
        Probability of a skull-stripped or already defaced head.
    """

    patch: tuple[int, int, int] = (96, 112, 112)
    rotation_deg: float = 20.0
    zoom: tuple[float, float] = (0.8, 1.15)
    shear: float = 0.08
    shift: float = 0.08
    warp_mm: float = 3.0
    flip: bool = True
    transpose: bool = False
    noise: float = 0.06
    contrast: float = 0.6
    artefact: float = 0.3
    negative: float = 0.06


class Draw:
    """Random numbers from one generator, with the few shapes the augmentation needs."""

    def __init__(self, generator: torch.Generator, device: torch.device) -> None:
        self.generator = generator
        self.device = device

    def uniform(self, low: float, high: float) -> float:
        """Draw one number from [low, high)."""
        return low + (high - low) * float(torch.rand((), generator=self.generator))

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
        return functional.interpolate(coarse, size=shape, mode="trilinear", align_corners=True)[0]


def augment(
    image: Tensor, classes: Tensor, config: AugmentConfig, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Make one random training sample.

    Parameters
    ----------
    image
        uint8 (i, j, k) on the 2 mm grid, on the training device.
    classes
        uint8 (i, j, k), same grid.
    config
        Ranges.
    generator
        CPU random generator of this sample.

    Returns
    -------
    image
        float32 ``config.patch`` in [0, 1].
    classes
        int64 ``config.patch``.
    """
    draw = Draw(generator, image.device)
    sample, labels = warp(image, classes, config, draw)
    if draw.chance(config.negative):
        sample, labels = take_face_away(sample, labels, draw)
    if draw.chance(config.contrast):
        sample = synthesise_contrast(sample, labels, draw)
    elif config.contrast:
        sample = sample.clamp(0, 1) ** math.exp(draw.uniform(-0.5, 0.5))
    if draw.chance(config.artefact):
        sample = sample * torch.exp(0.35 * draw.smooth(sample.shape, 4)[0])
    if draw.chance(config.artefact):
        sample = thick_slices(sample, draw)
    if config.noise:
        sample = add_noise(sample, draw.uniform(0, config.noise), draw)
    if draw.chance(config.artefact / 4):
        sample = noisy_air(sample, draw)
    if draw.chance(config.artefact):
        sample, labels = crop_field_of_view(sample, labels, draw)
    return scale(sample), labels


def warp(
    image: Tensor, classes: Tensor, config: AugmentConfig, draw: Draw
) -> tuple[Tensor, Tensor]:
    """Resample head and labels under a random affine and smooth warp, to the patch size."""
    matrix = _random_matrix(config, draw)
    patch = torch.tensor(config.patch, dtype=torch.float32)
    source = torch.tensor(image.shape, dtype=torch.float32)
    offset = torch.tensor([draw.uniform(-config.shift, config.shift) for _ in range(3)]) * patch
    # grid_sample wants (x, y, z) = (k, j, i) in [-1, 1]; matrices here are in (i, j, k) voxels.
    scale_in, scale_out = patch / source, 1 / source
    theta = torch.zeros(3, 4)
    theta[:, :3] = (scale_out[:, None] * matrix * patch[None, :]).flip(0).flip(1)
    theta[:, 3] = (2 * offset * scale_in / patch).flip(0)
    grid = functional.affine_grid(theta[None], [1, 1, *config.patch], align_corners=False)
    grid = grid.to(image.device)
    if config.warp_mm:
        amplitude = draw.uniform(0, config.warp_mm)
        field = draw.smooth(config.patch, 4 + draw.integer(4), channels=3)
        per_mm = (1.0 / source).flip(0).to(image.device)  # 2 mm voxels: 1 mm is 1/size of [-1, 1]
        grid = grid + (amplitude * field.permute(1, 2, 3, 0) * per_mm)[None]
    moved = functional.grid_sample(
        image[None, None].float() / 255, grid, mode="bilinear", align_corners=False
    )
    labels = functional.grid_sample(
        classes[None, None].float(), grid, mode="nearest", align_corners=False
    )
    return moved[0, 0], labels[0, 0].round().long()


def _random_matrix(config: AugmentConfig, draw: Draw) -> Tensor:
    """Draw a 3x3 matrix: rotation, zoom, shear, mirror, permutation; (i, j, k) order."""
    angle = math.radians(config.rotation_deg)
    matrix = torch.eye(3)
    for axis in range(3):
        a = draw.uniform(-angle, angle)
        turn = torch.eye(3)
        p, q = [n for n in range(3) if n != axis]
        turn[p, p] = turn[q, q] = math.cos(a)
        turn[p, q], turn[q, p] = -math.sin(a), math.sin(a)
        matrix = matrix @ turn
    zoom = draw.uniform(*config.zoom)
    zooms = torch.tensor([zoom * draw.uniform(0.95, 1.05) for _ in range(3)])
    shear = torch.eye(3)
    for p, q in itertools.permutations(range(3), 2):
        shear[p, q] = draw.uniform(-config.shear, config.shear)
    matrix = matrix @ shear @ torch.diag(1 / zooms)
    if config.flip and draw.chance(0.5):
        matrix = torch.diag(torch.tensor([-1.0, 1.0, 1.0])) @ matrix
    if config.transpose:
        order = list(itertools.permutations(range(3)))[draw.integer(6)]
        signs = torch.tensor([1.0 if draw.chance(0.5) else -1.0 for _ in range(3)])
        matrix = matrix @ (torch.eye(3)[list(order)] * signs)
    return matrix


def synthesise_contrast(image: Tensor, classes: Tensor, draw: Draw) -> Tensor:
    """Give brain and the rest of the head new intensities by random, non-monotone curves."""
    brain = classes == BRAIN_CLASS
    keep_air = draw.chance(0.9)
    out = torch.where(brain, _curve(image, draw, False), _curve(image, draw, keep_air))
    texture = 1 + draw.uniform(0, 0.08) * draw.normal(*image.shape)
    mix = draw.uniform(0.5, 1.0)
    return ((mix * out + (1 - mix) * image) * texture).clamp_min(0)


def _curve(image: Tensor, draw: Draw, keep_air: bool) -> Tensor:
    """Map intensities through a random piecewise linear curve with 8 knots."""
    knots = 8
    # The square root spends more knots on dark tissue: muscle, fluid and air differ there.
    position = image.clamp(0, 1).sqrt() * (knots - 1)
    values = torch.tensor([draw.uniform(0, 1) for _ in range(knots)])
    if keep_air:
        values[:2] = torch.tensor([0.0, draw.uniform(0, 0.1)])
    values = values.to(image.device)
    low = position.long().clamp(0, knots - 2)
    return torch.lerp(values[low], values[low + 1], position - low)


def take_face_away(image: Tensor, classes: Tensor, draw: Draw) -> tuple[Tensor, Tensor]:
    """Make a negative: a skull-stripped brain, or a head whose features are cut off."""
    brain = classes == BRAIN_CLASS
    if draw.chance(0.5):
        return torch.where(brain, image, torch.zeros_like(image)), classes * brain
    near = functional.max_pool3d(((classes > 0) & ~brain)[None, None].float(), 7, 1, 3)[0, 0] > 0
    return torch.where(near & ~brain, torch.zeros_like(image), image), classes * brain


def thick_slices(image: Tensor, draw: Draw) -> Tensor:
    """Average along one axis to slices of 2 to 7 mm, and interpolate back."""
    axis = draw.integer(3)
    size = list(image.shape)
    size[axis] = max(8, round(size[axis] / draw.uniform(1.2, 3.5)))
    thin = functional.interpolate(image[None, None], size=size, mode="area")
    return functional.interpolate(thin, size=image.shape, mode="trilinear")[0, 0]


def add_noise(image: Tensor, sigma: float, draw: Draw) -> Tensor:
    """Add Rician noise (magnitude of a complex signal with Gaussian noise)."""
    real = image + sigma * draw.normal(*image.shape)
    return torch.hypot(real, sigma * draw.normal(*image.shape))


def noisy_air(image: Tensor, draw: Draw) -> Tensor:
    """Fill the air with salt and pepper, as in MP2RAGE UNIT1 images."""
    noise = draw.normal(*image.shape).abs().clamp(0, 1)
    return torch.where(image < 0.08, noise, image)


def crop_field_of_view(image: Tensor, classes: Tensor, draw: Draw) -> tuple[Tensor, Tensor]:
    """Cut up to a fifth off one or two borders (nose, ears or chin outside)."""
    keep = torch.zeros(image.shape, dtype=torch.bool, device=image.device)
    slices = [slice(0, n) for n in image.shape]
    for _ in range(1 + draw.integer(2)):
        axis, cut = draw.integer(3), draw.uniform(0.02, 0.25)
        n = image.shape[axis]
        slices[axis] = slice(int(cut * n), n) if draw.chance(0.5) else slice(0, n - int(cut * n))
    keep[tuple(slices)] = True
    return torch.where(keep, image, torch.zeros_like(image)), classes * keep


def scale(image: Tensor) -> Tensor:
    """Scale by robust percentiles, as :func:`bids_deface.detection.grid.conform`."""
    few = image.flatten()[::23].float()
    low, high = torch.quantile(few, torch.tensor([0.01, 0.995], device=image.device)).tolist()
    scaled: Tensor = ((image - low) / max(high - low, 1e-6)).clamp(0, 1)
    return scaled
