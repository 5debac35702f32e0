"""Kinds of image files; known without numpy, so that ``--help`` is fast."""

from __future__ import annotations

from enum import StrEnum


class Container(StrEnum):
    """What kind of file a volume lies in."""

    NIFTI = "a NIfTI file"
    PAIR = "a NIfTI pair"
    MGH = "an MGH file"
