"""Pictures of the detector: its figures by condition, and samples of its training."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from numpy.typing import NDArray

from bids_deface.anatomy import CLASSES
from bids_deface.reports.figures import BACKGROUND

_COLOURS = ("#000000", "#0072b2", "#d55e00", "#009e73", "#f0e442", "#cc79a7")


def plot_evaluation(table: Sequence[Mapping[str, Any]], out_path: Path) -> None:
    """Draw Dice, coverage and recall of each class under each condition.

    Parameters
    ----------
    table
        Rows with ``condition``, ``region``, ``dice``, ``coverage`` and ``recall``.
    out_path
        PNG to write.
    """
    conditions = list(dict.fromkeys(row["condition"] for row in table))
    regions = list(dict.fromkeys(row["region"] for row in table))
    size = (12, 1.5 + 0.28 * len(conditions))
    figure = Figure(figsize=size, layout="constrained", facecolor=BACKGROUND)
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, 3, sharey=True)
    for panel, name in zip(panels, ("dice", "coverage", "recall"), strict=True):
        values = np.full((len(conditions), len(regions)), np.nan)
        for row in table:
            place = conditions.index(row["condition"]), regions.index(row["region"])
            values[place] = row[name]
        # Dark is bad for everybody, also for those who see red and green alike.
        panel.imshow(values, vmin=0.5, vmax=1, cmap="cividis", aspect="auto")
        panel.set_facecolor(BACKGROUND)
        panel.tick_params(colors="w")
        for (i, j), value in np.ndenumerate(values):
            if np.isfinite(value):
                ink = "k" if value > 0.75 else "w"
                panel.text(j, i, f"{value:.2f}", ha="center", va="center", fontsize=7, color=ink)
        panel.set_xticks(range(len(regions)), regions)
        panel.set_yticks(range(len(conditions)), conditions, fontsize=8)
        panel.set_title(name, color="w")
    figure.savefig(out_path, dpi=100, metadata={"Software": None})


def plot_samples(
    samples: Iterable[tuple[NDArray[np.float32], NDArray[np.integer[Any]]]],
    out_path: Path,
    further: Sequence[str] = (),
) -> None:
    """Draw a contact sheet of training samples: a sagittal and an axial slice of each.

    Parameters
    ----------
    samples
        Images (i, j, k) in [0, 1] and their classes.
    out_path
        PNG to write.
    further
        Colours of classes beside the standard ones.
    """
    colours = ListedColormap([*_COLOURS, *further])
    pairs = list(samples)
    columns = min(8, len(pairs))
    rows = -(-len(pairs) // columns)
    figure = Figure(figsize=(3 * columns, 1.6 * rows))
    FigureCanvasAgg(figure)
    figure.subplots_adjust(0, 0, 1, 1, 0.02, 0.02)
    panels = figure.subplots(rows, 2 * columns, squeeze=False)
    for panel in panels.flat:
        panel.axis("off")
    for n, (image, classes) in enumerate(pairs):
        row, column = divmod(n, columns)
        brain, ears = (np.argwhere(classes == CLASSES.index(c)) for c in ("brain", "ears"))
        middle = round(brain[:, 0].mean()) if len(brain) else image.shape[0] // 2
        level = round(ears[:, 2].mean()) if len(ears) else image.shape[2] // 3
        for offset, (axis, index) in enumerate(((0, middle), (2, level))):
            panel = panels[row, 2 * column + offset]
            picture, label = (np.take(a, index, axis).T for a in (image, classes))
            panel.imshow(picture, cmap="gray", vmin=0, vmax=1, origin="lower")
            panel.imshow(
                np.ma.masked_equal(label, 0), cmap=colours, vmin=0, vmax=colours.N - 1, alpha=0.35,
                origin="lower", interpolation="nearest",
            )  # fmt: skip
    figure.savefig(out_path, dpi=70, metadata={"Software": None})
