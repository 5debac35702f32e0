"""What a written file holds, read back slab by slab before anybody else can see it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from bids_deface.containers.files import reading
from bids_deface.containers.load import locate_voxels
from bids_deface.containers.voxels import truncated
from bids_deface.errors import DefaceError, OutputError

#: Bytes that are held at a time.
SLAB_BYTES = 2**22
HINT = "Check disk and memory of this machine, then run the same command again."


def differs_on_disk(path: Path, what: str) -> OutputError:
    """Return the error for a file that does not hold what was to be written."""
    return OutputError(f"{path}: {what} is not as it was to be written; nothing was kept.", HINT)


def voxel_slabs(path: Path) -> Iterator[NDArray[Any]]:
    """Yield the voxels of a scan (i, j, n), slices in the order of the file.

    Parameters
    ----------
    path
        As for :func:`.load.load_volume`; errors as there.
    """
    there = locate_voxels(path)
    with reading(there.path) as file:
        file.read(there.offset)
        size = math.prod(there.shape) * there.dtype.itemsize
        yield from _slabs(file, there.dtype, there.shape, truncated(path, 0, size))


def read_back(
    temporary: Path, place: Path, start: bytes, like: NDArray[Any], end: bytes
) -> Iterator[NDArray[Any]]:
    """Yield the voxels of a written file (i, j, n), slices in the order of the file.

    Parameters
    ----------
    temporary
        The file; gzipped or not.
    place
        Where it is to go, for messages.
    start, end
        Bytes that must stand before and after the voxels.
    like
        Array (i, j, k[, t...]) whose shape and dtype the voxels have.

    Raises
    ------
    OutputError
        The file cannot be read, is shorter or longer, or other bytes stand around its voxels.
    """
    try:
        with reading(temporary) as file:
            if file.read(len(start)) != start:
                raise differs_on_disk(place, "the header")
            short = differs_on_disk(place, "the end of the file")
            yield from _slabs(file, like.dtype, like.shape, short)
            if file.read() != end:
                raise differs_on_disk(place, "what follows the voxels")
    except OutputError:
        raise
    except DefaceError as error:
        raise differs_on_disk(place, "the file") from error


def _slabs(
    file: BinaryIO, dtype: np.dtype[Any], shape: tuple[int, ...], short: DefaceError
) -> Iterator[NDArray[Any]]:
    """Yield voxels (i, j, n) from an open file; raise ``short`` where it ends before."""
    row = math.prod(shape[:2]) * dtype.itemsize
    left, step = math.prod(shape[2:]), max(1, SLAB_BYTES // max(1, row))
    while left:
        n = min(step, left)
        content = file.read(n * row)
        if len(content) < n * row:
            raise short
        yield np.frombuffer(content, dtype).reshape(*shape[:2], n, order="F")
        left -= n
