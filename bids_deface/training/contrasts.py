"""Random contrasts: what tissue looks like, made from one T1w head and its labels.

The classes of a head get random intensities, as in Billot et al. 2023 (SynthSeg,
doi 10.1016/j.media.2023.102789); the classes here are clusters of the head's own intensities.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from bids_deface.anatomy import BRAIN_CLASS, CLASSES
from bids_deface.training.artefacts import blur
from bids_deface.training.draw import Draw

#: Scaled T1w intensity below which a voxel is air, bone or another void.
VOID = 0.06
_KNOTS = 8


def vary_contrast(image: Tensor, draw: Draw) -> Tensor:
    """Change a real contrast a little: a random exponent."""
    return image.clamp(0, 1) ** math.exp(draw.uniform(-0.5, 0.5))


def synthesise_contrast(image: Tensor, classes: Tensor, draw: Draw) -> Tensor:
    """Give brain, eyes and the rest of the head new intensities, each by its own random map.

    Now and then the whole image, air too, is inverted instead.

    Parameters
    ----------
    image
        float32 (i, j, k) in [0, 1], T1w.
    classes
        int64 (i, j, k), same grid.
    draw
        Random numbers.
    """
    if draw.chance(0.06):
        return 1 - image
    kind = draw.integer(4)
    remap = (_curve, _monotone, _clusters, _clusters)[kind]
    out = remap(image, draw)
    brain = classes == BRAIN_CLASS
    out = torch.where(brain, remap(image, draw), out)
    if draw.chance(0.5):
        # Vitreous body and muscle are alike in T1w, but not in T2w: eyes get their own map.
        out = torch.where(classes == CLASSES.index("eyes"), remap(image, draw), out)
    if draw.chance(0.85):
        out = out * (image / VOID).clamp(0, 1)
    if remap is _clusters:
        # Class borders show partial volume.
        out = blur(out, draw.uniform(0.3, 1.0))
    mix = draw.uniform(0.6, 1.0)
    texture = 1 + draw.uniform(0, 0.08) * draw.normal(*image.shape)
    return ((mix * out + (1 - mix) * image) * texture).clamp_min(0)


def _curve(image: Tensor, draw: Draw) -> Tensor:
    """Map intensities through a random piecewise linear curve, up and down."""
    return interpolate(image, draw.uniforms(_KNOTS))


def _monotone(image: Tensor, draw: Draw) -> Tensor:
    """Map intensities through a random monotone curve; half of them inverted."""
    steps = draw.uniforms(_KNOTS) ** 2
    values = torch.cumsum(steps, 0) / steps.sum()
    return interpolate(image, values if draw.chance(0.5) else 1 - values)


def interpolate(image: Tensor, values: Tensor) -> Tensor:
    """Look intensities up in a table of knots."""
    # The square root spends more knots on dark tissue: muscle, fluid and air differ there.
    position = image.clamp(0, 1).sqrt() * (len(values) - 1)
    low = position.long().clamp(0, len(values) - 2)
    return torch.lerp(values[low], values[low + 1], position - low)


def _clusters(image: Tensor, draw: Draw) -> Tensor:
    """Part the intensities into 3 to 9 classes, each with its own mean and texture."""
    n = 3 + draw.integer(7)
    borders = draw.uniforms(n - 1).sort().values ** 1.5
    index = torch.bucketize(image, borders)
    means, spread = draw.uniforms(n), draw.uniforms(n, 0, 0.1)
    return means[index] + spread[index] * draw.normal(*image.shape)
