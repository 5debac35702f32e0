"""Features of a table drawn in the scan's own grid, and all regions as labels to correct."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bids_deface.anatomy import BRAIN, CLASS_OF_LABEL, PRIORITY
from bids_deface.detection.extra_regions import ExtraRegions
from bids_deface.detection.painting import (
    CORE_PROBABILITY,
    boxes_of,
    grow_core,
    margin_steps,
    soften,
    to_scan,
)
from bids_deface.detection.sighting import Sighting
from bids_deface.tissue import dilate_mm
from bids_deface.volume import zooms_of


def paint_extras(
    dseg: NDArray[np.uint8],
    sighting: Sighting,
    extras: ExtraRegions,
    affine: NDArray[np.float64],
) -> None:
    """Draw the features of a table into a segmentation, with their margins.

    Where one meets a standard region, the likelier keeps the voxel; the brain keeps all of its.

    Parameters
    ----------
    dseg
        uint8 (i, j, k), standard regions in the scan's own grid; changed in place.
    sighting
        What was seen.
    extras
        What was found.
    affine
        Voxel-to-world matrix of the scan.
    """
    zooms, grid = zooms_of(affine), sighting.conformed.grid
    for feature in extras.table.features:
        prob = sighting.probseg[extras.table.classes.index(feature.name)]
        for index in feature.label:
            if index not in extras.found:
                continue
            soft, near = soften(extras.found[index], prob)
            pad = np.ceil(feature.margin_mm / zooms)
            source, box = boxes_of(near, grid, affine, dseg.shape, pad)
            if any(s.stop <= s.start for s in box):
                continue
            values = to_scan(soft, source, box, grid, affine)
            steps = margin_steps(zooms, feature.margin_mm)
            wide = dilate_mm(grow_core(values), feature.margin_mm, steps)
            drawn = dseg[box]
            sure = (values > CORE_PROBABILITY) & (drawn != BRAIN)
            drawn[(wide & (drawn == 0)) | sure] = index


def draw_labels(
    sighting: Sighting, extras: ExtraRegions, shape: tuple[int, ...], affine: NDArray[np.float64]
) -> NDArray[np.uint8]:
    """Draw what the network sees, without the margins of what is hidden: labels to correct.

    Parameters
    ----------
    sighting
        What was seen.
    extras
        What was found beside the standard regions.
    shape
        Of the scan.
    affine
        Its voxel-to-world matrix.

    Returns
    -------
    ndarray
        uint8 (i, j, k), label indices in the scan's own grid.
    """
    out = np.zeros(shape, dtype=np.uint8, order="F")
    best = np.full(shape, np.float32(CORE_PROBABILITY))
    classes = dict(CLASS_OF_LABEL)
    for feature in extras.table.features:
        classes |= dict.fromkeys(feature.label, extras.table.classes.index(feature.name))
    for index in (*PRIORITY, *extras.found):
        region = sighting.found.get(index) or extras.found.get(index)
        if region is None:
            continue
        soft, near = soften(region, sighting.probseg[classes[index]])
        source, box = boxes_of(near, sighting.conformed.grid, affine, shape, np.zeros(3))
        if any(s.stop <= s.start for s in box):
            continue
        values = to_scan(soft, source, box, sighting.conformed.grid, affine)
        better = values > best[box]
        out[box][better] = index
        best[box][better] = values[better]
    return out
