"""All pictures of one image, from files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bids_deface.anatomy import LABELS, Label
from bids_deface.containers.load import load_volume
from bids_deface.detection.turns import turned
from bids_deface.frames import darkness_of
from bids_deface.rendering import render_head
from bids_deface.reports.figures import plot_head, plot_regions, window_of
from bids_deface.reports.surface import head_surface, save_surface
from bids_deface.volume import one_image


def draw_pictures(
    original: Path,
    defaced: Path,
    mask: Path,
    dseg: Path,
    *,
    threshold: float | None,
    turn: NDArray[np.float64],
    folder: Path,
    regions: NDArray[np.uint8] | None = None,
    known: Sequence[Label] = LABELS,
) -> tuple[dict[str, Path], dict[str, Path]]:
    """Draw the pictures of one image.

    Parameters
    ----------
    original, defaced
        The scan before and after.
    mask, dseg
        What may have changed and where the regions are, same grid, as they are shared.
    threshold
        Intensity of the head's surface; None where the image shows none (maps, phase).
    turn
        4x4, from the header's world to that in which the head is upright.
    folder
        Where the pictures go.
    regions
        Exact regions (i, j, k), upright, for private pictures; None leaves the boxes.
    known
        Rows of the look-up table.

    Returns
    -------
    shared
        Picture name to file, drawn from the defaced scan only.
    private
        Picture name to file; these show the original.
    """
    after, affine = _load(defaced, turn)
    before, _ = _load(original, turn)
    # Stored values may have an offset; what is not seen is drawn as 0.
    dark = darkness_of(after)
    if dark:
        before, after = (np.subtract(i, dark, dtype=np.float32) for i in (before, after))
    labels, changed = (_load(path, turn)[0].astype(np.uint8) for path in (dseg, mask))
    window = window_of(after)
    shared = {"regions": folder / "regions.png"}
    plot_regions(
        after, labels, changed, affine, shared["regions"],
        window=window, zoom_in=True, known=known,
    )  # fmt: skip
    # Whoever looks at the original sees what was found and what changed, not the boxes.
    exact = labels if regions is None else regions
    differs = (before != after).astype(np.uint8)
    private = {"regions": folder / "private.png", "after": folder / "after.png"}
    for image, path in ((before, private["regions"]), (after, private["after"])):
        plot_regions(
            image, exact, differs, affine, path, window=window, zoom_in=False, known=known
        )
    if threshold is not None:
        shared |= {"defaced": folder / "defaced.png", "surface": folder / "surface.surf.gii"}
        threshold -= dark
        plot_head(render_head(after, affine, threshold), shared["defaced"])
        save_surface(head_surface(after, affine, threshold), shared["surface"])
        private["head"] = folder / "head.png"
        plot_head(render_head(before, affine, threshold), private["head"])
    return shared, private


def _load(path: Path, turn: NDArray[np.float64]) -> tuple[NDArray[Any], NDArray[np.float64]]:
    volume = load_volume(path)
    return turned(one_image(volume), volume.affine, turn)
