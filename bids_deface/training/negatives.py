"""Heads without a face: skull-stripped brains and what other defacing tools leave."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from bids_deface.anatomy import BRAIN_CLASS, CLASSES
from bids_deface.training.draw import Draw

#: Share of a region that must be left for it to be labelled still.
LEAST_LEFT = 0.3
FACE = range(1, BRAIN_CLASS)


def take_face_away(image: Tensor, classes: Tensor, draw: Draw) -> tuple[Tensor, Tensor]:
    """Skull-strip, cut off all or half of the face, or cut single features out, at random."""
    kind = draw.integer(6)
    if kind < 2:
        gone = ~grow(classes == BRAIN_CLASS, draw.integer(4))
    elif kind == 2:
        gone = behind_plane(classes, draw.uniform(0, 1), draw.uniform(1, 6))
    elif kind == 3:
        gone = below_eyes(classes, draw.uniform(0.1, 0.6), draw.uniform(-2, 3))
    else:
        chosen = [c for c in FACE if draw.chance(0.7)] or [*FACE]
        gone = grow(
            torch.isin(classes, torch.tensor(chosen, device=classes.device)), 2 + draw.integer(4)
        )
        gone &= ~grow(classes == BRAIN_CLASS, 1)
    return remove(image, classes, gone, draw.uniform(0, 0.2) if draw.chance(0.2) else 0.0)


def behind_plane(classes: Tensor, tilt: float, margin: float) -> Tensor:
    """Return what lies beyond a plane before the brain, as quickshear and fsl_deface cut.

    Parameters
    ----------
    classes
        int64 (i, j, k).
    tilt
        0: the plane faces the eyes' direction from the brain; 1: the mouth's.
    margin
        Distance kept between plane and brain, voxels.
    """

    def facing(brain: Tensor, eyes: Tensor, mouth: Tensor) -> Tensor:
        return torch.lerp(unit(eyes - brain), unit(mouth - brain), tilt)

    return beyond_plane(classes, facing, "brain", margin)


def below_eyes(classes: Tensor, tilt: float, margin: float) -> Tensor:
    """Return what lies beyond a plane under the eyes, which leaves them and the nose's root.

    Parameters
    ----------
    classes
        int64 (i, j, k).
    tilt
        0: the plane faces down, from the eyes to the mouth; 1: forward, at a right angle to it.
    margin
        Distance kept between plane and eyes, voxels.
    """

    def facing(brain: Tensor, eyes: Tensor, mouth: Tensor) -> Tensor:
        down, forward = unit(mouth - eyes), eyes - brain
        return torch.lerp(down, unit(forward - (forward @ down) * down), tilt)

    gone = beyond_plane(classes, facing, "eyes", margin)
    return gone & ~grow(classes == BRAIN_CLASS, 1)


def beyond_plane(
    classes: Tensor, facing: Callable[[Tensor, Tensor, Tensor], Tensor], spared: str, margin: float
) -> Tensor:
    """Return what lies beyond a plane before a class; nothing where the pose is not known.

    Parameters
    ----------
    classes
        int64 (i, j, k).
    facing
        The plane's direction, from the middles of brain, eyes and mouth (voxels).
    spared
        Name of the class that the plane leaves.
    margin
        Distance kept between plane and class, voxels.
    """
    places = {
        name: (classes == CLASSES.index(name)).nonzero().float()
        for name in ("brain", "eyes", "mouth")
    }
    if not all(len(voxels) for voxels in places.values()):
        return torch.zeros_like(classes, dtype=torch.bool)
    normal = unit(facing(*(voxels.mean(0) for voxels in places.values())))
    axes = (torch.arange(n, device=classes.device).float() for n in classes.shape)
    i, j, k = torch.meshgrid(*axes, indexing="ij")
    height = normal[0] * i + normal[1] * j + normal[2] * k
    beyond: Tensor = height > float((places[spared] @ normal).max()) + margin
    return beyond


def unit(vector: Tensor) -> Tensor:
    """Return the vector with length 1."""
    out: Tensor = vector / vector.norm()
    return out


def remove(image: Tensor, classes: Tensor, gone: Tensor, fill: float) -> tuple[Tensor, Tensor]:
    """Fill ``gone`` and drop the label of each region of which little is left."""
    left = classes * ~gone
    before = torch.bincount(classes.flatten(), minlength=len(CLASSES))
    after = torch.bincount(left.flatten(), minlength=len(before))
    # The standard ones and those of a table, which come after the brain.
    for index in (*FACE, *range(BRAIN_CLASS + 1, len(before))):
        if after[index] < LEAST_LEFT * before[index]:
            left = torch.where(left == index, torch.zeros_like(left), left)
    return torch.where(gone, torch.full_like(image, fill), image), left


def grow(mask: Tensor, voxels: int) -> Tensor:
    """Dilate a mask by a box of ``2 voxels + 1``."""
    out = mask[None, None].float()
    for axis in range(3):
        size, pad = [1, 1, 1], [0, 0, 0]
        size[axis], pad[axis] = 2 * voxels + 1, voxels
        out = functional.max_pool3d(out, size, 1, pad)
    return out[0, 0] > 0
