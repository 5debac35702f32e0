"""Quality pictures: regions on slices, and the shaded head."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from bids_deface.anatomy import BRAIN, LABELS
from bids_deface.volume import zooms_of

PLANES = ("sagittal", "coronal", "axial")
BACKGROUND = "#101014"
DPI = 90
#: Least half-width of the picture around a feature, mm.
HALF_WIDTH_MM = 75.0
SCALE_BAR_MM = 20.0


def plot_regions(
    image: NDArray[np.float32],
    dseg: NDArray[np.uint8],
    mask: NDArray[np.uint8],
    affine: NDArray[np.float64],
    path: Path,
    *,
    window: tuple[float, float],
    zoom_in: bool,
) -> None:
    """Save slices through each feature, and the brain, with the regions outlined.

    Parameters
    ----------
    image
        Intensities (i, j, k), axes right, anterior, superior.
    dseg
        Labels on the same grid; in a picture to share, those that are shared.
    mask
        Changed voxels, or what may be told of them; drawn as a dotted outline.
    affine
        Voxel-to-world matrix (for the aspect of the slices).
    path
        PNG to write.
    window
        Intensities shown as black and as white; see :func:`window_of`.
    zoom_in
        Show the surroundings of each feature only.
    """
    present = [label for label in LABELS if (dseg == label.index).any()]
    zooms = zooms_of(affine)
    figure = Figure(figsize=(7.5, 2.4 * max(1, len(present))), facecolor=BACKGROUND)
    FigureCanvasAgg(figure)
    axes = figure.subplots(max(1, len(present)), 3, squeeze=False)
    for row, label in zip(axes, present, strict=False):
        centre = np.argwhere(dseg == label.index).mean(axis=0).round().astype(int)
        for axis, ax in enumerate(row):
            where: list[Any] = [slice(None)] * 3
            where[axis] = centre[axis]
            others = [a for a in range(3) if a != axis]
            section = tuple(where)
            aspect = zooms[others[1]] / zooms[others[0]]
            ax.imshow(
                image[section].T, origin="lower", cmap="gray", vmin=window[0],
                vmax=window[1], aspect=aspect, interpolation="nearest",
            )  # fmt: skip
            _outline(ax, dseg[section], mask[section])
            if zoom_in and label.index != BRAIN:
                _zoom(ax, centre[others], zooms[others])
            _orient(ax, axis, zooms[others[0]])
            ax.set_title(f"{label.name}, {PLANES[axis]}", color="w", fontsize=7, pad=2)
    for ax in axes.ravel():
        ax.axis("off")
    figure.subplots_adjust(0.01, 0.01, 0.99, 0.96, 0.03, 0.12)
    _save(figure, path)


def window_of(image: NDArray[np.float32]) -> tuple[float, float]:
    """Return the intensities to be shown as black and as white, for all pictures of a scan."""
    low, high = (float(v) for v in np.percentile(image, (1, 99.7)))
    return low, max(high, low + 1e-6)


def plot_head(views: Mapping[str, NDArray[np.uint8]], path: Path) -> None:
    """Save shaded heads side by side.

    Parameters
    ----------
    views
        View name to picture, see :func:`bids_deface.rendering.render_head`.
    path
        PNG to write.
    """
    figure = Figure(figsize=(2.6 * len(views), 2.9), facecolor=BACKGROUND)
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, len(views), squeeze=False)
    for ax, (name, picture) in zip(axes[0], views.items(), strict=True):
        ax.imshow(picture, cmap="gray", vmin=0, vmax=255)
        ax.set_title(name, color="w", fontsize=8, pad=2)
        ax.axis("off")
    figure.subplots_adjust(0.01, 0.01, 0.99, 0.93, 0.02, 0.1)
    _save(figure, path)


def _outline(ax: Any, section: NDArray[np.uint8], mask: NDArray[np.uint8]) -> None:
    for label in LABELS:
        one = section == label.index
        if one.any() and not one.all():
            ax.contour(one.T, levels=[0.5], colors=[label.color], linewidths=0.9)
    if mask.any() and not mask.all():
        ax.contour(mask.T, levels=[0.5], colors=["w"], linewidths=0.5, linestyles="dotted")


def _orient(ax: Any, axis: int, zoom: float) -> None:
    """Say where left and right (or front and back) are, and draw a scale bar."""
    letters = ("P", "A") if axis == 0 else ("L", "R")
    style = {"color": "w", "fontsize": 7, "transform": ax.transAxes, "va": "center"}
    ax.text(0.01, 0.5, letters[0], ha="left", **style)
    ax.text(0.99, 0.5, letters[1], ha="right", **style)
    left, right = ax.get_xlim()
    bottom, top = ax.get_ylim()
    x, y = left + 0.04 * (right - left), bottom + 0.05 * (top - bottom)
    ax.plot([x, x + SCALE_BAR_MM / zoom], [y, y], color="w", linewidth=1.5)
    ax.text(0.04, 0.08, f"{SCALE_BAR_MM:.0f} mm", ha="left", **style)
    ax.set_xlim(left, right)
    ax.set_ylim(bottom, top)


def _zoom(ax: Any, centre: NDArray[np.int_], zooms: NDArray[np.float64]) -> None:
    half = HALF_WIDTH_MM / 2 / zooms
    ax.set_xlim(centre[0] - half[0], centre[0] + half[0])
    ax.set_ylim(centre[1] - half[1], centre[1] + half[1])


def _save(figure: Figure, path: Path) -> None:
    """Write without time or software version, so that equal pictures are equal files."""
    figure.savefig(path, dpi=DPI, facecolor=BACKGROUND, metadata={"Software": None})
