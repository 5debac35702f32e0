"""Height maps of the skin: how far out the head reaches in each column of voxels.

A column runs along the axis in which a feature sticks out of the head; heights are counted in
voxels along it, outwards. Maps have shape (a, b), the two other axes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, sparse
from scipy.sparse.linalg import spsolve

from bids_deface.tissue import is_near

#: Smoothing of the rim from which a membrane starts, mm.
RIM_SMOOTHING_MM = 2.0


class Columns:
    """View arrays with the outward direction as the last axis, rising outwards.

    Parameters
    ----------
    axis, sign
        Array axis and direction that point out of the head.
    """

    def __init__(self, axis: int, sign: int) -> None:
        self.axis, self.sign = axis, sign

    def view(self, array: NDArray[Any]) -> NDArray[Any]:
        """Return a view (a, b, height)."""
        turned = array if self.sign > 0 else np.flip(array, self.axis)
        return np.moveaxis(turned, self.axis, -1)

    def back(self, array: NDArray[Any]) -> NDArray[Any]:
        """Return a column array in the original order of axes."""
        turned = np.moveaxis(array, -1, self.axis)
        return turned if self.sign > 0 else np.flip(turned, self.axis)

    def spread(self, array: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
        """Return a view (i, j, k) in which each voxel has the value of its column in (a, b)."""
        return np.broadcast_to(np.expand_dims(array, self.axis), shape)

    def levels(self, shape: tuple[int, ...]) -> NDArray[np.int_]:
        """Return a view (i, j, k) of how far outwards each voxel lies in its column."""
        out = np.broadcast_to(
            np.arange(shape[self.axis]), (*np.delete(shape, self.axis), shape[self.axis])
        )
        return self.back(out)


def footprint_of(region: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the columns (a, b) that hold a part of a region (a, b, height)."""
    return np.asarray(region.any(axis=-1))


