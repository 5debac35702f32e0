"""The attacker who compares pictures of the rendered face by what face recognition looks at."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.feature import hog, local_binary_pattern

from bids_deface.assurance.head_frame import (
    BOX_AFFINE,
    HIGH_MM,
    LOW_MM,
    STEP_MM,
    FramedHead,
)
from bids_deface.rendering import RENDER_MM, render_head

#: From straight ahead and from a little to either side, degrees.
VIEWS: Final[Mapping[str, float]] = MappingProxyType({"front": 0.0, "left": 15.0, "right": -15.0})
#: Pictures are cut as dlib's ``get_face_chip`` cuts photographs: side and the eyes' row, pixels,
CHIP: Final = 150
EYE_ROW: Final = 47
#: their scale, with the average head's eyes 61 mm and 52.6 pixels apart,
PIXEL_MM: Final = 1.156
#: and where the average head has the middle of its face (anterior) and its eyes (superior), mm.
FACE_MM: Final = 35.0
EYES_MM: Final = 23.0
#: Rows and columns from brow to chin and ear to ear.
FACE: Final = (slice(28, 136), slice(9, 141))
CELL: Final = 12
LBP_POINTS, LBP_RADIUS = 8, 2


def face_pictures(head: FramedHead) -> tuple[NDArray[np.uint8], ...]:
    """Return one shaded picture of the face for each of ``VIEWS``.

    Parameters
    ----------
    head
        In the common box: eyes, nose and mouth come to lie in about the same places.

    Returns
    -------
    tuple
        uint8 (``CHIP``, ``CHIP``).
    """
    pictures = render_head(head.image, BOX_AFFINE, head.threshold, VIEWS)
    return tuple(_chip(pictures[name], angle) for name, angle in VIEWS.items())


def _chip(picture: NDArray[np.uint8], angle: float) -> NDArray[np.uint8]:
    """Cut a picture as face recognisers are used to."""
    # The renderer puts the middle of the box into the middle of the picture.
    middle = (LOW_MM + HIGH_MM - STEP_MM) / 2
    right_mm = -np.sin(np.deg2rad(angle)) * (FACE_MM - middle[1])
    step = PIXEL_MM / RENDER_MM
    row = picture.shape[0] / 2 + (middle[2] - EYES_MM) / RENDER_MM - EYE_ROW * step
    column = picture.shape[1] / 2 + right_mm / RENDER_MM - CHIP / 2 * step
    cut = ndimage.affine_transform(
        picture.astype(np.float32), [step, step], [row, column], (CHIP, CHIP), order=1
    )
    return np.asarray(cut.round(), dtype=np.uint8)


def hog_descriptor(pictures: tuple[NDArray[np.uint8], ...]) -> NDArray[np.float32]:
    """Return histograms of oriented gradients (Dalal and Triggs 2005, doi 10.1109/CVPR.2005.177).

    Parameters
    ----------
    pictures
        Of :func:`face_pictures`.
    """
    parts = [
        hog(p[FACE], orientations=8, pixels_per_cell=(CELL, CELL), cells_per_block=(2, 2))
        for p in pictures
    ]
    return np.concatenate(parts).astype(np.float32)


def lbp_descriptor(pictures: tuple[NDArray[np.uint8], ...]) -> NDArray[np.float32]:
    """Return histograms of local binary patterns (Ahonen et al. 2006, doi 10.1109/TPAMI.2006.244).

    Parameters
    ----------
    pictures
        Of :func:`face_pictures`.

    Returns
    -------
    NDArray
        float32, square roots of shares: their Euclidean distance is Hellinger's.
    """
    parts: list[NDArray[Any]] = []
    for picture in pictures:
        codes: NDArray[Any] = local_binary_pattern(
            picture[FACE], LBP_POINTS, LBP_RADIUS, method="uniform"
        )
        for rows in np.array_split(codes, codes.shape[0] // CELL, axis=0):
            for cell in np.array_split(rows, codes.shape[1] // CELL, axis=1):
                counts = np.bincount(cell.astype(int).ravel(), minlength=LBP_POINTS + 2)
                parts.append(np.sqrt(counts / cell.size))
    return np.concatenate(parts).astype(np.float32)
