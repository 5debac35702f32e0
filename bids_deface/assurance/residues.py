"""What is left of a feature on the skin, in mm: no face detector looks at single features.

All is read off height maps of the head's surface on a grid of a few millimetres: how far it
stands out of the skin around a feature, and how rough it is over it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bids_deface.anatomy import OUTWARD, name_of
from bids_deface.heights import (
    Columns,
    crossing_height,
    footprint_of,
    membrane,
    smoothed,
    widen,
)
from bids_deface.tissue import labelled, largest_component

#: Skin around a feature from which its surroundings' surface is carried over it, mm.
AROUND_MM = 8.0
#: Relief is what is left after smoothing by this much, mm.
SMOOTH_MM = 6.0
#: Surfaces farther inside than this belong to no skin beside the feature, mm, by outward axis.
REACH_MM = (25.0, 45.0)
#: Share of the columns that stand out most and are left out: wires, noise.
SPECKS = 2.0
#: Share of half a region's skin of which the old relief must be known to be compared with it.
LEAST_KNOWN = 0.75


@dataclass(frozen=True)
class ResidueLimits:
    """The most that may be left of a region; see :class:`Residue`."""

    height_mm: float = math.inf
    relief_mm: float = math.inf
    tissue_ml: float = math.inf


_EYE = ResidueLimits(relief_mm=1.2)
_EAR = ResidueLimits(height_mm=5.0, tissue_ml=4.0)
#: Between what 38 real scans show before and after; relief: eyes at least 1.5 and at most 0.5 mm
#: (0.9 in heads that others had cut), nose 2.2 and 0.3, mouth 0.8 and 0.4; height: nose 16 and
#: 3 mm, ears 8 and 2 mm, but for one that was pressed flat. Thick slices leave up to 3 ml of what
#: lies in an ear's region.
LIMITS: Final[Mapping[int, ResidueLimits]] = MappingProxyType(
    {
        1: _EYE,
        2: _EYE,
        3: ResidueLimits(height_mm=8.0, relief_mm=1.2),
        4: _EAR,
        5: _EAR,
        6: ResidueLimits(relief_mm=0.7),
    }
)


@dataclass(frozen=True)
class Residue:
    """What is left of one region.

    Attributes
    ----------
    index
        Label index.
    height_mm
        How far the surface stands out of the skin around the region (98th percentile).
    relief_mm
        Roughness: standard deviation of the surface after its smooth part is taken away. On a new
        face only what runs with the relief of the old one.
    tissue_ml
        Tissue in the region that is as it was.
    """

    index: int
    height_mm: float
    relief_mm: float
    tissue_ml: float


def measure_residues(
    image: NDArray[np.float32],
    dseg: NDArray[np.uint8],
    zooms: NDArray[np.float64],
    threshold: float,
    tissue_ml: Mapping[int, float],
    old: tuple[NDArray[np.float32], float] | None = None,
) -> dict[int, Residue]:
    """Measure the skin over each region.

    Parameters
    ----------
    image
        Intensities (i, j, k), axes right, anterior, superior.
    dseg
        Labels of :mod:`bids_deface.anatomy`, same grid; where to look.
    zooms
        Voxel size in mm.
    threshold
        Intensity of the head's surface.
    tissue_ml
        Unchanged tissue by label index.
    old
        The head as it was, same grid, and its own threshold, where all of its face was replaced:
        the slices' steps and the edges of the new face are relief, too, and nobody's.

    Returns
    -------
    dict
        Label index to residue, for the regions that show skin.
    """
    now = image, largest_component(image > threshold), threshold
    before = (old[0], largest_component(old[0] > old[1]), old[1]) if old else None
    sides: dict[tuple[int, int], list[int]] = {}
    for index in OUTWARD:
        if (dseg == index).any():
            sides.setdefault(OUTWARD[index], []).append(index)
    out = {}
    for (axis, sign), regions in sides.items():
        columns = Columns(axis, sign)
        flat, zoom = np.delete(zooms, axis), float(zooms[axis])
        height = _heights(columns, *now)
        hidden = footprint_of(columns.view(labelled(dseg, regions)))
        was = _heights(columns, *before) if before else None
        for index in regions:
            region = footprint_of(columns.view(dseg == index))
            if not (region & (height >= 0)).any():
                continue
            reach = REACH_MM[axis] / zoom
            skin = _skin(height, region, reach)
            own = region & skin
            known = skin & ~widen(hidden, AROUND_MM, flat)
            if not known.any():
                continue
            above = (height - membrane(height, known, flat))[own] * zoom
            relief = _relief(height, skin, flat)
            left = float(relief[own].std())
            if was is not None:
                old_skin = _skin(was, region, reach)
                left = _in_common(relief, _relief(was, old_skin, flat), own, own & old_skin)
            out[index] = Residue(
                index=index,
                height_mm=float(np.percentile(above, 100 - SPECKS)),
                relief_mm=left * zoom,
                tissue_ml=tissue_ml.get(index, 0.0),
            )
    return out


def _heights(
    columns: Columns, image: NDArray[np.float32], head: NDArray[np.bool_], threshold: float
) -> NDArray[np.float64]:
    """Return how far out a head's surface lies in each column (a, b), voxels."""
    return crossing_height(columns.view(image), columns.view(head), threshold)


