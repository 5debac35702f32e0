"""Kinds of image files; known without numpy, so that ``--help`` is fast."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Container(StrEnum):
    """What kind of file a volume lies in."""

    NIFTI = "a NIfTI file"
    PAIR = "a NIfTI pair"
    MGH = "an MGH file"


class Level(StrEnum):
    """How much of the face is hidden."""

    FEATURES = "features"
    FACE = "face"


class OnDoubt(StrEnum):
    """What becomes of an image whose verdict would be REVIEW."""

    REVIEW = "review"
    STRICT = "strict"
    REMOVE_FACE = "remove-face"


#: Folder of the derivatives that must not be shared.
PRIVATE: Final = "private"
