"""Random heads for training: shape, contrast, artefacts; torch on any device.

Each function takes and returns tensors of one sample (i, j, k), so that a run can be repeated
and resumed on the device where it began.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from bids_deface.anatomy import BRAIN_CLASS
from bids_deface.training import artefacts
from bids_deface.training.contrasts import VOID, synthesise_contrast, vary_contrast
from bids_deface.training.draw import Draw
from bids_deface.training.geometry import GeometryConfig, crop_field_of_view, warp
from bids_deface.training.negatives import take_face_away


@dataclass(frozen=True)
class AugmentConfig:
    """Ranges of the random changes; probabilities are per sample.

    Attributes
    ----------
    geometry
        Shape.
    contrast
        Probability of a synthetic contrast.
    artefact
        Probability of thick slices, of blur and of a dim face; bias is twice as likely, noisy air
        three quarters, ghosts and blobs half.
    crop
        Probability of a cut field of view.
    negative
        Probability of a skull-stripped or already defaced head.
    noise
        Greatest standard deviation of the noise; 1 is the brightest tissue.
    """

    geometry: GeometryConfig = field(default_factory=GeometryConfig)
    contrast: float = 0.5
    artefact: float = 0.2
    crop: float = 0.25
    negative: float = 0.25
    noise: float = 0.15


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
        float32 ``config.geometry.patch`` in [0, 1].
    classes
        int64 ``config.geometry.patch``.
    """
    draw = Draw(generator, image.device)
    sample, labels = warp(image, classes, config.geometry, draw)
    void, tissue = sample < VOID, sample > 2 * VOID
    if draw.chance(config.contrast):
        sample = synthesise_contrast(sample, labels, draw)
    elif config.contrast:
        sample = vary_contrast(sample, draw)
    if draw.chance(config.negative):
        sample, labels = take_face_away(sample, labels, draw)
        tissue &= sample > 0
    if draw.chance(config.artefact):
        sample = artefacts.saturate(sample, (labels > 0) & (labels != BRAIN_CLASS), draw)
    sample = _spoil(sample, void, tissue, config, draw)
    if draw.chance(config.crop):
        sample, labels = crop_field_of_view(sample, labels, draw)
    return scale(sample), labels


def _spoil(
    sample: Tensor, void: Tensor, tissue: Tensor, config: AugmentConfig, draw: Draw
) -> Tensor:
    """Apply artefacts in the order in which they arise: object, coil, sampling, noise."""
    p = config.artefact
    if draw.chance(p / 2):
        sample = artefacts.blobs(sample, tissue, draw)
    if draw.chance(2 * p):
        sample = artefacts.bias_field(sample, draw)
    if draw.chance(p / 2):
        n, strength = 2 + draw.integer(3), draw.uniform(0.05, 0.35)
        sample = artefacts.ghosts(sample, draw.integer(3), n, strength)
    if draw.chance(p):
        sample = artefacts.thick_slices(sample, draw.integer(3), draw.uniform(2.5, 7))
    if draw.chance(p):
        sample = artefacts.blur(sample, draw.uniform(0.2, 1))
    if config.noise:
        # Squared: most scans have little noise, few have much.
        sample = artefacts.add_noise(sample, config.noise * draw.uniform(0, 1) ** 2, draw)
    if draw.chance(0.75 * p):
        fill = artefacts.noisy_air if draw.chance(0.5) else artefacts.grainy_air
        sample = fill(sample, void, draw)
    return sample


def scale(image: Tensor) -> Tensor:
    """Scale by robust percentiles, as :func:`bids_deface.detection.grid.conform`."""
    few = image.flatten()[::23].float()
    low, high = torch.quantile(few, torch.tensor([0.01, 0.995], device=image.device)).tolist()
    scaled: Tensor = ((image - low) / max(high - low, 1e-6)).clamp(0, 1)
    return scaled