def _skin(
    height: NDArray[np.float64], region: NDArray[np.bool_], reach: float
) -> NDArray[np.bool_]:
    """Return the columns (a, b) that reach as far as a region's skin, or nearly.

    Where the field of view cuts the head, or a cavity is open, columns end far inside.
    """
    own = height[region & (height >= 0)]
    lowest = float(np.median(own)) - reach if own.size else np.inf
    return np.asarray((height >= 0) & (height > lowest))


def _relief(
    height: NDArray[np.float64], skin: NDArray[np.bool_], flat: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return what smoothing takes away of the skin's heights (a, b), voxels."""
    return height - smoothed(height, skin, SMOOTH_MM / flat)


def _in_common(
    relief: NDArray[np.float64],
    old: NDArray[np.float64],
    own: NDArray[np.bool_],
    known: NDArray[np.bool_],
) -> float:
    """Return how much of a relief (a, b) is the old one, higher or lower (regression).

    The most of any half of the region counts: what is left in a part of it must not be lost among
    what is gone. Where too little is known of the old relief, all of the new one counts.

    Parameters
    ----------
    relief, old
        What smoothing takes away of the heights, now and before.
    own
        bool (a, b), skin of the region.
    known
        bool (a, b), where the old skin is known, too.
    """
    places = np.moveaxis(np.indices(own.shape), 0, -1) - np.argwhere(own).mean(axis=0)
    most = 0.0
    for axis, sign in itertools.product(range(2), (-1, 1)):
        half = own & (sign * places[..., axis] >= 0)
        both = half & known
        if both.sum() < LEAST_KNOWN * half.sum():
            most = max(most, float(relief[half].std()))
        elif both.any():
            new, was = (values[both] - values[both].mean() for values in (relief, old))
            spread = float(was.std())
            most = max(most, abs(float((new * was).mean())) / spread if spread else 0.0)
    return most


def doubts_of_residues(residues: Iterable[Residue], *, own_skin: bool = True) -> tuple[str, ...]:
    """Return in words what is left of features that were to be hidden.

    Parameters
    ----------
    residues
        Of these features.
    own_skin
        Whether the skin around a feature is the person's own: heights say nothing on a new face.
    """
    found = []
    for residue in residues:
        limits, name = LIMITS[residue.index], name_of(residue.index)
        if own_skin and residue.height_mm > limits.height_mm:
            found.append(f"the {name} still stands out by {residue.height_mm:.0f} mm")
        if residue.relief_mm > limits.relief_mm:
            found.append(f"the surface at the {name} keeps {residue.relief_mm:.1f} mm of relief")
        if residue.tissue_ml > limits.tissue_ml:
            found.append(f"{residue.tissue_ml:.1f} ml of the {name} are as they were")
    return tuple(found)
