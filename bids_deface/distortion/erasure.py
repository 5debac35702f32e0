"""Erase what hangs in the air."""

from __future__ import annotations

import numpy as np

from bids_deface.distortion.noise import fill_with_air
from bids_deface.distortion.scene import Change, Scene
from bids_deface.tissue import dilate_mm

#: Blurred edge of what is erased, mm.
EDGE_MM = 3.0


def erase(scene: Scene, rng: np.random.Generator) -> Change:
    """Replace a region in the air, with its blurred edge, by the air noise of the scan.

    Parameters
    ----------
    scene
        Surroundings of the region; head outside it stays.
    rng
        Random generator.
    """
    gone = dilate_mm(scene.region, EDGE_MM + scene.slack_mm, scene.zooms)
    gone &= scene.region | ~scene.head
    values = fill_with_air(scene.data, gone, scene.air & ~gone, scene.far_air, rng)
    return Change(gone, values, np.ones(values.shape, dtype=bool))
