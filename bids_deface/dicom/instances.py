"""One DICOM file: what its header says about series, patient and the place of its frames."""

from __future__ import annotations

import logging
import warnings
import zlib
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Final

from pydicom import config, dcmread
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.filereader import _read_file_meta_info, read_partial, read_preamble
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, MediaStorageDirectoryStorage

from bids_deface.dicom.frame_headers import COLOURS, NO_IMAGE, find_frames, frame_count
from bids_deface.dicom.frames import Frame
from bids_deface.errors import ReadError

#: Whose pixels show a patient slice by slice.
VOLUME_MODALITIES: Final = ("MR", "CT", "PT")
#: More than the header of any image; the pixels are not wanted here.
DEFER_SIZE: Final = 1024
#: pydicom unpacks deflated files as a whole; this is more than any of them holds.
MOST_UNPACKED: Final = 2**30
CHUNK: Final = 2**20
SOP_INSTANCE_UID: Final = 0x00080018


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
        _check_deflated(path)
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


def _check_deflated(path: Path) -> None:
    """Raise where a deflated data set would fill the memory: pydicom unpacks it as a whole."""
    with path.open("rb") as file:
        read_preamble(file, force=False)
        meta = _read_file_meta_info(file)
        if meta.get("TransferSyntaxUID") != DeflatedExplicitVRLittleEndian:
            return
        unpacked, size = zlib.decompressobj(-zlib.MAX_WBITS), 0
        packed = file.read(CHUNK)
        while packed and not unpacked.eof:
            size += len(unpacked.decompress(packed, CHUNK))
            if size > MOST_UNPACKED:
                raise NoDicomError("a DICOM file that unpacks to gigabytes", is_broken=True)
            packed = unpacked.unconsumed_tail or file.read(CHUNK)


def _without_preamble(path: Path) -> NoDicomError:
    """Tell a data set without the preamble from a file that is no DICOM at all."""
    try:
        with path.open("rb") as file:
            start = BytesIO(file.read(CHUNK))
        header = read_partial(start, lambda tag, *_: tag > SOP_INSTANCE_UID, force=True)
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
    frames, problem = find_frames(path, header)
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
        n_images=0 if problem == NO_IMAGE else frame_count(header),
        features=str(header.get("RecognizableVisualFeatures", "")),
    )


def _acquired(header: Dataset) -> str:
    place = str(header.get("FrameOfReferenceUID", "") or "")
    whole = str(header.get("AcquisitionDateTime", "") or "")
    parts = [str(header.get(f"Acquisition{part}", "") or "") for part in ("Date", "Time")]
    time = whole or ("".join(parts) if all(parts) else "")
    return f"{place} {time}" if place and time else ""
