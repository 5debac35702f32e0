"""Is a face to be found? Asked of detectors that nobody here trained, on pictures of the head.

All are cascades that ship with their libraries: Haar features (Viola and Jones 2001,
doi 10.1109/CVPR.2001.990517; OpenCV 4) and local binary patterns (Liao et al. 2007,
doi 10.1007/978-3-540-74549-5_87; scikit-image). They were trained on photographs and fire at
ovals in the light, too; so the number of neighbouring hits that counts as a face was set on the
validation heads: above what smooth balls, backs of heads and heads without features get. Where
MediaPipe is installed, its networks are asked as well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bids_deface.assurance.mediapipe_face import is_installed, shows_face
from bids_deface.rendering import render_head

#: Rotation about the vertical axis, degrees, of the pictures that are shown to the detectors.
NEARLY_FRONT: Final[Mapping[str, float]] = MappingProxyType(
    {"front": 0.0, "left 15": 15.0, "right 15": -15.0}
)
FRONT: Final[Mapping[str, float]] = MappingProxyType(
    {**NEARLY_FRONT, "left 30": 30.0, "right 30": -30.0}
)
PROFILES: Final[Mapping[str, float]] = MappingProxyType({"left": 90.0, "right": -90.0})
#: Size of a pixel as rendered and as shown, mm: the surface is known at 2 mm.
RENDER_MM = 1.6
SHOWN_MM = 1.25
#: Dark border around the head, pixels as rendered.
BORDER = 30
DARK = 12
#: A face is 105-275 mm wide, pixels as shown: what is smaller is an ear or a fold.
FACE_PIXELS = (85, 220)
#: Growth of the window from one scale to the next.
SCALE_STEP = 1.05

Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class FaceDetector:
    """A detector of faces in pictures.

    Attributes
    ----------
    name
        For records and reports.
    views
        What it is shown.
    neighbours
        Neighbouring hits that count as a face; networks count none.
    find
        Tells from a picture and that number whether a face is there.
    """

    name: str
    views: Mapping[str, float]
    neighbours: int
    find: Callable[[Picture, int], bool]


def _haar(file: str, *, both: bool = False) -> Callable[[Picture, int], bool]:
    def find(picture: Picture, neighbours: int) -> bool:
        # A profile cascade knows one side only.
        sides = (picture, np.ascontiguousarray(picture[:, ::-1])) if both else (picture,)
        return any(
            len(
                _haar_cascade(file).detectMultiScale(
                    side,
                    scaleFactor=SCALE_STEP,
                    minNeighbors=neighbours,
                    minSize=(FACE_PIXELS[0],) * 2,
                    maxSize=(FACE_PIXELS[1],) * 2,
                )
            )
            for side in sides
        )

    return find


def _lbp(picture: Picture, neighbours: int) -> bool:
    return bool(
        _lbp_cascade().detect_multi_scale(
            img=picture,
            scale_factor=SCALE_STEP,
            step_ratio=1,
            min_size=(FACE_PIXELS[0],) * 2,
            max_size=(FACE_PIXELS[1],) * 2,
            min_neighbor_number=neighbours,
        )
    )


DETECTORS: Final = (
    FaceDetector("Haar frontal", FRONT, 68, _haar("haarcascade_frontalface_alt2.xml")),
    FaceDetector("Haar frontal tree", FRONT, 3, _haar("haarcascade_frontalface_alt_tree.xml")),
    FaceDetector("Haar profile", PROFILES, 10, _haar("haarcascade_profileface.xml", both=True)),
    FaceDetector("LBP frontal", NEARLY_FRONT, 95, _lbp),
)
MEDIAPIPE: Final = FaceDetector("MediaPipe", FRONT, 0, lambda picture, _: shows_face(picture))


def all_detectors() -> tuple[FaceDetector, ...]:
    """Return all detectors that are installed."""
    return (*DETECTORS, MEDIAPIPE) if is_installed() else DETECTORS


def find_faces(
    image: NDArray[np.float32], affine: NDArray[np.float64], threshold: float
) -> dict[str, int]:
    """Look for a face on the rendered head.

    Parameters
    ----------
    image
        Intensities (i, j, k) of an upright head, brighter = more signal; 2 mm are enough.
    affine
        Voxel-to-world matrix (4x4, RAS+, mm).
    threshold
        Intensity of the head's surface.

    Returns
    -------
    dict
        Name of the detector to the number of its views in which it finds a face.
    """
    views = render_head(image, affine, threshold, {**FRONT, **PROFILES}, RENDER_MM)
    pictures = {name: _shown(view) for name, view in views.items()}
    return {
        detector.name: sum(
            detector.find(pictures[view], detector.neighbours) for view in detector.views
        )
        for detector in all_detectors()
    }


def _shown(view: Picture) -> Picture:
    import cv2

    padded = np.pad(view, BORDER, constant_values=DARK)
    scale = RENDER_MM / SHOWN_MM
    return np.asarray(cv2.resize(padded, None, fx=scale, fy=scale), dtype=np.uint8)


@lru_cache(maxsize=4)
def _haar_cascade(file: str) -> Any:
    # Late imports: a command that renders nothing needs neither library.
    from cv2 import CascadeClassifier
    from cv2.data import haarcascades

    return CascadeClassifier(haarcascades + file)


@lru_cache(maxsize=1)
def _lbp_cascade() -> Any:
    from skimage import data, feature

    return feature.Cascade(data.lbp_frontal_face_cascade_filename())
