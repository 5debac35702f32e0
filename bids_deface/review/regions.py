"""Where the regions of a result lie: their boxes as middle and radii, in millimetres."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from scipy import ndimage

from bids_deface.corrections_file import KEYS


def region_places(dseg: Path) -> dict[str, dict[str, list[float]]]:
    """Return middle and half extent of each feature's box.

    Parameters
    ----------
    dseg
        Label image; what is shared of the regions are boxes.

    Returns
    -------
    dict
        Feature to ``CentreMm`` and ``RadiiMm`` (world RAS, mm); absent features are left out.
    """
    image: Any = nib.load(dseg)
    boxes = ndimage.find_objects(np.asarray(image.dataobj).astype(np.uint8))
    places = {}
    for name, index in KEYS.items():
        box = boxes[index - 1] if index <= len(boxes) else None
        if box is None:
            continue
        first = np.array([side.start for side in box[:3]])
        last = np.array([side.stop - 1 for side in box[:3]])
        centre = image.affine @ [*(first + last) / 2, 1]
        # A box along turned axes reaches as far as the sum of its sides' shadows.
        radii = np.abs(image.affine[:3, :3]) @ ((last - first + 1) / 2)
        places[name] = {
            "CentreMm": [round(float(n), 1) for n in centre[:3]],
            "RadiiMm": [round(float(n), 1) for n in radii],
        }
    return places
