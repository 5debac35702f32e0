"""Voxels and what lies beside them, out of a file: no more than it can hold."""

from __future__ import annotations

import math
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from bids_deface.containers.files import CHUNK
from bids_deface.errors import ImageError

#: No gzip file unpacks to more than this many times its size.
MAX_RATIO = 1040
#: No format has so much beside the voxels: extensions, tags.
MOST_BESIDE = 2**28


def read_voxels(
    file: BinaryIO, path: Path, dtype: np.dtype[Any], shape: tuple[int, ...]
) -> NDArray[Any]:
    """Read an array (Fortran order, read-only) straight into its own memory.

    Raises
    ------
    ImageError
        The file ends before.
    """
    count = math.prod(shape)
    size, done = count * dtype.itemsize, 0
    # A broken header must not ask for more memory than its file can fill.
    most = path.stat().st_size * (1 if isinstance(file, BufferedReader) else MAX_RATIO)
    if size > most:
        raise truncated(path, path.stat().st_size, size)
    try:
        data = np.empty(count, dtype)
    except MemoryError as error:
        raise ImageError(
            f"{path} needs {size / 2**30:.0f} GiB of memory, more than there is.",
            "Use a larger machine, or check the header.",
        ) from error
    buffer = data.view(np.uint8).data
    while done < size:
        got = file.readinto(buffer[done : done + CHUNK])  # type: ignore[attr-defined]
        if not got:
            raise truncated(path, done, size)
        done += got
    data.flags.writeable = False
    return data.reshape(shape, order="F")


def read_rest(file: BinaryIO, path: Path) -> bytes:
    """Read what lies beside the voxels, to the end of the file.

    Raises
    ------
    ImageError
        It is more than any format has there: packed zeros would fill the memory.
    """
    content = bytearray()
    while piece := file.read(CHUNK):
        content += piece
        if len(content) > MOST_BESIDE:
            raise ImageError(
                f"{path} holds more than {MOST_BESIDE >> 20} MiB beside the voxels that its "
                "header tells of.",
                "Get the file again from its source.",
            )
    return bytes(content)


@dataclass(frozen=True)
class VoxelPlace:
    """Where a scan's voxels are stored.

    Attributes
    ----------
    path
        The file that holds them.
    offset
        Bytes before them, unpacked.
    dtype, shape
        What they are.
    """

    path: Path
    offset: int
    dtype: np.dtype[Any]
    shape: tuple[int, ...]


def truncated(path: Path, found: int, expected: int) -> ImageError:
    """Return the error for a file that ends too early."""
    return ImageError(
        f"{path} is truncated: {found} bytes of voxels, {expected} expected.",
        "Get the file again from its source.",
    )
