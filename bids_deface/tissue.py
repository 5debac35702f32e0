"""Head and air: where there is signal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

#: Voxel sizes are rounded in headers: what lies at the very distance counts as near, mm.
ROUNDING_MM = 1e-3
#: Side of the blocks in which masks are dilated, voxels.
BLOCK = 64
#: Stands for any greater squared distance, where these are bytes.
FAR_BYTE = 255
#: Slices along each axis.
Box = tuple[slice, ...]
#: Marks voxels in a box of an image.
InBox = Callable[[Box], NDArray[np.bool_]]


def otsu_threshold(image: NDArray[np.float32], bins: int = 256) -> float:
    """Return the threshold that best parts two classes (Otsu 1979, doi 10.1109/TSMC.1979.4310076).

    Parameters
    ----------
    image
        Intensities of any shape.
    bins
        Number of histogram bins.
    """
    counts, edges = np.histogram(image, bins=bins)
    centres = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)
    above = below[-1] - below
    weighted = np.cumsum(counts * centres)
    with np.errstate(invalid="ignore", divide="ignore"):
        gap = weighted / below - (weighted[-1] - weighted) / above
        between = below * above * gap**2
    return float(centres[np.nanargmax(between[:-1])])


def tissue_threshold(image: NDArray[np.float32]) -> float:
    """Return the intensity above which a voxel is head rather than air.

    Dark tissue counts as head: the threshold is well below Otsu's, but above the noise.

    Parameters
    ----------
    image
        Intensities (i, j, k), air darker than tissue.
    """
    otsu = otsu_threshold(image)
    air = image[image < otsu]
    middle = float(np.median(air))
    spread = 1.4826 * float(np.median(np.abs(air - middle)))
    low = float(air.min())
    return min(otsu, max(low + 0.4 * (otsu - low), middle + 4 * spread))


def head_mask(
    image: NDArray[np.float32], threshold: float, zooms: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Return the filled outline of the head: its largest connected part, cavities included.

    Parameters
    ----------
    image
        Intensities (i, j, k).
    threshold
        Of :func:`tissue_threshold`.
    zooms
        Voxel size in mm.
    """
    smooth = ndimage.gaussian_filter(image, sigma=np.minimum(1.0, 1.0 / zooms))
    mask = largest_component(smooth > threshold)
    # Nostrils, mouth and ear canals are open: close each slice of each orientation.
    return np.asarray(mask | np.any([_holes(mask, axis) for axis in range(3)], axis=0))


def _holes(mask: NDArray[np.bool_], axis: int) -> NDArray[np.bool_]:
    """Return what a mask encloses in each slice across an axis."""
    # Connected within slices only: all slices are labelled at once.
    within = ndimage.generate_binary_structure(3, 1)
    within[tuple(slice(None) if a != axis else (0, 2) for a in range(3))] = False
    labels, n = ndimage.label(~mask, structure=within)
    enclosed = np.ones(n + 1, dtype=bool)
    enclosed[0] = False
    for other in {0, 1, 2} - {axis}:
        enclosed[labels.take((0, -1), axis=other)] = False
    return np.asarray(enclosed[labels])


