"""One frame of a DICOM image: where it lies, and what tells it from its neighbours."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

#: From the patient's left-posterior-superior to right-anterior-superior (PS3.3 C.7.6.2.1.1).
LPS_TO_RAS: Final = np.diag([-1.0, -1.0, 1.0, 1.0])
#: Directions that differ by less are one direction; a degree is 0.017.
SAME_DIRECTION: Final = 2e-3
#: Places that differ by less are one place, mm.
SAME_PLACE_MM: Final = 0.01
#: No scanner makes slices of more pixels; a header that claims more would fill the memory.
MOST_PIXELS: Final = 2**26
#: Shares of a pixel's size below which two sizes are one.
SAME_SIZE: Final = 1e-3


class Component(StrEnum):
    """Which part of the complex signal a frame shows."""

    MAGNITUDE = "magnitude"
    PHASE = "phase"
    REAL = "real"
    IMAGINARY = "imaginary"


@dataclass(frozen=True)
class Frame:
    """One slice as it lies in a file.

    Attributes
    ----------
    path, index
        The file, and which of its frames.
    shape
        Columns, rows.
    position
        Of the first pixel's centre, mm, left-posterior-superior.
    along_row, along_column
        Unit vectors: the way from column to column, and from row to row.
    spacing
        Distance of columns and of rows, mm.
    slope, inter
        From stored values to the image's unit.
    component
        Magnitude or another part of the signal.
    contrast
        What the scanner changed between images of one place (echo time and the like).
    order
        Repetition and number, to sort images of one place and contrast.
    """

    path: Path
    index: int
    shape: tuple[int, int]
    position: tuple[float, float, float]
    along_row: tuple[float, float, float]
    along_column: tuple[float, float, float]
    spacing: tuple[float, float]
    slope: float = 1.0
    inter: float = 0.0
    component: Component = Component.MAGNITUDE
    contrast: tuple[float | str, ...] = ()
    order: tuple[int, ...] = ()

    @property
    def normal(self) -> NDArray[np.float64]:
        """Unit vector across the slice."""
        return np.cross(self.along_row, self.along_column)

    @property
    def shows_tissue(self) -> bool:
        """Whether skin stands out against air."""
        return self.component is Component.MAGNITUDE

    def is_parallel(self, other: Frame) -> bool:
        """Tell whether both have the same directions, sizes and numbers of pixels."""
        if self.shape != other.shape or self.component is not other.component:
            return False
        turned = np.abs(np.subtract(self.along_row, other.along_row)).max()
        tilted = np.abs(np.subtract(self.along_column, other.along_column)).max()
        same_size = np.allclose(self.spacing, other.spacing, rtol=SAME_SIZE)
        return bool(max(turned, tilted) < SAME_DIRECTION and same_size)


def check_plane(frame: Frame) -> str:
    """Return what is wrong with a frame's directions and sizes; nothing if all is well."""
    if min(frame.shape) < 1 or frame.shape[0] * frame.shape[1] > MOST_PIXELS:
        return f"its size of {frame.shape[0]} x {frame.shape[1]} pixels is that of no slice"
    numbers = (*frame.position, *frame.along_row, *frame.along_column, *frame.spacing)
    if not np.isfinite(numbers).all():
        return "its place in the patient is no number"
    if min(frame.spacing) <= 0:
        return "its pixel spacing is not above zero"
    lengths = [np.linalg.norm(frame.along_row), np.linalg.norm(frame.along_column)]
    lean = abs(float(np.dot(frame.along_row, frame.along_column)))
    if not np.allclose(lengths, 1, atol=1e-2) or lean > 1e-2:
        return "its image orientation is no pair of directions at right angles"
    if frame.slope == 0 or not np.isfinite([frame.slope, frame.inter]).all():
        return "its rescale slope is zero or no number"
    return ""
