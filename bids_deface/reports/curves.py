"""Plot of a training run."""

from __future__ import annotations

import csv
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure


def plot_curves(log_path: Path, out_path: Path) -> None:
    """Draw loss and validation Dice over steps from the training log.

    Parameters
    ----------
    log_path
        ``log.tsv`` of a run.
    out_path
        PNG to write.
    """
    with log_path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    steps = [float(row["step"]) for row in rows]
    figure = Figure(figsize=(9, 3.5), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    left.plot(steps, [float(row["loss"]) for row in rows], color="k")
    left.set(xlabel="step", ylabel="training loss")
    fixed = {"step", "hours", "learning_rate", "loss", "mean_face"}
    for name in (name for name in rows[0] if name not in fixed):
        right.plot(steps, [float(row[name]) for row in rows], label=name)
    right.plot(steps, [float(row["mean_face"]) for row in rows], "k--", label="mean of the face")
    right.set(xlabel="step", ylabel="validation Dice", ylim=(0, 1))
    right.legend(fontsize=8)
    figure.savefig(out_path, dpi=100, metadata={"Software": None})
