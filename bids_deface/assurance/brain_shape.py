"""Whether what was found can be a brain, and what is spared in its stead where it cannot.

All measures are shares, none is a size: they hold for a newborn as for a large adult.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from bids_deface.anatomy import BRAIN
from bids_deface.assurance.hull import hull_of
from bids_deface.tissue import bounding_box, dilate_mm
from bids_deface.volume import zooms_of

#: Voxel size on which shapes are compared, mm.
COARSE_MM = 4.0
#: Limits of :class:`BrainShape`. On 25 validation heads, 13 scans from other scanners and 3 that
#: were defaced before, all brains were in one piece, at least 0.996 in the head, solid to
#: 0.91-0.96, and uneven by at most 0.06.
LEAST_IN_HEAD = 0.97
GREATEST_APART = 0.02
LEAST_SOLIDITY = 0.85
GREATEST_UNEVENNESS = 0.12
#: Share of the brain's coarse voxels at the border of the field of view from which it is a slab.
GREATEST_CUT = 0.02
#: Parts smaller than this share of the largest are specks.
SPECK_SHARE = 0.05
#: Coarse voxels of brain below which its shape tells nothing.
LEAST_VOXELS = 100
DOUBTFUL = "the brain is doubtful"
#: Labels of the two sides of a pair, left first.
PAIRS = ((1, 2), (4, 5))
#: What is spared in place of a doubtful brain is wider than it by this, mm.
HULL_MM = 5.0


@dataclass(frozen=True)
class BrainShape:
    """What the brain's shape is measured by.

    Attributes
    ----------
    in_head
        Share of the brain inside the head's outline; None where the outline is not known.
    apart
        Share of the brain beside its largest part, in parts that the field of view does not cut.
    solidity
        Share of the convex hull, of all but specks, that is brain; None where the field of view
        cuts it.
    unevenness
        Difference of what lies left and right of the plane midway in the paired features, as a
        share of the whole; None without a pair, or where the field of view cuts a side.
    """

    in_head: float | None
    apart: float
    solidity: float | None
    unevenness: float | None

    @property
    def doubts(self) -> tuple[str, ...]:
        """In words, why this can be no whole brain; empty where it can."""
        out = []
        if self.in_head is not None and self.in_head < LEAST_IN_HEAD:
            out.append(f"{100 * (1 - self.in_head):.0f} % of the brain lies outside the head")
        if self.apart > GREATEST_APART:
            out.append(f"{100 * self.apart:.0f} % of the brain is apart from the rest")
        if self.solidity is not None and self.solidity < LEAST_SOLIDITY:
            out.append(f"the brain fills {100 * self.solidity:.0f} % of its hull only")
        if self.unevenness is not None and self.unevenness > GREATEST_UNEVENNESS:
            out.append(f"the brain's sides differ by {100 * self.unevenness:.0f} %")
        return tuple(f"{DOUBTFUL}: {reason}; its hull was spared instead" for reason in out)


@dataclass(frozen=True)
class CoarseLabels:
    """Labels of an image on every few voxels.

    Attributes
    ----------
    dseg
        uint8 (i, j, k), labels of :mod:`bids_deface.anatomy`, axes right, anterior, superior.
    affine
        Voxel-to-world matrix.
    steps
        Voxels of the image from one to the next.
    """

    dseg: NDArray[np.uint8]
    affine: NDArray[np.float64]
    steps: tuple[int, int, int]

    @classmethod
    def of(cls, dseg: NDArray[np.uint8], affine: NDArray[np.float64]) -> CoarseLabels:
        """Take every few voxels of a segmentation; parameters as the attributes."""
        i, j, k = (max(1, round(COARSE_MM / float(zoom))) for zoom in zooms_of(affine))
        coarse = affine @ np.diag([i, j, k, 1.0])
        return cls(np.ascontiguousarray(dseg[::i, ::j, ::k]), coarse, (i, j, k))

    def places(self, mask: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Return the world mm (n, 3) of the voxels of a mask."""
        return np.asarray(np.argwhere(mask) @ self.affine[:3, :3].T + self.affine[:3, 3])


def shape_of_brain(
    labels: CoarseLabels,
    head: NDArray[np.bool_] | None,
    head_affine: NDArray[np.float64],
) -> BrainShape | None:
    """Measure the brain's shape; None where too little of it is in the field of view to tell.

    Parameters
    ----------
    labels
        Regions, the brain among them.
    head, head_affine
        Filled outline of the head and its voxel-to-world matrix, same world; None if not known.
    """
    brain = labels.dseg == BRAIN
    if brain.sum() < LEAST_VOXELS or _share_cut(brain) > GREATEST_CUT:
        return None
    parts, n = ndimage.label(brain, structure=np.ones((3, 3, 3)))
    sizes = np.bincount(parts.ravel(), minlength=n + 1)[1:]
    cut = _cut_parts(parts)
    beside = set(range(1, n + 1)) - cut - {1 + int(sizes.argmax())}
    return BrainShape(
        in_head=None if head is None else _share_inside(labels.places(brain), head, head_affine),
        apart=float(sum(sizes[part - 1] for part in beside) / sizes.sum()),
        solidity=None if cut else _solidity(_without_specks(brain)),
        unevenness=_unevenness(labels, brain),
    )