def largest_component(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the largest 6-connected part of a mask (empty stays empty)."""
    labels, n = ndimage.label(mask)
    if n == 0:
        return np.zeros_like(mask, dtype=bool)
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return np.asarray(labels == sizes.argmax())


def dilate_mm(
    mask: NDArray[np.bool_],
    radius_mm: float,
    zooms: NDArray[np.float64],
    where: NDArray[np.bool_] | None = None,
) -> NDArray[np.bool_]:
    """Dilate a mask by a distance in mm, computed block by block in the box around it.

    Parameters
    ----------
    mask
        bool (i, j, k).
    radius_mm
        Distance in mm.
    zooms
        Voxel size in mm.
    where
        bool (i, j, k), voxels of interest: the others may be left out; None for all.
    """
    out = np.zeros_like(mask, dtype=bool)
    if not mask.any():
        return out
    box = grown_box(bounding_box(mask), radius_mm + ROUNDING_MM, zooms, mask.shape)
    for corner in product(*(range(s.start, s.stop, BLOCK) for s in box)):
        block = tuple(slice(c, min(c + BLOCK, s.stop)) for c, s in zip(corner, box, strict=True))
        if where is not None and not where[block].any():
            continue
        wide = grown_box(block, radius_mm + ROUNDING_MM, zooms, mask.shape)
        around = mask[wide]
        if around.all():
            out[block] = True
        elif around.any():
            out[block] = is_near(around, radius_mm, zooms)[box_within(block, wide)]
    return out


def is_near(
    mask: NDArray[np.bool_], radius_mm: float, zooms: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Return what lies within a distance in mm of a mask; for small arrays of any dimension.

    The exact Euclidean distance, axis by axis (Saito and Toriwaki 1994,
    doi 10.1016/0031-3203(94)90133-3), but no farther than asked for.

    Parameters
    ----------
    mask
        bool, any shape.
    radius_mm
        Distance in mm.
    zooms
        Voxel size in mm.
    """
    reach = radius_mm + ROUNDING_MM
    voxels = reach / float(zooms[0])
    if np.allclose(zooms, zooms[0], rtol=1e-6, atol=0) and voxels**2 < FAR_BYTE:
        return _is_near(mask, np.ones(mask.ndim, dtype=np.uint8), voxels)
    return _is_near(mask, zooms.astype(np.float32), reach)


def _is_near(mask: NDArray[np.bool_], steps: NDArray[Any], reach: float) -> NDArray[np.bool_]:
    """Return what lies within ``reach``, reckoned in the number type of ``steps``."""
    bytewise = steps.dtype == np.uint8
    far = steps.dtype.type(FAR_BYTE if bytewise else np.inf)
    squared = np.where(mask, steps.dtype.type(0), far)
    for axis, zoom in enumerate(steps):
        before = np.moveaxis(squared, axis, 0)
        after = before.copy()
        for step in range(1, min(int(reach / zoom), len(before) - 1) + 1):
            more = (step * zoom) ** 2
            # Bytes: a third of the time, but no sum may pass the greatest one.
            farther = (np.minimum(before, far - more) if bytewise else before) + more
            np.minimum(after[step:], farther[:-step], out=after[step:])
            np.minimum(after[:-step], farther[step:], out=after[:-step])
        squared = np.moveaxis(after, 0, axis)
    return np.asarray(squared <= reach**2)


def labelled(dseg: NDArray[np.uint8], indices: Sequence[int]) -> NDArray[np.bool_]:
    """Return where a label map holds any of some labels."""
    chosen = np.zeros(256, dtype=bool)
    chosen[list(indices)] = True
    return np.asarray(chosen[dseg])


def region_boxes(dseg: NDArray[np.uint8]) -> dict[int, Box]:
    """Return the box of each label of a label map, by label, in rising order."""
    # In the order of memory, which takes half the time.
    by_columns = bool(dseg.flags.f_contiguous)
    found = ndimage.find_objects(dseg.T if by_columns else dseg)
    return {
        index: box[::-1] if by_columns else box
        for index, box in enumerate(found, start=1)
        if box is not None
    }


def bounding_box(mask: NDArray[np.bool_], pad: NDArray[np.int_] | int = 0) -> tuple[slice, ...]:
    """Return the slices around the True voxels, padded and clipped to the array."""
    pads = np.broadcast_to(pad, mask.ndim)
    out = []
    for axis, extra in enumerate(pads):
        others = tuple(a for a in range(mask.ndim) if a != axis)
        where = np.flatnonzero(mask.any(axis=others))
        low, high = (int(where[0]), int(where[-1]) + 1) if len(where) else (0, 0)
        out.append(slice(max(0, low - int(extra)), min(mask.shape[axis], high + int(extra))))
    return tuple(out)


def grown_box(
    box: tuple[slice, ...], margin_mm: float, zooms: NDArray[np.float64], shape: tuple[int, ...]
) -> tuple[slice, ...]:
    """Return a box grown by a margin in mm, cut to an array of this shape."""
    pads = np.ceil(margin_mm / zooms).astype(int)
    return tuple(
        slice(max(0, s.start - int(pad)), min(n, s.stop + int(pad)))
        for s, pad, n in zip(box, pads, shape, strict=True)
    )


def enclosing_box(boxes: Sequence[Box]) -> Box:
    """Return the smallest box that holds several."""
    return tuple(
        slice(min(s.start for s in along), max(s.stop for s in along))
        for along in zip(*boxes, strict=True)
    )


def common_box(one: Box, two: Box) -> Box:
    """Return what two boxes share; empty along an axis where they share nothing."""
    return tuple(
        slice(max(a.start, b.start), max(a.start, b.start, min(a.stop, b.stop)))
        for a, b in zip(one, two, strict=True)
    )


def box_within(box: Box, outer: Box) -> Box:
    """Return a box of the image as a box of what ``outer`` cuts out of it."""
    return _shifted(box, outer, -1)


def box_from(box: Box, outer: Box) -> Box:
    """Return a box of what ``outer`` cuts out of the image as a box of the image."""
    return _shifted(box, outer, 1)


def _shifted(box: Box, by: Box, sign: int) -> Box:
    return tuple(
        slice(b.start + sign * o.start, b.stop + sign * o.start)
        for b, o in zip(box, by, strict=True)
    )
