"""What tells where the features of an image are."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from bids_deface.detection.featuremap import FeatureMap


class FeatureSource(Protocol):
    """The detector, regions carried over from another image, or either with corrections."""

    @property
    def sha256(self) -> str:
        """Checksum of the weights behind the regions."""

    def detect(self, image: NDArray[Any], affine: NDArray[np.float64]) -> FeatureMap:
        """Return the features of one image whose axes run right, anterior, superior."""