def guard_brain(
    dseg: NDArray[np.uint8],
    affine: NDArray[np.float64],
    head: NDArray[np.bool_] | None,
    head_affine: NDArray[np.float64],
) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    """Put a doubtful brain's hull in its place, and say why; a good one stays as it is.

    Parameters
    ----------
    dseg
        uint8 (i, j, k), labels of :mod:`bids_deface.anatomy`, axes right, anterior, superior.
    affine
        Voxel-to-world matrix.
    head, head_affine
        As in :func:`shape_of_brain`.

    Returns
    -------
    dseg
        The same array, or a copy in which the hull, both sides alike, is brain.
    doubts
        In words, why the brain is doubtful.
    """
    labels = CoarseLabels.of(dseg, affine)
    shape = shape_of_brain(labels, head, head_affine)
    if shape is None or not shape.doubts:
        return dseg, ()
    out = dseg.copy(order="K")
    spared = _spared_brain(labels)
    box = bounding_box(spared)
    fine = spared[box]
    for axis, step in enumerate(labels.steps):
        fine = np.repeat(fine, step, axis=axis)
    where = out[
        tuple(slice(s.start * n, s.stop * n) for s, n in zip(box, labels.steps, strict=True))
    ]
    where[fine[tuple(slice(n) for n in where.shape)]] = BRAIN
    return out, shape.doubts


def is_guarded(doubts: tuple[str, ...]) -> bool:
    """Tell whether one of these doubts is of :func:`guard_brain`."""
    return any(doubt.startswith(DOUBTFUL) for doubt in doubts)


def _spared_brain(labels: CoarseLabels) -> NDArray[np.bool_]:
    """Return the hull of the brain and of its mirror image, and a margin (i, j, k)."""
    # A speck in the face must not draw the hull over it; as brain it is spared by itself.
    brain = _without_specks(labels.dseg == BRAIN)
    plane = _midsagittal(labels)
    if plane is not None:
        brain = brain | _mirrored(labels, brain, *plane)
    zooms = zooms_of(labels.affine)
    return dilate_mm(hull_of(brain), max(HULL_MM, float(zooms.max())), zooms)


def _without_specks(brain: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the parts of the brain that are no specks beside the largest."""
    parts, n = ndimage.label(brain, structure=np.ones((3, 3, 3)))
    sizes = np.bincount(parts.ravel(), minlength=n + 1)
    sizes[0] = 0
    return np.asarray(np.isin(parts, np.flatnonzero(sizes >= SPECK_SHARE * sizes.max())) & brain)


def _solidity(brain: NDArray[np.bool_]) -> float:
    return float(brain.sum() / hull_of(brain).sum())


def _share_cut(brain: NDArray[np.bool_]) -> float:
    """Return the share of the brain at the border of the field of view."""
    return float(brain.sum() - brain[1:-1, 1:-1, 1:-1].sum()) / float(brain.sum())


def _cut_parts(parts: NDArray[np.int32]) -> set[int]:
    """Return the numbers of the parts that the border of the field of view cuts."""
    ends = [np.unique(parts.take((0, -1), axis)) for axis in range(3)]
    return {int(part) for part in np.concatenate(ends) if part}


def _share_inside(
    places: NDArray[np.float64], head: NDArray[np.bool_], affine: NDArray[np.float64]
) -> float:
    """Return the share of places (n, 3; world mm) that lie in the head's outline."""
    back = np.linalg.inv(affine)
    ijk = np.rint(places @ back[:3, :3].T + back[:3, 3]).astype(int)
    ijk = np.clip(ijk, 0, np.array(head.shape) - 1)
    return float(head[tuple(ijk.T)].mean())


def _midsagittal(
    labels: CoarseLabels,
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Return a point (world mm) and the normal, to the right, of the plane midway in the pairs."""
    middles, normals = [], []
    for pair in PAIRS:
        sides = [labels.places(labels.dseg == index) for index in pair]
        if all(len(side) for side in sides):
            left, right = (side.mean(axis=0) for side in sides)
            middles.append((left + right) / 2)
            normals.append(right - left)
    if not normals:
        return None
    normal = np.sum(normals, axis=0)
    return np.mean(middles, axis=0), normal / np.linalg.norm(normal)


def _unevenness(labels: CoarseLabels, brain: NDArray[np.bool_]) -> float | None:
    plane = _midsagittal(labels)
    if plane is None or brain[0].any() or brain[-1].any():
        return None
    point, normal = plane
    right = float(((labels.places(brain) - point) @ normal > 0).mean())
    return abs(2 * right - 1)


def _mirrored(
    labels: CoarseLabels,
    brain: NDArray[np.bool_],
    point: NDArray[np.float64],
    normal: NDArray[np.float64],
) -> NDArray[np.bool_]:
    """Return the voxels whose mirror image is brain."""
    mirror = np.eye(4)
    mirror[:3, :3] -= 2 * np.outer(normal, normal)
    mirror[:3, 3] = 2 * (point @ normal) * normal
    to = np.linalg.inv(labels.affine) @ mirror @ labels.affine
    seen = ndimage.affine_transform(brain.astype(np.float32), to[:3, :3], to[:3, 3], order=1)
    return np.asarray(seen > 0.5)
