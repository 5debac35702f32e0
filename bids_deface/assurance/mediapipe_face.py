"""MediaPipe's networks for faces, where they are installed.

One finds faces (BlazeFace, Bazarevsky et al. 2019, arXiv:1907.05047), one looks whether the mesh
of a face fits there (Face Mesh, Kartynnik et al. 2019, arXiv:1907.06724). Both were trained on
photographs; they come with the optional extra ``bids-deface[mediapipe]``, and nothing is
downloaded at run time.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

#: How sure the first must be; alone it is not enough, for it sees faces in heads without features.
#: Set on the validation heads: untouched, 25 of 25 in all five views, of the external scans 12 of
#: 13; backs of heads, none of 25 and one view of one of 13; no ball, no head that was defaced.
LEAST_SCORE: Final = 0.6
#: Side of the picture with which they are started, pixels.
BLANK: Final = 64


def is_installed() -> bool:
    """Tell whether MediaPipe can be imported and brings its networks."""
    return _networks() is not None


def shows_face(picture: NDArray[np.uint8]) -> bool:
    """Tell whether the networks see a face in a picture.

    Parameters
    ----------
    picture
        uint8 (rows, columns).
    """
    colours = np.ascontiguousarray(np.repeat(picture[..., None], 3, axis=2))
    networks = _networks()
    with _silence():
        return networks is not None and bool(networks.process(colours).multi_face_landmarks)


@lru_cache(maxsize=1)
def _networks() -> Any | None:
    """Return both networks; None where they are not to be had."""
    with _silence():
        try:
            from mediapipe import solutions

            # No tracking: each picture is looked at anew.
            networks = solutions.face_mesh.FaceMesh(
                static_image_mode=True, min_detection_confidence=LEAST_SCORE
            )
            # Their threads start with the first picture, and talk then.
            networks.process(np.zeros((BLANK, BLANK, 3), np.uint8))
        # Later versions have no models; sounds need a library of the system.
        except (ImportError, AttributeError, OSError):
            return None
        return networks


@contextmanager
def _silence() -> Iterator[None]:
    """Keep what the C++ library and its Python say off stderr."""
    sys.stderr.flush()
    kept = os.dup(2)
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        os.dup2(nowhere.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)
