"""One DICOM file: what its header says about series, patient and the place of its frames."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydicom import config, dcmread
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.uid import (
    UID,
    EnhancedMRImageStorage,
    LegacyConvertedEnhancedMRImageStorage,
    MediaStorageDirectoryStorage,
)

from bids_deface.dicom.frames import Component, Frame, check_plane
from bids_deface.errors import ReadError

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
#: Whose pixels show a patient slice by slice.
VOLUME_MODALITIES: Final = ("MR", "CT", "PT")
NO_IMAGE: Final = "it holds no image"
COLOURS: Final = "it is a colour picture"
#: More than the header of any image; the pixels are not wanted here.
DEFER_SIZE: Final = 1024


@dataclass(frozen=True)
class Instance:
    """What one file says of itself.

    Attributes
    ----------
    path
        The file.
    sop_class, sop_uid, series_uid, study_uid, syntax
        UIDs; the last is the transfer syntax.
    patient
        Patient ID, name and birth date: never written anywhere.
    modality, image_type, burned_in, photometric
        As in the header.
    number
        Series number.
    acquired
        Frame of reference and time of acquisition; empty where the header lacks one of them.
    frames
        Its slices; empty where it shows none.
    problem
        Why it is no slice of a volume; empty if it is.
    n_images
        Number of frames it holds; 0 where it holds no image.
    features
        Recognizable Visual Features, as in the header.
    """

    path: Path
    sop_class: str
    sop_uid: str
    series_uid: str
    study_uid: str
    syntax: str
    patient: tuple[str, str, str]
    modality: str
    image_type: tuple[str, ...]
    burned_in: str
    photometric: str
    number: str
    acquired: str
    frames: tuple[Frame, ...]
    problem: str
    n_images: int
    features: str

    @property
    def is_picture(self) -> bool:
        """Whether it shows anything but slices: what only lacks its place may be a slice."""
        is_capture = "Secondary Capture" in UID(self.sop_class).name
        is_plain = self.modality in VOLUME_MODALITIES and not is_capture
        return self.n_images > 0 and (self.problem == COLOURS or not is_plain)


def hush_pydicom() -> None:
    """Keep pydicom from quoting values of headers in warnings and logs; once for each process."""
    logging.getLogger("pydicom").setLevel(logging.CRITICAL + 1)
    warnings.filterwarnings("ignore", module="pydicom")
    config.settings.reading_validation_mode = config.IGNORE


class NoDicomError(Exception):
    """A file is no DICOM image; the message says what it is.

    Parameters
    ----------
    message
        What it is.
    is_broken
        Whether it seems to have been an image.
    """

    def __init__(self, message: str, *, is_broken: bool = False) -> None:
        super().__init__(message)
        self.is_broken = is_broken


def read_instance(path: Path) -> Instance:
    """Read the header of one file.

    Raises
    ------
    NoDicomError
        It is no DICOM, or an index of a medium.
    ReadError
        It cannot be read just now.
    """
    try:
        header = dcmread(path, stop_before_pixels=True, defer_size=DEFER_SIZE)
        return _instance(path, header)
    except InvalidDicomError as error:
        raise _without_preamble(path) from error
    except OSError as error:
        if isinstance(error, EOFError):
            raise NoDicomError("a truncated DICOM file", is_broken=True) from error
        raise ReadError(f"{path} cannot be read ({error.strerror or error}).") from error
    except NoDicomError:
        raise
    except Exception as error:
        # pydicom meets broken files with errors of many kinds.
        raise NoDicomError(
            f"a broken DICOM file ({type(error).__name__})", is_broken=True
        ) from error


def _without_preamble(path: Path) -> NoDicomError:
    """Tell a data set without the preamble from a file that is no DICOM at all."""
    try:
        header = dcmread(path, force=True, stop_before_pixels=True)
        found = UID(str(header.get("SOPClassUID", ""))).is_valid and "SOPInstanceUID" in header
    except Exception:
        found = False
    if found:
        return NoDicomError("a DICOM file without its preamble (dcmconv mends it)", is_broken=True)
    return NoDicomError("no DICOM file")


def _instance(path: Path, header: Dataset) -> Instance:
    sop_class = str(header.get("SOPClassUID", ""))
    if header.file_meta.get("MediaStorageSOPClassUID", "") == MediaStorageDirectoryStorage:
        raise NoDicomError("a DICOMDIR: it lists files by name and patient, and is not copied")
    if not header.file_meta.get("TransferSyntaxUID"):
        raise NoDicomError("a DICOM file without its transfer syntax", is_broken=True)
    uids = [str(header.get(k, "")) for k in ("SOPInstanceUID", "SeriesInstanceUID")]
    if not sop_class or not all(uids):
        raise NoDicomError(
            "a DICOM file without the UIDs that say where it belongs", is_broken=True
        )
    frames, problem = _frames(path, header, sop_class)
    return Instance(
        path=path,
        sop_class=sop_class,
        sop_uid=uids[0],
        series_uid=uids[1],
        study_uid=str(header.get("StudyInstanceUID", "")),
        syntax=str(header.file_meta.get("TransferSyntaxUID", "")),
        patient=(
            str(header.get("PatientID", "")),
            str(header.get("PatientName", "")),
            str(header.get("PatientBirthDate", "")),
        ),
        modality=str(header.get("Modality", "")),
        image_type=tuple(map(str, header.get("ImageType", ()) or ())),
        burned_in=str(header.get("BurnedInAnnotation", "")),
        photometric=str(header.get("PhotometricInterpretation", "")),
        number=str(header.get("SeriesNumber", "") or ""),
        acquired=_acquired(header),
        frames=frames,
        problem=problem,
        n_images=0 if problem == NO_IMAGE else int(header.get("NumberOfFrames", 1) or 1),
        features=str(header.get("RecognizableVisualFeatures", "")),
    )


def _acquired(header: Dataset) -> str:
    place = str(header.get("FrameOfReferenceUID", "") or "")
    whole = str(header.get("AcquisitionDateTime", "") or "")
    parts = [str(header.get(f"Acquisition{part}", "") or "") for part in ("Date", "Time")]
    time = whole or ("".join(parts) if all(parts) else "")
    return f"{place} {time}" if place and time else ""


def _frames(path: Path, header: Dataset, sop_class: str) -> tuple[tuple[Frame, ...], str]:
    """Return the slices of a file, or why there are none."""
    if "Rows" not in header or "Columns" not in header:
        return (), NO_IMAGE
    if header.get("SamplesPerPixel", 1) != 1:
        return (), COLOURS
    make = _enhanced if sop_class in ENHANCED else _classic
    try:
        frames = tuple(make(path, header))
    except (AttributeError, KeyError, IndexError, TypeError, ValueError):
        return (), "it does not say where in the patient it lies"
    problems = [problem for frame in frames if (problem := check_plane(frame))]
    return ((), problems[0]) if problems else (frames, "")


def _classic(path: Path, header: Dataset) -> Iterator[Frame]:
    """Yield the one frame of a classic image."""
    if int(header.get("NumberOfFrames", 1) or 1) != 1:
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