def surface_height(head: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the outermost head voxel of each column; -1 where there is none.

    Parameters
    ----------
    head
        bool (a, b, height).
    """
    n = head.shape[-1]
    out = n - 1 - head[..., ::-1].argmax(axis=-1)
    return np.where(head.any(axis=-1), out, -1).astype(np.float64)


def last_crossing(
    values: NDArray[Any], inside: NDArray[np.bool_], threshold: float
) -> tuple[NDArray[np.int_], NDArray[np.float64]]:
    """Return the outermost place inside in each row, and how far on the threshold is crossed.

    Parameters
    ----------
    values
        Intensities (..., height), outwards along the last axis.
    inside
        bool, same shape, places above the threshold that count.
    threshold
        Intensity of the surface.

    Returns
    -------
    last
        Index (...) along the last axis; the last of all where nothing is inside.
    part
        Share (...) of the step to the next place, 0 to 1.
    """
    n = inside.shape[-1]
    last = n - 1 - inside[..., ::-1].argmax(axis=-1)
    beyond = np.minimum(last + 1, n - 1)
    inner, outer = (
        np.take_along_axis(values, at[..., None], axis=-1)[..., 0].astype(np.float64)
        for at in (last, beyond)
    )
    return last, np.clip((inner - threshold) / np.maximum(inner - outer, 1e-9), 0, 1)


def crossing_height(
    image: NDArray[Any], head: NDArray[np.bool_], threshold: float
) -> NDArray[np.float64]:
    """Return where each column (a, b, height) crosses the threshold; -1 where it holds no head.

    Parameters
    ----------
    image, head, threshold
        See :func:`last_crossing`.
    """
    last, part = last_crossing(image, head, threshold)
    return np.where(head.any(axis=-1), last + part, -1.0)


def smoothed(
    height: NDArray[np.float64], known: NDArray[np.bool_], sigma: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Smooth a height map (a, b) by what is known of it; ``sigma`` in pixels."""
    weight = ndimage.gaussian_filter(known.astype(np.float64), sigma)
    total = ndimage.gaussian_filter(np.where(known, height, 0.0), sigma)
    return np.asarray(total / np.maximum(weight, 1e-9))


def widen(
    footprint: NDArray[np.bool_], radius_mm: float, zooms: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Dilate a footprint (a, b) by a radius in mm."""
    return is_near(footprint, radius_mm, zooms)


def slope_inwards(
    footprint: NDArray[np.bool_], width_mm: float, zooms: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return 0 outside a footprint (a, b), rising to 1 over a width in mm within it."""
    distance = ndimage.distance_transform_edt(footprint, sampling=zooms)
    return np.asarray(np.clip(distance / width_mm, 0, 1))


def enclosing_ellipse(
    footprint: NDArray[np.bool_], zooms: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Return the ellipse around a footprint, so that its own outline does not show.

    The axes are the footprint's principal axes; the size is the smallest that holds 98 % of it.

    Parameters
    ----------
    footprint
        bool (a, b).
    zooms
        Pixel size in mm.
    """
    points = np.argwhere(footprint) * zooms
    if len(points) < 10:
        return footprint
    centre = points.mean(axis=0)
    inverse = np.linalg.inv(np.cov((points - centre).T) + 0.5 * np.eye(2))
    reach = np.percentile(np.einsum("ni,ij,nj->n", points - centre, inverse, points - centre), 98)
    away = np.moveaxis(np.indices(footprint.shape), 0, -1) * zooms - centre
    distance = np.einsum("abi,ij,abj->ab", away, inverse, away)
    return np.asarray((distance <= reach) | footprint)


def closed(
    footprint: NDArray[np.bool_], radius_mm: float, zooms: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Return a footprint (a, b) with gaps and notches narrower than a disc filled."""
    pad = np.ceil(radius_mm / zooms).astype(int) + 1
    grown = widen(np.pad(footprint, [(int(n), int(n)) for n in pad]), radius_mm, zooms)
    shrunk = ~widen(~grown, radius_mm, zooms)
    a, b = (slice(int(n), -int(n)) for n in pad)
    return np.asarray(shrunk[a, b] | footprint)


def membrane(
    height: NDArray[np.float64],
    known: NDArray[np.bool_],
    zooms: NDArray[np.float64],
    smoothing_mm: float = RIM_SMOOTHING_MM,
) -> NDArray[np.float64]:
    """Carry the known heights across the unknown columns (discrete Laplace equation).

    Parameters
    ----------
    height
        Surface height (a, b).
    known
        bool (a, b), columns whose height is the boundary condition; the map's own border lets
        the membrane end level (Neumann).
    zooms
        Pixel size in mm.
    smoothing_mm
        Smoothing of the known heights.

    Returns
    -------
    ndarray
        Height in every column; smoothed where it was known.
    """
    # One noisy column of the rim must not draw a ridge across the feature.
    smooth = smoothed(height, known, smoothing_mm / zooms)
    if known.all():
        return smooth
    number = np.full(known.shape, -1)
    unknown = np.argwhere(~known)
    number[tuple(unknown.T)] = np.arange(len(unknown))
    rows, columns, values = [], [], []
    diagonal, right = np.zeros(len(unknown)), np.zeros(len(unknown))
    for axis in range(2):
        stiffness = 1.0 / zooms[axis] ** 2
        for step in (-1, 1):
            there = unknown.copy()
            there[:, axis] += step
            inside = (there[:, axis] >= 0) & (there[:, axis] < known.shape[axis])
            me, at = np.flatnonzero(inside), tuple(there[inside].T)
            fixed = known[at]
            diagonal[me] += stiffness
            np.add.at(right, me[fixed], stiffness * smooth[at][fixed])
            rows.append(me[~fixed])
            columns.append(number[at][~fixed])
            values.append(np.full(int((~fixed).sum()), -stiffness))
    n = len(unknown)
    off = sparse.coo_array(
        (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))), shape=(n, n)
    )
    # A touch of weight keeps patches that meet no rim at all solvable; they go to the mean.
    pull = 1e-9 * diagonal.max()
    right += pull * float(smooth[known].mean() if known.any() else 0.0)
    out = smooth.copy()
    out[tuple(unknown.T)] = spsolve((off + sparse.diags_array(diagonal + pull)).tocsc(), right)
    return out


def skin_intensity(
    data: NDArray[Any],
    height: NDArray[np.float64],
    around: NDArray[np.bool_],
    depth_voxels: float,
) -> float:
    """Return the median stored value of the skin just under the surface.

    Parameters
    ----------
    data
        Stored values (a, b, height).
    height
        Surface height of each column.
    around
        bool (a, b), columns to look at.
    depth_voxels
        Thickness of the layer that is read.
    """
    level = np.arange(data.shape[-1])
    under = (level < height[..., None]) & (level >= height[..., None] - max(1.0, depth_voxels))
    values = data[under & around[..., None]]
    values = values[np.isfinite(values)]
    values = values if values.size else data[np.isfinite(data)]
    return float(np.median(values)) if values.size else 0.0
