"""Random shape: affine and smooth warps, and what the field of view leaves of a head."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from bids_deface.anatomy import BRAIN_CLASS, CLASSES
from bids_deface.training.draw import Draw


@dataclass(frozen=True)
class GeometryConfig:
    """Ranges of the random shape.

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
    """

    patch: tuple[int, int, int] = (96, 112, 112)
    rotation_deg: float = 40.0
    zoom: tuple[float, float] = (0.75, 1.2)
    shear: float = 0.08
    shift: float = 0.08
    warp_mm: float = 2.0
    flip: bool = True
    transpose: bool = False


def warp(
    image: Tensor, classes: Tensor, config: GeometryConfig, draw: Draw
) -> tuple[Tensor, Tensor]:
    """Resample head and labels under a random affine and smooth warp, to the patch size.

    Parameters
    ----------
    image, classes
        uint8 (i, j, k), 2 mm.
    config
        Ranges.
    draw
        Random numbers.

    Returns
    -------
    image
        float32 ``config.patch`` in [0, 1].
    classes
        int64 ``config.patch``.
    """
    matrix = _random_matrix(config, draw)
    patch = torch.tensor(config.patch, dtype=torch.float32)
    source = torch.tensor(image.shape, dtype=torch.float32)
    offset = torch.tensor([draw.uniform(-config.shift, config.shift) for _ in range(3)]) * patch
    # grid_sample wants (x, y, z) = (k, j, i) in [-1, 1]; matrices here are in (i, j, k) voxels.
    theta = torch.zeros(3, 4)
    theta[:, :3] = (matrix * patch[None, :] / source[:, None]).flip(0).flip(1)
    theta[:, 3] = (2 * offset / source).flip(0)
    grid = functional.affine_grid(theta[None], [1, 1, *config.patch], align_corners=False)
    grid = grid.to(image.device)
    if config.warp_mm:
        amplitude = draw.uniform(0, config.warp_mm)
        field = draw.smooth(config.patch, 4 + draw.integer(5), channels=3)
        per_mm = (1.0 / source).flip(0).to(image.device)  # 2 mm voxels: 1 mm is 1/size of [-1, 1]
        grid = grid + (amplitude * field.permute(1, 2, 3, 0) * per_mm)[None]
    moved = functional.grid_sample(
        image[None, None].float() / 255, grid, mode="bilinear", align_corners=False
    )
    labels = functional.grid_sample(
        classes[None, None].float(), grid, mode="nearest", align_corners=False
    )
    return moved[0, 0], labels[0, 0].round().long()


def _random_matrix(config: GeometryConfig, draw: Draw) -> Tensor:
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


def crop_field_of_view(image: Tensor, classes: Tensor, draw: Draw) -> tuple[Tensor, Tensor]:
    """Cut the field of view: anywhere, through a feature, or to a slab around the brain."""
    kind = draw.integer(3)
    if kind == 0:
        box = _cut_borders(image.shape, draw)
    elif kind == 1:
        box = _cut_feature(classes, draw)
    else:
        box = _cut_slab(classes, draw)
    keep = torch.zeros(image.shape, dtype=torch.bool, device=image.device)
    keep[tuple(slice(a, b) for a, b in box)] = True
    return torch.where(keep, image, torch.zeros_like(image)), classes * keep


def _cut_borders(shape: torch.Size, draw: Draw) -> list[list[int]]:
    """Cut up to a quarter off one or two borders."""
    box = [[0, n] for n in shape]
    for _ in range(1 + draw.integer(2)):
        axis, side = draw.integer(3), draw.integer(2)
        cut = int(draw.uniform(0.02, 0.25) * shape[axis])
        box[axis][side] += cut if side == 0 else -cut
    return box


def _cut_feature(classes: Tensor, draw: Draw) -> list[list[int]]:
    """Cut through (or just beyond) nose, chin, one ear or both, as a tight field of view does."""
    box = [[0, n] for n in classes.shape]
    feature = ("nose", "mouth", "ears", "ears")[draw.integer(4)]
    where = (classes == CLASSES.index(feature)).nonzero()
    if not len(where):
        return box
    low, high = where.amin(0).tolist(), where.amax(0).tolist()
    share = draw.uniform(-0.1, 1.1)
    if feature == "nose":
        box[1][1] = int(high[1] - share * (high[1] - low[1])) + 1
    elif feature == "mouth":
        box[2][0] = int(low[2] + share * (high[2] - low[2]))
    else:
        # Ears span the head from side to side: each is about 12 voxels deep.
        sides = ((0,), (1,), (0, 1))[draw.integer(3)]
        for side in sides:
            depth = int(12 * share)
            box[0][side] = low[0] + depth if side == 0 else high[0] + 1 - depth
    return [[max(0, a), max(a + 8, b)] for a, b in box]


def _cut_slab(classes: Tensor, draw: Draw) -> list[list[int]]:
    """Keep an axial slab of 50 to 130 mm that holds part of the brain."""
    box = [[0, n] for n in classes.shape]
    where = (classes == BRAIN_CLASS).flatten(0, 1).any(0).nonzero().flatten()
    if len(where):
        thickness = int(draw.uniform(25, 65))
        middle = int(where[draw.integer(len(where))])
        box[2] = [max(0, middle - thickness // 2), middle + thickness // 2 + 1]
    return box
