"""What hangs in the air once something was cut."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from bids_deface.tissue import dilate_mm

#: Pieces left standing alone after a cut go when they lie this near to it, mm.
REMNANT_MM = 15.0


def loose_pieces(
    head: NDArray[np.bool_],
    cut: NDArray[np.bool_],
    zooms: NDArray[np.float64],
    edge_mm: float,
) -> NDArray[np.bool_]:
    """Return what hangs in the air near a cut, with its blurred edge.

    Parameters
    ----------
    head
        bool (i, j, k), head before the cut.
    cut
        bool (i, j, k), voxels of the cut.
    zooms
        Voxel size in mm.
    edge_mm
        Width of the blurred edge.
    """
    rest = head & ~cut
    labels, n = ndimage.label(rest)
    if n < 2:
        return np.zeros_like(cut)
    # By slabs: counting takes 8 bytes a voxel.
    slabs = (labels[i : i + 16].ravel() for i in range(0, len(labels), 16))
    sizes = np.sum([np.bincount(slab, minlength=n + 1) for slab in slabs], axis=0)
    sizes[0] = 0
    loose = rest & (labels != sizes.argmax())
    loose &= dilate_mm(cut, REMNANT_MM, zooms, where=loose)
    return np.asarray((dilate_mm(loose, edge_mm, zooms) & ~rest & ~cut) | loose)
