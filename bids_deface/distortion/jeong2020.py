"""Voxel rules of Jeong et al. 2020 (doi 10.2196/22739), for ``--protocol jeong2020``.

They are kept as published: in voxels, eyes, nose and ears only.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from bids_deface.distortion.noise import constant_air
from bids_deface.distortion.scene import Change, Scene, as_stored
from bids_deface.heights import footprint_of, skin_intensity, surface_height
from bids_deface.tissue import bounding_box

#: Half-thickness of the overwritten surface along each axis, voxels.
SURFACE_VOXELS = 2
#: Growth of the nose's bounding box.
NOSE_FACTOR = 2.0


def overwrite_eye_surface(scene: Scene, axis: int, sign: int, rng: np.random.Generator) -> Change:
    """Set voxels within 2 of the face surface, in the eye's box, to the skin's intensity."""
    del axis, sign, rng
    box = bounding_box(scene.region)
    height = surface_height(np.moveaxis(scene.head, 1, -1))
    surface = np.zeros_like(scene.region)
    i, k = np.nonzero(height >= 0)
    surface[i, height[i, k].astype(int), k] = True
    inside = np.zeros_like(surface)
    inside[box] = surface[box]
    cube = np.ones((2 * SURFACE_VOXELS + 1,) * 3, dtype=bool)
    mask = ndimage.binary_dilation(inside, structure=cube)
    around = footprint_of(np.moveaxis(scene.region, 1, -1))
    skin = skin_intensity(np.moveaxis(scene.data, 1, -1), height, around, 3.0)
    n = int(mask.sum())
    return Change(mask, np.full(n, as_stored(skin, scene.data.dtype)), np.zeros(n, dtype=bool))


def zero_nose_box(scene: Scene, axis: int, sign: int, rng: np.random.Generator) -> Change:
    """Set the nose's bounding box, doubled about its centre, to 0."""
    del axis, sign, rng
    mask = np.zeros_like(scene.region)
    mask[_grown(bounding_box(scene.region), scene.region.shape)] = True
    n = int(mask.sum())
    return Change(mask, np.zeros(n, dtype=scene.data.dtype), np.ones(n, dtype=bool))


def noise_auricle(scene: Scene, axis: int, sign: int, rng: np.random.Generator) -> Change:
    """Give each voxel of the auricle a random value within the range of this scan's air noise."""
    del axis, sign
    blank = constant_air(scene.far_air)
    air = scene.data[scene.air] if scene.air.any() else scene.far_air
    low, high = _noise_range(air) if blank is None else (float(blank), float(blank))
    values = as_stored(rng.uniform(low, high, int(scene.region.sum())), scene.data.dtype)
    return Change(scene.region, values, np.ones(values.shape, dtype=bool))


def _noise_range(air: NDArray[np.generic]) -> tuple[float, float]:
    """Return the range of the air noise, without the outliers that ghosts and wires make."""
    if not air.size:
        return 0.0, 0.0
    low, high = np.percentile(np.asarray(air, dtype=np.float64), (0.5, 99.5))
    return float(low), float(high)


def _grown(box: tuple[slice, ...], shape: tuple[int, ...]) -> tuple[slice, ...]:
    out = []
    for s, n in zip(box, shape, strict=True):
        extra = round((s.stop - s.start) * (NOSE_FACTOR - 1) / 2)
        out.append(slice(max(0, s.start - extra), min(n, s.stop + extra)))
    return tuple(out)
