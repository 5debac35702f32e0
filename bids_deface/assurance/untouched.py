"""How much of a feature is as it was: for features that no calibrated limit is known of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bids_deface.feature_table import FeatureMethod, FeatureTable
from bids_deface.tissue import Box, InBox, largest_component, region_boxes

#: Depth of the skin that a feature shows, mm; at least one voxel.
SKIN_MM = 2.0


def untouched_ml(
    image: NDArray[Any],
    dseg: NDArray[np.uint8],
    zooms: NDArray[np.float64],
    changed: InBox,
    threshold: float,
    extras: FeatureTable,
) -> dict[int, float]:
    """Measure the tissue of each feature of a table that is as it was.

    Parameters
    ----------
    image
        Intensities before (i, j, k), axes right, anterior, superior, brighter = more signal.
    dseg
        Regions, same grid.
    zooms
        Voxel size in mm.
    changed
        Returns the changed voxels in a box of this grid.
    threshold
        Intensity of the head's surface.
    extras
        The features; of what becomes noise all tissue is measured, of the others the skin.

    Returns
    -------
    dict
        Label index to millilitres, for the regions that are there.
    """
    out: dict[int, float] = {}
    if not extras.features:
        return out
    boxes = region_boxes(dseg)
    for feature in extras.features:
        for index in feature.label:
            box = boxes.get(index)
            if box is None:
                continue
            kept = (dseg[box] == index) & (image[box] > threshold) & ~changed(box)
            if feature.method is not FeatureMethod.NOISE:
                axis, sign = feature.outward_of(index)
                kept &= _skin(image, box, threshold, axis, sign, float(zooms[axis]))
            out[index] = float(kept.sum() * np.prod(zooms) / 1000)
    return out


def doubts_of_untouched(left_ml: Mapping[int, float], extras: FeatureTable) -> tuple[str, ...]:
    """Return in words which features are left by more than their table allows.

    Parameters
    ----------
    left_ml
        As :func:`untouched_ml` returns it.
    extras
        The features that were to be hidden.
    """
    return tuple(
        f"{left_ml[row.index]:.1f} ml of the {row.name} are as they were"
        for feature in extras.features
        for row in feature.labels
        if left_ml.get(row.index, 0.0) > feature.left_ml
    )


def _skin(
    image: NDArray[Any], box: Box, threshold: float, axis: int, sign: int, zoom: float
) -> NDArray[np.bool_]:
    """Return the outermost tissue in a box, as seen along an axis from outside the image."""
    n, side = image.shape[axis], box[axis]
    ends = slice(side.start, n) if sign > 0 else slice(0, side.stop)
    head = largest_component(image[(*box[:axis], ends, *box[axis + 1 :])] > threshold)
    inwards = np.flip(head, axis) if sign > 0 else head
    seen = np.logical_or.accumulate(inwards, axis=axis)
    depth = np.cumsum(seen, axis=axis)
    skin = inwards & (depth <= max(1, round(SKIN_MM / zoom)))
    skin = np.flip(skin, axis) if sign > 0 else skin
    # Back to the box itself, which lies at the inner end of what was looked at.
    start = 0 if sign > 0 else skin.shape[axis] - (side.stop - side.start)
    own = slice(start, start + side.stop - side.start)
    return np.asarray(skin[(slice(None),) * axis + (own,)])
