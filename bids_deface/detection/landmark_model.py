"""What was learned of where landmarks lie: the numbers of ``landmarks.toml``."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np

from bids_deface.anatomy import BRAIN
from bids_deface.detection.face_frame import FaceFrame, Points

NAMES: Final = ("NAS", "LPA", "RPA")
MODEL: Final = Path(__file__).with_name("landmarks.toml")


@dataclass(frozen=True)
class Relief:
    """How the skin's relief around a place moves a landmark; see :class:`LandmarkModel`."""

    mean: Points
    always: Points
    slope: Points

    def shift(self, heights: Points) -> Points:
        """Return by how much (3,) heights of the skin (n,) move a landmark."""
        return np.asarray(self.always + (heights - self.mean) @ self.slope)


@dataclass(frozen=True)
class LandmarkModel:
    """What was learned of landmarks; all in the frame, mm.

    Attributes
    ----------
    shape
        Centroid of each region of the average face, by label index.
    places
        The landmarks of the average face (3, 3), in the order of :data:`NAMES`.
    by_regions
        How far landmarks lie from there for each millimetre of a region's centroid (21, 9).
    nasion, auricle
        Relief of the skin on average (n,), and how far a landmark moves: always (3,), and for
        each millimetre of relief (n, 3). That of the auricle is the right one's.
    """

    shape: Mapping[int, Points]
    places: Points
    by_regions: Points
    nasion: Relief
    auricle: Relief

    def coarse(self, frame: FaceFrame) -> Points:
        """Return the landmarks (3, 3) as the regions tell them; a missing region says nothing."""
        moved = [frame.regions.get(index, middle) - middle for index, middle in self.shape.items()]
        return self.places + (np.array(moved).ravel() @ self.by_regions).reshape(3, 3)


@lru_cache(maxsize=1)
def load_model(path: Path = MODEL) -> LandmarkModel:
    """Load what was learned."""
    content = tomllib.loads(path.read_text(encoding="utf-8"))

    def relief(name: str) -> Relief:
        return Relief(*(np.array(content[name][key]) for key in ("mean", "always", "slope")))

    shape = {index: np.array(content["shape"][str(index)]) for index in range(1, BRAIN + 1)}
    return LandmarkModel(
        shape,
        np.array(content["places"]),
        np.array(content["by_regions"]),
        relief("nasion"),
        relief("auricle"),
    )
