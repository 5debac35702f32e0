"""A detector that knows chins, without training: the shipped one, and what geometry says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from bids_deface.anatomy import CLASSES
from bids_deface.detection.detector import FeatureDetector
from bids_deface.detection.grid import resample_labels
from bids_deface.feature_check import table_from
from bids_deface.feature_table import FeatureTable
from bids_deface.population import SyntheticHead
from tests.conftest import ROOT

CHIN = {"label": 8, "color": "#e69f00", "offset_mm": [[0.0, 99.5, -120.9]]}
TABLE = table_from({"chin": CHIN})


def example():
    """The example of the tutorial as a module."""
    import importlib.util

    path = Path(ROOT / "examples" / "label_chins.py")
    spec = importlib.util.spec_from_file_location("label_chins", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class ChinDetector(FeatureDetector):
    """Sees what the shipped detector sees, and in addition a mask as the table's first class."""

    def __init__(self, head: SyntheticHead, mask: np.ndarray, table: FeatureTable = TABLE) -> None:
        super().__init__()
        self._loaded = replace(self._loaded, table=table)
        self.mask, self.affine_of_mask = mask.astype(np.uint8), head.affine

    def look(self, image, affine):
        turn, sighting = super().look(image, affine)
        here = resample_labels(self.mask, self.affine_of_mask, sighting.conformed.grid) > 0
        probseg = np.concatenate([sighting.probseg, np.zeros_like(sighting.probseg[:1])])
        probseg[:, here] = 0.0
        probseg[len(CLASSES), here] = 1.0
        return turn, replace(sighting, probseg=probseg)
