"""A face recogniser that was trained on photographs, where its weights are installed.

The ResNet of dlib (King 2009, jmlr.org/papers/v10/king09a.html; weights CC0) comes with the
optional extra ``bids-deface[recogniser]``; nothing is downloaded at run time.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bids_deface.errors import RecogniserError

PACKAGE: Final = "face_recognition_models"
WEIGHTS: Final = "models/dlib_face_recognition_resnet_model_v1.dat"


def load_recogniser() -> Any:
    """Return dlib's network.

    Raises
    ------
    RecogniserError
        dlib or its weights are not installed.
    """
    try:
        import dlib
    except ImportError as error:
        raise RecogniserError("dlib is not installed.") from error
    # The package itself needs a setuptools that is no longer made: only its file is used.
    spec = find_spec(PACKAGE)
    folders = spec.submodule_search_locations if spec else None
    weights = Path(folders[0]) / WEIGHTS if folders else None
    if weights is None or not weights.is_file():
        raise RecogniserError(f"The weights of {PACKAGE} are not installed.")
    return dlib.face_recognition_model_v1(str(weights))


def recogniser_descriptor(
    network: Any, chips: tuple[NDArray[np.uint8], ...]
) -> NDArray[np.float32]:
    """Return what the network makes of the pictures of one face.

    Parameters
    ----------
    network
        Of :func:`load_recogniser`.
    chips
        Of :func:`bids_deface.assurance.picture_attack.face_pictures`.
    """
    colours = [np.repeat(chip[..., None], 3, axis=2) for chip in chips]
    return np.concatenate(
        [np.array(network.compute_face_descriptor(np.ascontiguousarray(c))) for c in colours]
    ).astype(np.float32)
