"""Head and air around a feature, at the scan's own resolution, one box at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from bids_deface.frames import darkness_of
from bids_deface.resampling import interpolate
from bids_deface.tissue import dilate_mm
from bids_deface.volume import zooms_of

#: Air closer to the head than this holds partial volume and blurred edges, mm.
AIR_DISTANCE_MM = 5.0
#: The coarse head is trusted inside this distance of its surface, mm.
COARSE_MM = 4.0
#: Values of :attr:`Surroundings.depth`.
FAR, NEAR, DEEP = 0, 1, 2
#: Number of air values drawn from the whole image.
FAR_AIR = 20_000


@dataclass(frozen=True)
class Surroundings:
    """Tells head from air in any box of one image.

    Attributes
    ----------
    affine
        Voxel-to-world matrix of the scan, axes right, anterior, superior.
    image
        Intensities (i, j, k) that show the head's surface: the scan's own or a reference's.
    image_affine
        Voxel-to-world matrix of ``image``.
    threshold
        Intensity of the head's surface in ``image``.
    depth
        uint8, on a coarse grid: ``FAR`` from the head, ``NEAR`` its surface, ``DEEP`` inside.
    coarse_affine
        Voxel-to-world matrix of ``depth``.
    """

    affine: NDArray[np.float64]
    image: NDArray[Any]
    image_affine: NDArray[np.float64]
    threshold: float
    depth: NDArray[np.uint8]
    coarse_affine: NDArray[np.float64]

    @classmethod
    def of(
        cls,
        image: NDArray[Any],
        affine: NDArray[np.float64],
        coarse_head: NDArray[np.bool_],
        coarse_affine: NDArray[np.float64],
        threshold: float,
        image_affine: NDArray[np.float64] | None = None,
    ) -> Surroundings:
        """Prepare from the coarse head mask of the detector.

        Parameters
        ----------
        image
            Intensities that show the head's surface.
        affine
            Voxel-to-world matrix of the scan.
        coarse_head, coarse_affine
            Filled head mask and its grid.
        threshold
            Intensity of the head's surface.
        image_affine
            Voxel-to-world matrix of ``image``; None where it is the scan itself.
        """
        zooms = zooms_of(coarse_affine)
        # Padded by its edge, so that a head cut by the field of view is not eroded there.
        inner = np.pad(coarse_head, 3, mode="edge")
        core = ~dilate_mm(~inner, COARSE_MM, zooms)[3:-3, 3:-3, 3:-3]
        depth = np.where(dilate_mm(coarse_head, COARSE_MM, zooms), NEAR, FAR)
        depth[core] = DEEP
        there = affine if image_affine is None else image_affine
        return cls(affine, image, there, threshold, depth.astype(np.uint8), coarse_affine)

    @property
    def zooms(self) -> NDArray[np.float64]:
        """Voxel size in mm."""
        return zooms_of(self.affine)

    def intensities(self, box: tuple[slice, ...]) -> NDArray[np.float32]:
        """Return the image that shows the surface, in a box of the scan; dark where it ends."""
        if self.image_affine is self.affine:
            return self.image[box].astype(np.float32)
        matrix, offset, shape = self._from_box(box, self.image_affine)
        dark = darkness_of(self.image)
        out = interpolate(self.image, matrix, offset, shape, border="grid-constant", outside=dark)
        return np.asarray(np.nan_to_num(out, copy=False, nan=dark, posinf=dark, neginf=dark))

    def parts(
        self, box: tuple[slice, ...], features: NDArray[np.bool_]
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Part head from air in a box.

        Parameters
        ----------
        box
            Slices of the scan.
        features
            bool, detected features in the box; thin ones are lost in the coarse mask.

        Returns
        -------
        head
            bool, the filled head outline: coarse inside, thresholded at the surface.
        air
            bool, voxels that are surely air.
        """
        zooms, image, depth = self.zooms, self.intensities(box), self._depth(box)
        # Stored values may have an offset: bright is what lies far above darkness.
        dark = darkness_of(self.image)
        near = (depth != FAR) | (image > dark + 1.5 * (self.threshold - dark))
        near = dilate_mm(near, AIR_DISTANCE_MM - COARSE_MM, zooms)
        air = ~(near | dilate_mm(features, AIR_DISTANCE_MM, zooms))
        soft = ndimage.gaussian_filter(image, np.minimum(0.8, 0.6 / zooms), output=image)
        head = ((depth != FAR) | features) & (soft > self.threshold)
        return head | (depth == DEEP), air

    def far_air(self, data: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
        """Return stored values of air voxels anywhere in a frame (1D).

        Parameters
        ----------
        data
            Stored values of the whole frame (i, j, k).
        rng
            Random generator for the choice of voxels.
        """
        return self._air_of(data, self.affine, rng)

    def own_air(self, rng: np.random.Generator) -> NDArray[Any]:
        """Return intensities of air in the image that shows the surface (1D)."""
        return self._air_of(self.image, self.image_affine, rng)

    def _air_of(
        self, data: NDArray[Any], affine: NDArray[np.float64], rng: np.random.Generator
    ) -> NDArray[Any]:
        coarse = np.argwhere(self.depth == FAR)
        if not len(coarse):
            return data[:0, 0, 0]
        chosen = coarse[rng.integers(0, len(coarse), FAR_AIR)]
        to_scan = np.linalg.inv(affine) @ self.coarse_affine
        ijk = np.rint(chosen @ to_scan[:3, :3].T + to_scan[:3, 3]).astype(int)
        ijk = ijk[np.all((ijk >= 0) & (ijk < data.shape), axis=1)]
        values = data[tuple(ijk.T)]
        return np.asarray(values[np.isfinite(values)])

    def _depth(self, box: tuple[slice, ...]) -> NDArray[np.uint8]:
        """Look up ``depth`` in a box of the scan."""
        matrix, offset, shape = self._from_box(box, self.coarse_affine)
        return np.asarray(
            ndimage.affine_transform(
                self.depth, matrix, offset, shape, np.uint8, order=0, mode="nearest"
            )
        )

    def _from_box(
        self, box: tuple[slice, ...], affine: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], tuple[int, ...]]:
        """Return matrix and offset from the voxels of a box to those of a grid, and its shape."""
        matrix = np.linalg.inv(affine) @ self.affine
        offset = matrix[:3, :3] @ np.array([s.start for s in box]) + matrix[:3, 3]
        return matrix[:3, :3], offset, tuple(s.stop - s.start for s in box)
