"""Stored pixel values out of DICOM files and back into them, without loss."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.pixels.utils import iter_pixels
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from bids_deface.dicom.frame_headers import frame_count
from bids_deface.errors import SeriesError

#: Elements that hold an image's pixels.
PIXELS: Final = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
#: Transfer syntaxes that can be written as they were: plain ones, and packed without loss.
PLAIN: Final = (
    ExplicitVRLittleEndian, ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian,
)  # fmt: skip
PACKED: Final = (RLELossless, JPEGLSLossless, JPEG2000Lossless)
#: What must be known before pixels are read.
HEADER: Final = ["BitsStored", "HighBit", "PixelRepresentation"]
#: What the header tells of the least and greatest value goes with the pixels.
RANGE: Final = {
    "SmallestImagePixelValue": np.min,
    "LargestImagePixelValue": np.max,
}


def read_frames(path: Path) -> Iterator[NDArray[Any]]:
    """Yield the frames of a file as stored values (row, column), in order.

    Raises
    ------
    SeriesError
        The pixels cannot be unpacked, or some are missing.
    """
    try:
        header = dcmread(path, stop_before_pixels=True, specific_tags=HEADER)
        # Where numbers have a sign, pydicom must say what the unused bits mean.
        signed = bool(header.PixelRepresentation)
        source = _source(path, header)
        for frame in iter_pixels(source, raw=True, correct_unused_bits=signed):
            _check_frame(frame, header, path)
            yield frame
    except (SeriesError, OSError, MemoryError):
        raise
    except Exception as error:
        # pydicom and its plugins raise errors of many kinds.
        raise SeriesError(
            f"{path.name}: its pixels cannot be read ({type(error).__name__}).",
            "The file is truncated, or packed in a way that pip install 'bids-deface[dicom]' "
            "may help to read.",
        ) from error


def _check_frame(frame: NDArray[Any], header: Dataset, path: Path) -> None:
    if frame.dtype.kind not in "iu" or frame.ndim != 2:
        raise SeriesError(f"{path.name}: its pixels are no whole numbers.")
    if header.HighBit != header.BitsStored - 1 or (
        not header.PixelRepresentation and int(frame.max()) >> header.BitsStored
    ):
        raise SeriesError(
            f"{path.name}: its pixels use bits that its header calls unused.",
            "Overlays or broken values lie there; clear them first.",
        )


def _source(path: Path, header: Dataset) -> Path | Dataset:
    """Return what pydicom can take pixels from: it reads deflated files only as a whole."""
    deflated = header.file_meta.TransferSyntaxUID == DeflatedExplicitVRLittleEndian
    return dcmread(path) if deflated else path


def put_pixels(dataset: Dataset, frames: NDArray[Any], *, keep_syntax: bool) -> None:
    """Replace the pixels of a data set; nothing else of it is touched but what tells of them.

    Parameters
    ----------
    dataset
        Of the file they came from, changed in place.
    frames
        Stored values (frame, row, column) of the dtype they were read in.
    keep_syntax
        Write them in the transfer syntax they came in, where that loses nothing.

    Raises
    ------
    SeriesError
        The header does not fit them.
    """
    came_in = dataset.file_meta.TransferSyntaxUID
    if frames.dtype.itemsize * 8 != dataset.BitsAllocated:
        raise SeriesError(f"pixels of {dataset.BitsAllocated} bits cannot be written back.")
    _store(dataset, frames)
    dataset.file_meta.TransferSyntaxUID = (
        came_in if keep_syntax and came_in in PLAIN else ExplicitVRLittleEndian
    )
    if keep_syntax and came_in in PACKED:
        whole = frames if len(frames) > 1 else frames[0]
        # GDCM's encoder ends the process over frames of odd size.
        plugin = "pydicom" if came_in == RLELossless else ""
        dataset.compress(came_in, whole, encoding_plugin=plugin, generate_instance_uid=False)


def trim_pixels(dataset: Dataset) -> None:
    """Cut off what follows the last pixel of plain pixel data: it may be anything."""
    if "PixelData" not in dataset or dataset.file_meta.TransferSyntaxUID not in PLAIN:
        return
    bits = dataset.Rows * dataset.Columns * dataset.get("SamplesPerPixel", 1)
    bits *= frame_count(dataset) * dataset.BitsAllocated
    length = (bits + 7) // 8
    dataset.PixelData = dataset.PixelData[: length + length % 2]


def _store(dataset: Dataset, frames: NDArray[Any]) -> None:
    raw = np.ascontiguousarray(frames, frames.dtype.newbyteorder("<")).tobytes()
    # Elements are of even length (PS3.5, 7.1.1).
    dataset.PixelData = raw + b"\0" * (len(raw) % 2)
    dataset["PixelData"].VR = "OB" if dataset.BitsAllocated <= 8 else "OW"
    dataset["PixelData"].is_undefined_length = False
    for keyword, measure in RANGE.items():
        if keyword in dataset:
            setattr(dataset, keyword, int(measure(frames)))
    for keyword in ("ExtendedOffsetTable", "ExtendedOffsetTableLengths"):
        if keyword in dataset:
            delattr(dataset, keyword)
