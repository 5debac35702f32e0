"""Head and air around a feature, at the scan's own resolution, one box at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from bids_deface.tissue import dilate_mm
from bids_deface.volume import zooms_of

#: Air closer to the head than this holds partial volume and blurred edges, mm.
AIR_DISTANCE_MM = 5.0
#: The coarse head is trusted inside this distance of its surface, mm.
COARSE_MM = 4.0
#: Number of air values drawn from the whole image.
FAR_AIR = 20_000


@dataclass(frozen=True)
class Surroundings:
    """Tells head from air in any box of one image.

    Attributes
    ----------
    image
        Intensities (i, j, k), axes right, anterior, superior.
    affine
        Voxel-to-world matrix of ``image``.
    threshold
        Intensity of the head's surface.
    core, reach
        Coarse head masks, eroded and dilated by ``COARSE_MM``.
    coarse_affine
        Voxel-to-world matrix of the coarse masks.
    """

    image: NDArray[np.float32]
    affine: NDArray[np.float64]
    threshold: float
    core: NDArray[np.bool_]
    reach: NDArray[np.bool_]
    coarse_affine: NDArray[np.float64]

    @classmethod
    def of(
        cls,
        image: NDArray[np.float32],
        affine: NDArray[np.float64],
        coarse_head: NDArray[np.bool_],
        coarse_affine: NDArray[np.float64],
        threshold: float,
    ) -> Surroundings:
        """Prepare from the coarse head mask of the detector."""
        zooms = zooms_of(coarse_affine)
        # Padded by its edge, so that a head cut by the field of view is not eroded there.
        inner = np.pad(coarse_head, 3, mode="edge")
        core = ~dilate_mm(~inner, COARSE_MM, zooms)[3:-3, 3:-3, 3:-3]
        reach = dilate_mm(coarse_head, COARSE_MM, zooms)
        return cls(image, affine, threshold, core, reach, coarse_affine)

    @property
    def zooms(self) -> NDArray[np.float64]:
        """Voxel size in mm."""
        return zooms_of(self.affine)

    def head(self, box: tuple[slice, ...], features: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return the filled head outline in a box: coarse inside, thresholded at the surface.

        Parameters
        ----------
        box
            Slices of the scan.
        features
            bool, detected features in the box; thin ones are lost in the coarse mask.
        """
        zooms = self.zooms
        soft = ndimage.gaussian_filter(self.image[box], np.minimum(0.8, 0.6 / zooms))
        near = self._coarse(self.reach, box) | features
        return np.asarray(self._coarse(self.core, box) | (near & (soft > self.threshold)))

    def air(self, box: tuple[slice, ...], features: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return the voxels of a box that are surely air; parameters as in :meth:`head`."""
        near = self._coarse(self.reach, box) | (self.image[box] > 1.5 * self.threshold)
        zooms = self.zooms
        near = dilate_mm(near, AIR_DISTANCE_MM - COARSE_MM, zooms)
        return ~(near | dilate_mm(features, AIR_DISTANCE_MM, zooms))

    def far_air(self, data: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
        """Return stored values of air voxels anywhere in a frame (1D).

        Parameters
        ----------
        data
            Stored values of the whole frame (i, j, k).
        rng
            Random generator for the choice of voxels.
        """
        coarse = np.argwhere(~self.reach)
        if not len(coarse):
            return data[:0, 0, 0]
        chosen = coarse[rng.integers(0, len(coarse), FAR_AIR)]
        to_scan = np.linalg.inv(self.affine) @ self.coarse_affine
        ijk = np.rint(chosen @ to_scan[:3, :3].T + to_scan[:3, 3]).astype(int)
        ijk = ijk[np.all((ijk >= 0) & (ijk < data.shape), axis=1)]
        values = data[tuple(ijk.T)]
        return np.asarray(values[np.isfinite(values)])

    def _coarse(self, mask: NDArray[np.bool_], box: tuple[slice, ...]) -> NDArray[np.bool_]:
        """Interpolate a coarse mask to a box of the scan."""
        matrix = np.linalg.inv(self.coarse_affine) @ self.affine
        start = np.array([s.start for s in box])
        offset = matrix[:3, :3] @ start + matrix[:3, 3]
        shape = tuple(s.stop - s.start for s in box)
        values = ndimage.affine_transform(
            mask.astype(np.float32), matrix[:3, :3], offset, shape, order=1, mode="nearest"
        )
        return np.asarray(values > 0.5)
