"""The feature detector: one image in, labelled regions in the scan's own grid out."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from bids_deface.anatomy import BRAIN, BRAIN_CLASS, LABELS
from bids_deface.detection.checksum import DEFAULT_WEIGHTS
from bids_deface.detection.extra_painting import paint_extras
from bids_deface.detection.extra_regions import find_extras
from bids_deface.detection.featuremap import FeatureMap
from bids_deface.detection.grid import conform
from bids_deface.detection.inference import predict_array
from bids_deface.detection.orientation import find_upright
from bids_deface.detection.painting import paint
from bids_deface.detection.plausibility import RegionReport, Status
from bids_deface.detection.regions import find_regions
from bids_deface.detection.sighting import Sighting
from bids_deface.detection.turns import Turn, turned
from bids_deface.detection.weights import LoadedNetwork, load_weights
from bids_deface.errors import DeviceError, NoHeadError
from bids_deface.feature_table import FeatureTable
from bids_deface.memory import give_back_memory


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

    @property
    def table(self) -> FeatureTable:
        """Features that the weights know beside the standard ones."""
        return self._loaded.table

    def detect(self, image: NDArray[Any], affine: NDArray[np.float64]) -> FeatureMap:
        """Find the features of one image.

        Parameters
        ----------
        image
            Intensities (i, j, k), brighter = more signal.
        affine
            Voxel-to-world matrix (4x4, RAS+, mm).

        Returns
        -------
        FeatureMap
            Of a skull-stripped brain, too: all its facial regions are absent.

        Raises
        ------
        NoHeadError
            There is no head with a plausible brain in the image.
        """
        turn, sighting = self.look(image, affine)
        if sighting.is_bare_brain:
            sighting = _without_face(sighting)
        elif sighting.problem is not None:
            raise sighting.problem
        give_back_memory()
        image, affine = turned(image, affine, turn)
        extras, dseg = find_extras(sighting, self.table), paint(sighting, image, affine)
        paint_extras(dseg, sighting, extras, affine)
        return FeatureMap(
            dseg=dseg,
            regions=(*sighting.regions, *extras.reports),
            stripped=sighting.problem is not None,
            brain_ml=sighting.found[BRAIN].volume_ml,
            threshold=sighting.outline.threshold,
            head=sighting.outline.mask,
            head_grid=sighting.conformed.grid,
            turn=turn,
            seen=sighting.conformed,
            table=self.table,
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

    def find_brain(
        self, image: NDArray[Any], affine: NDArray[np.float64]
    ) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
        """Return the brain's probability on the detector's grid, and that grid's affine.

        Nothing else is looked at, and nothing is judged.

        Parameters
        ----------
        image, affine
            As in :meth:`detect`.

        Raises
        ------
        NoHeadError
            There is no brain.
        """
        conformed = conform(image, affine)
        probseg = predict_array(self._loaded.network, conformed.image)
        found = find_regions(probseg, conformed.grid)
        if BRAIN not in found:
            raise NoHeadError("no brain was found.")
        prob = np.where(found[BRAIN].mask, probseg[BRAIN_CLASS], np.float32(0))
        return prob, conformed.grid.affine


def _without_face(sighting: Sighting) -> Sighting:
    """Leave nothing but the brain: what else the network sees around it is not there."""
    absent = (RegionReport(label.index, Status.ABSENT, 0.0, 0.0) for label in LABELS)
    return replace(
        sighting,
        found={BRAIN: sighting.found[BRAIN]},
        regions=tuple(report for report in absent if report.index != BRAIN),
    )


@lru_cache(maxsize=2)
def _load_once(weights: Path, device: str) -> LoadedNetwork:
    """Load the weights once per process."""
    try:
        return load_weights(weights, device)
    except (RuntimeError, AssertionError) as error:
        raise DeviceError(f"The device {device!r} is not available.") from error
