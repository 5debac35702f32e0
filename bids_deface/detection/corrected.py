"""Features as a reviewer corrected them: stands in for whatever else tells where features are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bids_deface.detection.corrections import Correction, correct
from bids_deface.detection.featuremap import FeatureMap
from bids_deface.detection.source import FeatureSource
from bids_deface.detection.turns import turned


@dataclass(frozen=True)
class CorrectedFeatures:
    """Stands in for the detector: what it finds, with a reviewer's corrections.

    Attributes
    ----------
    source
        The detector, or whatever else tells where the features are.
    correction
        What the reviewer says.
    """

    source: FeatureSource
    correction: Correction

    @property
    def sha256(self) -> str:
        """Checksum of the weights behind the regions."""
        return self.source.sha256

    def detect(self, image: NDArray[Any], affine: NDArray[np.float64]) -> FeatureMap:
        """Return the corrected features of an image.

        Parameters
        ----------
        image
            Intensities (i, j, k), axes right, anterior, superior as the header says.
        affine
            Its voxel-to-world matrix.

        Raises
        ------
        ImageError
            The source finds no head, or a correction does not fit the image.
        """
        features = self.source.detect(image, affine)
        _, upright = turned(image, affine, features.turn)
        return correct(features, self.correction, np.linalg.inv(features.turn) @ upright)


def with_correction(source: FeatureSource, correction: Correction | None) -> FeatureSource:
    """Return a source of features that heeds a correction, if there is one."""
    return source if correction is None else CorrectedFeatures(source, correction)
