"""Regions carried over from another image of the same session."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bids_deface.anatomy import BRAIN, name_of
from bids_deface.detection.featuremap import FeatureMap
from bids_deface.detection.grid import Grid, conform, resample
from bids_deface.detection.outline import find_outline
from bids_deface.detection.plausibility import RegionReport, Status
from bids_deface.detection.turns import UPRIGHT, turned
from bids_deface.errors import ImageError

#: Share of the carried brain that must lie on head tissue, or the heads do not coincide.
LEAST_OVERLAP = 0.9


@dataclass(frozen=True)
class CarriedRegions:
    """Stands in for the detector: the regions are known from a reference image.

    Attributes
    ----------
    reference
        What the detector found in the reference.
    affine
        Voxel-to-world matrix of the reference's segmentation, in the reference's upright world.
    sha256
        Checksum of the weights that found it.
    """

    reference: FeatureMap
    affine: NDArray[np.float64]
    sha256: str

    def detect(self, image: NDArray[np.float32], affine: NDArray[np.float64]) -> FeatureMap:
        """Resample the reference's regions to another image through world coordinates.

        Parameters
        ----------
        image
            Intensities (i, j, k).
        affine
            Its voxel-to-world matrix.

        Raises
        ------
        ImageError
            The two heads do not lie in the same place.
        """
        # Images of one session share their header's world, and so its error.
        image, affine = turned(image, affine, self.reference.turn)
        conformed = conform(image, affine)
        outline = find_outline(conformed)
        grid = Grid((image.shape[0], image.shape[1], image.shape[2]), affine)
        dseg = resample(self.reference.dseg, self.affine, grid, order=0).round().astype(np.uint8)
        brain = resample(self.reference.dseg == BRAIN, self.affine, conformed.grid, order=0) > 0
        overlap = float(outline.mask[brain].mean()) if brain.any() else 0.0
        if overlap < LEAST_OVERLAP:
            raise ImageError(
                f"the reference's brain overlaps this head by {100 * overlap:.0f} % only.",
                "Images that share regions must be in the same position; deface it on its own.",
            )
        return replace(
            self.reference,
            regions=self._doubt_what_was_not_seen(grid),
            dseg=dseg,
            threshold=outline.threshold,
            head=outline.mask,
            head_grid=conformed.grid,
        )

    def _doubt_what_was_not_seen(self, grid: Grid) -> tuple[RegionReport, ...]:
        """Doubt what a turned reference says, and features not fully in it that may be here."""
        if not np.array_equal(self.reference.turn, UPRIGHT):
            # One header of the session is wrong, and this one may be wrong otherwise.
            reason = "the reference lies turned against its header; deface this scan on its own"
            return tuple(report.doubted(reason) for report in self.reference.regions)
        to_reference = np.linalg.inv(self.affine) @ grid.affine
        corners = np.array(np.meshgrid(*[(0, n - 1) for n in grid.shape])).reshape(3, -1)
        places = to_reference[:3, :3] @ corners + to_reference[:3, 3:4]
        size = np.array(self.reference.dseg.shape)[:, None]
        if np.all(places > -1) and np.all(places < size):
            return self.reference.regions
        return tuple(
            report
            if report.status is Status.FOUND
            else report.doubted(
                f"{name_of(report.index)} is not whole in the reference, "
                "and this scan shows more than it"
            )
            for report in self.reference.regions
        )
