"""Where the frames of one file lie: classic images and enhanced, multi-frame ones."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from pydicom.dataset import Dataset
from pydicom.uid import EnhancedMRImageStorage, LegacyConvertedEnhancedMRImageStorage

from bids_deface.dicom.frames import Component, Frame, check_plane

#: What tells images of one place apart; acquisition numbers and times do not.
CONTRAST_KEYWORDS: Final = ("EchoTime", "InversionTime", "FlipAngle", "EchoNumbers")
#: What sorts images of one place and contrast.
ORDER_KEYWORDS: Final = ("TemporalPositionIdentifier", "AcquisitionNumber", "InstanceNumber")
#: Third and later values of Image Type that name a part of the complex signal.
COMPONENT_OF: Final = {
    "P": Component.PHASE,
    "PHASE": Component.PHASE,
    "PHASE MAP": Component.PHASE,
    "R": Component.REAL,
    "REAL": Component.REAL,
    "I": Component.IMAGINARY,
    "IMAGINARY": Component.IMAGINARY,
}
ENHANCED: Final = (EnhancedMRImageStorage, LegacyConvertedEnhancedMRImageStorage)
NO_IMAGE: Final = "it holds no image"
COLOURS: Final = "it is a colour picture"


def find_frames(path: Path, header: Dataset) -> tuple[tuple[Frame, ...], str]:
    """Return the slices of a file, or in words why there are none.

    Parameters
    ----------
    path
        The file.
    header
        Its data set, with or without pixels.
    """
    if "Rows" not in header or "Columns" not in header:
        return (), NO_IMAGE
    if header.get("SamplesPerPixel", 1) != 1:
        return (), COLOURS
    make = _enhanced if header.get("SOPClassUID", "") in ENHANCED else _classic
    try:
        frames = tuple(make(path, header))
    except (AttributeError, KeyError, IndexError, TypeError, ValueError):
        return (), "it does not say where in the patient it lies"
    problems = [problem for frame in frames if (problem := check_plane(frame))]
    return ((), problems[0]) if problems else (frames, "")


def frame_count(header: Dataset) -> int:
    """Return how many frames a file with an image holds."""
    return int(header.get("NumberOfFrames", 1) or 1)


def _classic(path: Path, header: Dataset) -> Iterator[Frame]:
    """Yield the one frame of a classic image."""
    if frame_count(header) != 1:
        raise ValueError("frames without places")
    kinds = [str(value).upper() for value in list(header.get("ImageType", None) or [])[2:]]
    named = [COMPONENT_OF[kind] for kind in kinds if kind in COMPONENT_OF]
    yield Frame(
        path,
        0,
        _shape(header),
        _triple(header.ImagePositionPatient),
        *_directions(header.ImageOrientationPatient),
        _spacing(header.PixelSpacing),
        float(header.get("RescaleSlope", 1) or 0),
        float(header.get("RescaleIntercept", 0) or 0),
        named[0] if named else Component.MAGNITUDE,
        ("\\".join(kinds), *(_number(header.get(keyword)) for keyword in CONTRAST_KEYWORDS)),
        tuple(int(header.get(keyword) or 0) for keyword in ORDER_KEYWORDS),
    )


def _enhanced(path: Path, header: Dataset) -> Iterator[Frame]:
    """Yield the frames of a multi-frame image (PS3.3 C.7.6.16)."""
    shared = header.SharedFunctionalGroupsSequence[0]
    for index, own in enumerate(header.PerFrameFunctionalGroupsSequence):
        groups = _Groups(own, shared)
        measures = groups.get("PixelMeasuresSequence")
        scale = groups.find("PixelValueTransformationSequence")
        kind = groups.find("MRImageFrameTypeSequence")
        whole = header.get("ComplexImageComponent", "")
        part = str((kind.get("ComplexImageComponent", "") if kind else "") or whole).upper()
        content = groups.find("FrameContentSequence") or Dataset()
        echo = groups.find("MREchoSequence")
        modifier = groups.find("MRModifierSequence")
        timing = groups.find("MRTimingAndRelatedParametersSequence")
        yield Frame(
            path,
            index,
            _shape(header),
            _triple(groups.get("PlanePositionSequence").ImagePositionPatient),
            *_directions(groups.get("PlaneOrientationSequence").ImageOrientationPatient),
            _spacing(measures.PixelSpacing),
            float(scale.get("RescaleSlope", 1)) if scale else 1.0,
            float(scale.get("RescaleIntercept", 0)) if scale else 0.0,
            COMPONENT_OF.get(part, Component.MAGNITUDE),
            (
                "\\".join(map(str, kind.get("FrameType", ()))) if kind else "",
                _number(echo.get("EffectiveEchoTime") if echo else None),
                _number(modifier.get("InversionTimes") if modifier else None),
                _number(timing.get("FlipAngle") if timing else None),
            ),
            (int(content.get("TemporalPositionIndex", 0) or 0), index),
        )


class _Groups:
    """Functional groups of one frame: its own, else those that all frames share."""

    def __init__(self, own: Dataset, shared: Dataset) -> None:
        self._places = (own, shared)

    def find(self, keyword: str) -> Dataset | None:
        """Return a group; None where there is none."""
        for place in self._places:
            sequence = place.get(keyword)
            if sequence:
                return Dataset(sequence[0])
        return None

    def get(self, keyword: str) -> Dataset:
        """Return a group that must be there."""
        found = self.find(keyword)
        if found is None:
            raise KeyError(keyword)
        return found


def _shape(header: Dataset) -> tuple[int, int]:
    return int(header.Columns), int(header.Rows)


def _triple(values: Any) -> tuple[float, float, float]:
    x, y, z = map(float, values)
    return x, y, z


def _directions(
    values: Any,
) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    return _triple(values[:3]), _triple(values[3:])


def _spacing(values: Any) -> tuple[float, float]:
    """Return the distance of columns and of rows; the header has that of rows first."""
    rows, columns = map(float, values)
    return columns, rows


def _number(value: Any) -> float | str:
    """Return a value that can be compared: a number, or what else there is."""
    if value is None or value == "":
        return ""
    try:
        return float(value)
    except (TypeError, ValueError):
        return str(value)
