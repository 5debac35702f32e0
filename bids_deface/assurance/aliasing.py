"""Copies of a nose or an ear on the far side of the image (phase wrap-around).

What sticks out of the field of view in the phase-encoding direction comes in again at the opposite
border, in the same rows and slices: a nose that is cut off in front, as a bump behind the head.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from bids_deface.anatomy import BRAIN, OUTWARD, name_of
from bids_deface.tissue import Box, bounding_box, box_from, dilate_mm
from bids_deface.volume import zooms_of

#: Features that stick out far enough to be wrapped around: nose, ears, mouth.
WRAPPING = (3, 4, 5, 6)
#: Slices at a border that are taken together, mm: the outermost ones are often blank.
BAND_MM = 4.0
#: Greatest length of what sticks out, mm: what reaches deeper into the image is the head.
DEPTH_MM = 40.0
#: Least cross-section of a feature at the border for which a copy is looked for, mm2.
LEAST_CUT_MM2 = 30.0
#: Room for the outlines of feature and copy, mm.
ROOM_MM = 3.0
#: Share of the feature's cross-section that its copy covers, and the least volume of one, mm3.
LEAST_COVERED, LEAST_MM3 = 0.3, 30.0
#: A copy is no wider than this many cross-sections of what the feature's border cuts.
WIDEST = 2.0
#: Overlap (intersection over union) from which a bump of the head may be a copy.
ALIKE = 0.5


@dataclass(frozen=True)
class Copy:
    """A copy that hangs in the air.

    Attributes
    ----------
    index
        Label of the feature it is a copy of.
    box
        Slices of the image.
    mask
        bool, shape of the box.
    """

    index: int
    box: Box
    mask: NDArray[np.bool_]


@dataclass(frozen=True)
class Wrapped:
    """What came in again at the far border.

    Attributes
    ----------
    copies
        What can be erased, for it touches no head.
    doubts
        In words, what cannot.
    looked_for
        Whether anybody could look.
    """

    copies: tuple[Copy, ...] = ()
    doubts: tuple[str, ...] = ()
    looked_for: bool = True

    @property
    def notes(self) -> tuple[str, ...]:
        """In words, what is to be erased, or that nobody knows."""
        if not self.looked_for:
            return ("copies of features by wrap-around were not looked for: no skin is seen",)
        words = "at the far border of the field of view was erased (wrap-around)"
        return tuple(f"a copy of the {name_of(copy.index)} {words}" for copy in self.copies)


def find_wrapped(
    image: NDArray[Any],
    dseg: NDArray[np.uint8],
    affine: NDArray[np.float64],
    threshold: float,
    labels: Iterable[int],
) -> Wrapped:
    """Look for copies of the features that the border of the field of view cuts.

    Parameters
    ----------
    image
        Intensities (i, j, k), axes right, anterior, superior.
    dseg
        uint8, labels of :mod:`bids_deface.anatomy` on the same grid.
    affine
        Voxel-to-world matrix.
    threshold
        Intensity of the head's surface.
    labels
        Regions that are to be hidden.
    """
    copies: list[Copy] = []
    doubts: list[str] = []
    for index in sorted(set(labels) & set(WRAPPING)):
        border = _Border(image, dseg, index, zooms_of(affine))
        cut = border.cut(threshold)
        if cut.sum() * np.prod(border.flat) < LEAST_CUT_MM2:
            continue
        loose, merged = border.opposite(cut, threshold)
        if loose.sum() * np.prod(border.zooms) >= LEAST_MM3:
            box, mask = border.in_image(loose)
            # Nose and lips may come in again as one piece.
            if box not in [copy.box for copy in copies]:
                copies.append(Copy(index, box, mask))
        elif merged:
            name = name_of(index)
            doubts.append(
                f"a copy of the {name} may lie in the far side of the head (wrap-around)"
            )
    return Wrapped(tuple(copies), tuple(doubts))


class _Border:
    """The two ends of an image along the axis in which a feature sticks out.

    Parameters
    ----------
    image, dseg, index
        As in :func:`find_wrapped`.
    zooms
        Voxel size in mm.
    """

    def __init__(
        self, image: NDArray[Any], dseg: NDArray[np.uint8], index: int, zooms: NDArray[np.float64]
    ) -> None:
        self.image, self.dseg, self.index, self.zooms = image, dseg, index, zooms
        self.axis, self.sign = OUTWARD[index]
        self.flat = np.delete(zooms, self.axis)
        n, zoom = image.shape[self.axis], float(zooms[self.axis])
        self.band = min(n, max(1, round(BAND_MM / zoom)))
        self.depth = min(n // 2, max(1, round(DEPTH_MM / zoom)))

    def cut(self, threshold: float) -> NDArray[np.bool_]:
        """Return the feature's cross-section (a, b) at the border."""
        box = self._end(self.band, near=True)
        tissue = (self.dseg[box] == self.index) & (self._soft(box) > threshold)
        return np.asarray(tissue.any(axis=self.axis))

    def whole_cut(self, threshold: float) -> NDArray[np.bool_]:
        """Return all the tissue (a, b) at the feature's border: a cheek may stick out with it."""
        soft = self._soft(self._end(self.band, near=True))
        return np.asarray((soft > threshold).any(axis=self.axis))

    def opposite(self, cut: NDArray[np.bool_], threshold: float) -> tuple[NDArray[np.bool_], bool]:
        """Return what hangs in the air opposite the cut, and whether the head has a bump there.

        Parameters
        ----------
        cut
            bool (a, b), cross-section of the feature.
        threshold
            Intensity of the head's surface.
        """
        end = self._end(self.depth, near=False)
        # What is known to be another feature (the other ear) is no copy.
        known = np.isin(self.dseg[end], (0, BRAIN), invert=True)
        parts, _ = ndimage.label((self._soft(end) > threshold) & ~known)
        outer, inner = self._slices(parts, self.band), self._slices(parts, -1)
        there = dilate_mm(cut[..., None], ROOM_MM, np.append(self.flat, 1.0))[..., 0]
        met = np.unique(np.moveaxis(outer, self.axis, -1)[there])
        deep = np.unique(inner)
        loose = [part for part in met if part and part not in deep]
        copy = np.isin(parts, loose)
        section = np.isin(outer, loose).any(axis=self.axis)
        covered = (section & there).sum() / cut.sum()
        widest = WIDEST * self.whole_cut(threshold).sum()
        if covered < LEAST_COVERED or section.sum() > widest:
            copy[:] = False
        bump = np.isin(outer, np.intersect1d(met[met > 0], deep)).any(axis=self.axis)
        merged = bool((bump & cut).sum() >= ALIKE * (bump | cut).sum())
        return copy, merged

    def in_image(self, mask: NDArray[np.bool_]) -> tuple[Box, NDArray[np.bool_]]:
        """Return the box and the mask in it of something at the far end."""
        end = self._end(self.depth, near=False)
        box = bounding_box(mask)
        return box_from(box, end), mask[box]

    def _end(self, n: int, *, near: bool) -> Box:
        """Return the ``n`` outermost slices on the feature's side or on the other."""
        shape = self.image.shape
        high = near == (self.sign > 0)
        ends = slice(shape[self.axis] - n, shape[self.axis]) if high else slice(0, n)
        whole = tuple(slice(0, size) for size in shape)
        return (*whole[: self.axis], ends, *whole[self.axis + 1 :])

    def _slices(self, far: NDArray[Any], n: int) -> NDArray[Any]:
        """Return the ``n`` outermost slices of the far end; its innermost one for -1."""
        view = far if self.sign > 0 else np.flip(far, self.axis)
        some = slice(0, n) if n > 0 else slice(-1, None)
        return view[(slice(None),) * self.axis + (some,)]

    def _soft(self, box: Box) -> NDArray[np.float32]:
        """Return slightly smoothed intensities in a box."""
        values = np.nan_to_num(self.image[box].astype(np.float32))
        return np.asarray(ndimage.gaussian_filter(values, np.minimum(0.8, 0.6 / self.zooms)))
