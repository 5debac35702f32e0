"""The population-average head that ships with the package, and random heads made from it.

The average is nobody's face (see the model card). Each random head is a different smooth warp
and contrast of it: for tests, for the demo dataset, for trying things out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from bids_deface.anatomy import BRAIN
from bids_deface.containers.load import load_volume
from bids_deface.volume import canonical_view

DATA_DIR = Path(__file__).parent / "data"
#: Tissue curve of each contrast: intensity of the average (T1w) to intensity, outside the brain.
CONTRASTS: Final[Mapping[str, tuple[tuple[float, ...], tuple[float, ...]]]] = MappingProxyType(
    {
        "T1w": ((0.0, 0.25, 0.5, 0.75, 1.0), (0.0, 0.25, 0.5, 0.75, 1.0)),
        "T2w": ((0.0, 0.55, 0.5, 0.4, 0.6), (1.0, 1.0, 0.6, 0.4, 0.3)),
        "FLAIR": ((0.0, 0.35, 0.55, 0.5, 0.75), (0.1, 0.2, 0.75, 0.55, 0.4)),
    }
)


@dataclass(frozen=True)
class SyntheticHead:
    """A made-up head.

    Attributes
    ----------
    data
        int16 (i, j, k), axes right, anterior, superior; air with Rician noise.
    dseg
        uint8, labels of :mod:`bids_deface.anatomy` on the same grid.
    affine
        Voxel-to-world matrix (4x4, RAS+, mm).
    """

    data: NDArray[np.int16]
    dseg: NDArray[np.uint8]
    affine: NDArray[np.float64]


@lru_cache(maxsize=1)
def average_head() -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.float64]]:
    """Return intensities (0..255), labels and affine of the population average, RAS+."""
    image = load_volume(DATA_DIR / "average_head.nii.gz")
    dseg = load_volume(DATA_DIR / "average_head_dseg.nii.gz")
    upright = [np.ascontiguousarray(canonical_view(v.data, v.affine)) for v in (image, dseg)]
    return upright[0], upright[1], image.affine


def synthetic_head(
    rng: np.random.Generator,
    *,
    contrast: str = "T1w",
    warp_mm: float = 3.0,
    zoom: float = 1.0,
    noise: float = 12.0,
    shape_rng: np.random.Generator | None = None,
) -> SyntheticHead:
    """Make a random head from the population average.

    Parameters
    ----------
    rng
        Random generator of the noise (and of the shape unless ``shape_rng`` is given).
    contrast
        ``T1w``, ``T2w`` or ``FLAIR``.
    warp_mm
        Standard deviation of the smooth warp.
    zoom
        Coarser voxels by this factor (2 gives 3 mm voxels).
    noise
        Standard deviation of the noise; white matter is at about 700.
    shape_rng
        Random generator of the shape: the same state gives the same person.
    """
    image, dseg, affine = average_head()
    shape_rng = shape_rng or rng
    shape = tuple(int(np.ceil(n / zoom)) for n in image.shape)
    spacing = float(affine[0, 0])
    knots = shape_rng.normal(0, warp_mm / spacing, size=(3, 5, 5, 5))
    places = np.indices(shape, dtype=np.float32) * np.float32(zoom)
    for axis in range(3):
        factors = [n / 5 for n in shape]
        field = ndimage.zoom(knots[axis], factors, order=3, grid_mode=True, mode="nearest")
        places[axis] += field[tuple(slice(n) for n in shape)].astype(np.float32)
    moved = ndimage.map_coordinates(image, places, np.float32, order=1) / np.float32(255)
    labels = ndimage.map_coordinates(dseg, places, np.uint8, order=0)
    signal = 800 * _contrast(moved, labels == BRAIN, contrast)
    real, imaginary = rng.normal(0, noise, size=(2, *shape)).astype(np.float32)
    data = np.hypot(signal + real, imaginary).round().astype(np.int16)
    grown = affine.copy()
    grown[:3, :3] *= zoom
    return SyntheticHead(data, labels, grown)


def _contrast(
    image: NDArray[np.float32], brain: NDArray[np.bool_], name: str
) -> NDArray[np.float32]:
    """Map T1w intensities through the curves of a contrast, inside and outside the brain."""
    outside, inside = CONTRASTS[name]
    knots = np.linspace(0, 1, 5)
    mapped: NDArray[Any] = np.where(
        brain, np.interp(image, knots, inside), np.interp(image, knots, outside)
    )
    return mapped.astype(np.float32)
