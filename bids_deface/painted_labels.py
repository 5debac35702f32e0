"""Label images that a person painted."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bids_deface.anatomy import BRAIN, LABELS
from bids_deface.containers.load import load_volume
from bids_deface.detection.corrections import PaintedLabels
from bids_deface.errors import CorrectionError


def load_labels(path: Path) -> PaintedLabels:
    """Load a label image.

    Raises
    ------
    DefaceError
        It cannot be read, or holds something else than labels.
    """
    volume = load_volume(path)
    if volume.n_frames != 1:
        raise CorrectionError(f"{path} is no label image: it has {volume.n_frames} frames.")
    values = volume.data.reshape(volume.data.shape[:3], order="F")
    values = values.astype(np.float64) * volume.slope + volume.inter
    known = f"The labels are {', '.join(f'{item.index} {item.name}' for item in LABELS)}."
    if not np.isin(values, range(BRAIN + 1)).all():
        raise CorrectionError(f"{path} holds values that are no labels.", known)
    dseg = values.astype(np.uint8)
    if not dseg.any():
        raise CorrectionError(f"{path} is empty: nothing was painted.", known)
    return PaintedLabels(dseg, volume.affine)
