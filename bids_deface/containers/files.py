"""Files as streams of bytes: unpacked on the way in, whole or not at all on the way out."""

from __future__ import annotations

import errno
import os
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from isal import igzip, isal_zlib
from numpy.typing import NDArray

from bids_deface.containers.leftovers import PREFIX, SUFFIX, hold
from bids_deface.errors import ImageError, NoInputError, OutputError, ReadError

Piece = bytes | memoryview
Writer = Callable[[BinaryIO], object]
#: Looks at files that are written but not in their places yet: place to temporary file.
Inspector = Callable[[Mapping[Path, Path]], object]
#: Bytes that go through gzip at once.
CHUNK = 2**17
ANNEX_HINT = "Run: datalad get (git-annex content is missing)."
#: What a disk says that is full, or a quota, or a limit of file sizes.
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
FULL_HINT = "Make space, then run the same command again."
#: git-annex takes no larger file for one of its pointers.
ANNEX_POINTER_BYTES = 32 * 1024
#: What a damaged gzip file raises.
_ISAL_ERROR: type[Exception] = isal_zlib.error  # type: ignore[assignment]
DAMAGED = (EOFError, zlib.error, igzip.BadGzipFile, _ISAL_ERROR)


@contextmanager
def reading(path: Path) -> Iterator[BinaryIO]:
    """Open a file, unpacked where it is gzipped, whatever its name says.

    Raises
    ------
    NoInputError
        The file is not there, or is a git-annex link or pointer without its content.
    ImageError
        The file is damaged; found while it is read.
    ReadError
        The disk does not answer.
    """
    if not path.exists():
        raise NoInputError(f"{path} does not exist.", ANNEX_HINT if path.is_symlink() else None)
    if not path.is_file():
        # A pipe would be waited for, a device read for ever.
        raise NoInputError(f"{path} is no file.")
    try:
        with path.open("rb") as file:
            start = file.read(ANNEX_POINTER_BYTES)
            if is_annex_pointer(start):
                raise NoInputError(f"{path} has no content here.", ANNEX_HINT)
            file.seek(0)
            if start[:2] == b"\x1f\x8b":
                with igzip.open(file, "rb") as unpacked:
                    yield unpacked
            else:
                yield file
    except DAMAGED as error:
        raise ImageError(
            f"{path} is truncated or damaged ({error}).", "Get the file again from its source."
        ) from error
    except OSError as error:
        raise ReadError(f"{path} cannot be read: {error.strerror or error}.") from error


def is_annex_pointer(start: bytes) -> bool:
    """Tell whether a file only names the content that git-annex has not fetched."""
    is_small = len(start) < ANNEX_POINTER_BYTES
    return is_small and b"/annex/objects/" in start.partition(b"\n")[0]


def voxel_bytes(data: NDArray[Any]) -> Iterator[Piece]:
    """Return the bytes of an array in Fortran order, piece by piece, without a copy of all."""
    if data.flags.f_contiguous:
        flat = data.reshape(-1, order="F").view(np.uint8).data
        yield from (flat[start : start + CHUNK] for start in range(0, len(flat), CHUNK))
    else:
        for index in range(data.shape[-1]):
            part = np.asfortranarray(data[..., index])
            yield part.reshape(-1, order="F").view(np.uint8).data


def stream(pieces: Iterable[Piece], *, zipped: bool) -> Writer:
    """Return a function that writes the pieces one after another.

    Parameters
    ----------
    pieces
        Content of the file.
    zipped
        Whether to gzip it: without time and name, as BIDS asks.
    """

    def write(file: BinaryIO) -> None:
        if zipped:
            with igzip.IGzipFile("", "wb", compresslevel=3, fileobj=file, mtime=0) as packed:
                for piece in pieces:
                    packed.write(piece)
        else:
            for piece in pieces:
                file.write(piece)

    return write


def write_whole(path: Path, content: bytes) -> None:
    """Write ``content`` under a temporary name in the same folder, then rename it."""
    write_together({path: lambda file: file.write(content)})


def write_together(writers: Mapping[Path, Writer], inspect: Inspector | None = None) -> None:
    """Write files that belong together, all of them or none.

    Parameters
    ----------
    writers
        Path to what writes its content; renamed in this order once all are written.
    inspect
        Raises where what was written must not be seen; nothing is left then.

    Raises
    ------
    OutputError
        A file cannot be written.
    """
    made: dict[Path, Path] = {}
    placed: list[Path] = []
    try:
        for path, write in writers.items():
            made[path] = _write_temporary(path, write)
        if inspect is not None:
            inspect(made)
        for path, temporary in made.items():
            with _output_errors(path):
                temporary.replace(path)
            placed.append(path)
    except BaseException:
        for leftover in (*made.values(), *placed):
            leftover.unlink(missing_ok=True)
        raise


def _write_temporary(path: Path, write: Writer) -> Path:
    """Write a file beside its place; return it."""
    with _output_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=PREFIX, suffix=SUFFIX, dir=path.parent)
        hold(handle)
        try:
            with os.fdopen(handle, "wb") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
            umask = os.umask(0)
            os.umask(umask)
            Path(name).chmod(0o666 & ~umask)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    return Path(name)


@contextmanager
def _output_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        hint = FULL_HINT if error.errno in FULL else None
        raise OutputError(f"Cannot write {path}: {error.strerror or error}.", hint) from error
