"""Quality pictures: regions on slices, and the shaded head."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageColor, ImageDraw, ImageFont
from scipy import ndimage

from bids_deface.anatomy import BRAIN, LABELS, Label
from bids_deface.tissue import region_boxes
from bids_deface.volume import zooms_of

PLANES = ("sagittal", "coronal", "axial")
BACKGROUND = "#101014"
#: Size of one section in a picture, and of the gap above it for its title, pixels.
PANEL, TITLE = 224, 16
#: Width of a shaded head, pixels.
HEAD = 234
FONT = 11
#: Least half-width of the picture around a feature, mm.
HALF_WIDTH_MM = 75.0
SCALE_BAR_MM = 20.0
#: Compression of the PNG files; more takes three times as long and gains nothing.
PACKING = 3
#: The mask's outline is broken: this many pixels on, as many off.
DASH = 3

Colour = tuple[int, ...]
WHITE: Final[Colour] = (255, 255, 255)


def plot_regions(
    image: NDArray[Any],
    dseg: NDArray[np.uint8],
    mask: NDArray[np.uint8],
    affine: NDArray[np.float64],
    path: Path,
    *,
    window: tuple[float, float],
    zoom_in: bool,
    known: Sequence[Label] = LABELS,
) -> None:
    """Save slices through each feature, and the brain, with the regions outlined.

    Parameters
    ----------
    image
        Intensities (i, j, k), axes right, anterior, superior.
    dseg
        Labels on the same grid; in a picture to share, those that are shared.
    mask
        Changed voxels, or what may be told of them; drawn as a broken outline.
    affine
        Voxel-to-world matrix (for the aspect of the slices).
    path
        PNG to write.
    window
        Intensities shown as black and as white; see :func:`window_of`.
    zoom_in
        Show the surroundings of each feature only.
    known
        Rows of the look-up table.
    """
    zooms = zooms_of(affine)
    boxes = region_boxes(dseg)
    present = [label for label in known if label.index in boxes]
    colours = {label.index: ImageColor.getrgb(label.color) for label in known}
    sheet = Image.new("RGB", (3 * PANEL, max(1, len(present)) * (PANEL + TITLE)), BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    for row, label in enumerate(present):
        box = boxes[label.index]
        middle = ndimage.center_of_mass(dseg[box] == label.index)
        centre = np.rint(np.add(middle, [s.start for s in box])).astype(int)
        for axis, plane in enumerate(PLANES):
            where = tuple(int(c) if a == axis else slice(None) for a, c in enumerate(centre))
            shown = _Section(
                np.delete(zooms, axis),
                image[where].shape,
                np.delete(centre, axis) if zoom_in and label.index != BRAIN else None,
            )
            corner = (axis * PANEL, row * (PANEL + TITLE))
            pixels = shown.paint(image[where], dseg[where], mask[where], window, colours)
            sheet.paste(Image.fromarray(pixels), (corner[0], corner[1] + TITLE))
            title = f"{label.name}, {plane}"
            _write(draw, (corner[0] + PANEL // 2, corner[1] + TITLE - 2), title, "ms")
            _orient(draw, corner, axis, SCALE_BAR_MM * shown.pixels_per_mm)
    sheet.save(path, compress_level=PACKING)


def window_of(image: NDArray[Any]) -> tuple[float, float]:
    """Return the intensities to be shown as black and as white, for all pictures of a scan."""
    sample = image[tuple(slice(None, None, max(1, n // 100)) for n in image.shape)]
    low, high = (float(v) for v in np.percentile(sample, (1, 99.7)))
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
    height = max(round(HEAD * view.shape[0] / view.shape[1]) for view in views.values())
    sheet = Image.new("RGB", (HEAD * len(views), height + TITLE), BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    for column, (name, view) in enumerate(views.items()):
        size = (HEAD, round(HEAD * view.shape[0] / view.shape[1]))
        shown = Image.fromarray(view).resize(size, Image.Resampling.BICUBIC)
        sheet.paste(shown, (column * HEAD, TITLE + (height - size[1]) // 2))
        _write(draw, (column * HEAD + HEAD // 2, TITLE - 2), name, "ms")
    sheet.save(path, compress_level=PACKING)


class _Section:
    """One slice of an image as a square picture: which voxel each pixel shows.

    Parameters
    ----------
    zooms
        Voxel size in mm along the slice's two axes: rightwards and upwards in the picture.
    shape
        Of the slice.
    centre
        Voxel in whose surroundings the picture ends; None shows all of the slice.
    """

    def __init__(
        self, zooms: NDArray[np.float64], shape: tuple[int, ...], centre: NDArray[np.int_] | None
    ) -> None:
        whole_mm = np.array(shape) * zooms
        side_mm = float(whole_mm.max()) if centre is None else HALF_WIDTH_MM
        middle_mm = whole_mm / 2 if centre is None else (centre + 0.5) * zooms
        self.pixels_per_mm = PANEL / side_mm
        away = (np.arange(PANEL) + 0.5) / self.pixels_per_mm - side_mm / 2
        across, up = (
            np.floor((m + away) / zoom).astype(int)
            for m, zoom in zip(middle_mm, zooms, strict=True)
        )
        self._at = np.ix_(np.clip(across, 0, shape[0] - 1), np.clip(up, 0, shape[1] - 1))
        inside = ((a >= 0) & (a < n) for a, n in zip((across, up), shape, strict=True))
        self._inside = np.logical_and.outer(*inside)

    def paint(
        self,
        image: NDArray[Any],
        dseg: NDArray[np.uint8],
        mask: NDArray[np.uint8],
        window: tuple[float, float],
        colours: Mapping[int, Colour],
    ) -> NDArray[np.uint8]:
        """Return the picture (rows, columns, RGB) with the regions outlined."""
        low, high = window
        grey = np.clip((image[self._at] - low) / (high - low), 0, 1) * 255
        out = np.repeat(grey.astype(np.uint8)[..., None], 3, axis=-1)
        labels, changed = dseg[self._at], mask[self._at] != 0
        edges = _outlines(labels)
        for index, colour in colours.items():
            out[edges & (labels == index)] = colour
        broken = np.add.outer(np.arange(PANEL), np.arange(PANEL)) // DASH % 2 == 0
        out[_outlines(changed) & changed & broken] = WHITE
        out[~self._inside] = ImageColor.getrgb(BACKGROUND)
        return np.ascontiguousarray(np.flip(np.swapaxes(out, 0, 1), axis=0))


def _outlines(labels: NDArray[Any]) -> NDArray[np.bool_]:
    """Return the pixels beside one of another value; the picture's own border is none."""
    out = np.zeros(labels.shape, dtype=bool)
    for values, edges in ((labels, out), (labels.T, out.T)):
        differs = values[1:] != values[:-1]
        edges[1:] |= differs
        edges[:-1] |= differs
    return out


def _orient(draw: ImageDraw.ImageDraw, corner: tuple[int, int], axis: int, bar: float) -> None:
    """Say where left and right (or front and back) are, and draw a scale bar."""
    left, top = corner[0], corner[1] + TITLE
    letters = ("P", "A") if axis == 0 else ("L", "R")
    _write(draw, (left + 3, top + PANEL // 2), letters[0], "lm")
    _write(draw, (left + PANEL - 3, top + PANEL // 2), letters[1], "rm")
    x, y = left + 8, top + PANEL - 10
    draw.line([(x, y), (x + round(bar), y)], "white", 2)
    _write(draw, (x, y - 4), f"{SCALE_BAR_MM:.0f} mm", "ls")


def _write(draw: ImageDraw.ImageDraw, place: tuple[int, int], text: str, anchor: str) -> None:
    """Write a text; the anchor says what of it lies at the place (of Pillow: middle, baseline)."""
    draw.text(place, text, "white", _font(), anchor)


@lru_cache(maxsize=1)
def _font() -> Any:
    """Load the font once: Pillow unpacks it anew each time."""
    return ImageFont.load_default(FONT)
