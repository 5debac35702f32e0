"""The feature detector: one image in, labelled regions in the scan's own grid out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from bids_deface.anatomy import BRAIN
from bids_deface.detection.checksum import DEFAULT_WEIGHTS
from bids_deface.detection.grid import Grid, conform
from bids_deface.detection.inference import predict_array
from bids_deface.detection.orientation import find_upright
from bids_deface.detection.painting import paint
from bids_deface.detection.plausibility import RegionReport
from bids_deface.detection.sighting import Sighting
from bids_deface.detection.turns import Turn, turned
from bids_deface.detection.weights import LoadedNetwork, load_weights
from bids_deface.errors import DeviceError
from bids_deface.memory import give_back_memory


@dataclass(frozen=True)
class FeatureMap:
    """What the detector knows of one image.

    Attributes
    ----------
    dseg
        uint8 (i, j, k), labels of :mod:`bids_deface.anatomy` in the image's own grid, turned by
        ``turn``.
    regions
        One report for each facial region.
    brain_ml
        Volume of the brain.
    threshold
        Intensity of the image above which a voxel is head.
    head
        Filled head mask (2 mm).
    head_grid
        Grid of ``head``.
    turn
        4x4, from the world of the header to that in which the head is upright; see
        :func:`bids_deface.detection.turns.turned`.
    surface
        Image and affine, in the upright world, that show the head's surface where the image
        itself does not (phase, maps); None where it does.
    """

    dseg: NDArray[np.uint8]
    regions: tuple[RegionReport, ...]
    brain_ml: float
    threshold: float
    head: NDArray[np.bool_]
    head_grid: Grid
    turn: Turn
    surface: tuple[NDArray[np.float32], NDArray[np.float64]] | None = None


class FeatureDetector:
    """Finds eyes, nose, ears, mouth and brain in any head MR.

    Parameters
    ----------
    weights
        Weights file; its ``.sha256`` must lie beside it.
    device
        Torch device.
    num_threads
        CPU threads of the network; None leaves torch's own choice.
    """

    def __init__(
        self, weights: Path = DEFAULT_WEIGHTS, device: str = "cpu", num_threads: int | None = None
    ) -> None:
        if num_threads is not None:
            torch.set_num_threads(num_threads)
        self._loaded = _load_once(weights, device)

    @property
    def sha256(self) -> str:
        """Checksum of the weights."""
        return self._loaded.sha256

    def detect(self, image: NDArray[Any], affine: NDArray[np.float64]) -> FeatureMap:
        """Find the features of one image.

        Parameters
        ----------
        image
            Intensities (i, j, k), brighter = more signal.
        affine
            Voxel-to-world matrix (4x4, RAS+, mm).

        Raises
        ------
        NoHeadError
            There is no head with a plausible brain in the image.
        """
        turn, sighting = self.look(image, affine)
        if sighting.problem is not None:
            raise sighting.problem
        give_back_memory()
        image, affine = turned(image, affine, turn)
        return FeatureMap(
            dseg=paint(sighting, image, affine),
            regions=sighting.regions,
            brain_ml=sighting.found[BRAIN].volume_ml,
            threshold=sighting.outline.threshold,
            head=sighting.outline.mask,
            head_grid=sighting.conformed.grid,
            turn=turn,
        )

    def look(self, image: NDArray[Any], affine: NDArray[np.float64]) -> tuple[Turn, Sighting]:
        """Return what is seen on the detector's grid, and the turn in which it was seen.

        Parameters
        ----------
        image, affine
            As in :meth:`detect`.

        Raises
        ------
        NoHeadError
            The image is constant. Whatever else speaks against a head is told by the sighting.
        """
        return find_upright(partial(predict_array, self._loaded.network), conform(image, affine))


@lru_cache(maxsize=2)
def _load_once(weights: Path, device: str) -> LoadedNetwork:
    """Load the weights once per process."""
    try:
        return load_weights(weights, device)
    except (RuntimeError, AssertionError) as error:
        raise DeviceError(f"The device {device!r} is not available.") from error
