"""Bring a file to its place without copying its bytes where the file system can."""

from __future__ import annotations

import filecmp
import os
import secrets
import shutil
import sys
from enum import StrEnum
from pathlib import Path
from typing import Final

from bids_deface.containers.leftovers import PREFIX, SUFFIX
from bids_deface.errors import OutputError

#: ioctl of Linux that makes one file share the blocks of another until either is written.
FICLONE: Final = 0x40049409


class Way(StrEnum):
    """How a file came to its place."""

    REFLINK = "reflink"
    HARD_LINK = "hard link"
    COPY = "copy"
    THERE = "was there"
    WRITTEN = "written"


def place_file(source: Path, target: Path, *, copy: bool = False) -> Way:
    """Bring the content of a file to a place, whole or not at all.

    Parameters
    ----------
    source
        Its content is never changed; a link stands for what it leads to.
    target
        Its place; what is there is replaced unless it is the same.
    copy
        Never share blocks or names with the source.

    Raises
    ------
    OutputError
        It cannot be written, or what was written is not what was read.
    """
    real = source.resolve()
    try:
        if is_same(real, target, copy=copy):
            return Way.THERE
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f"{PREFIX}{secrets.token_hex(6)}{SUFFIX}")
        try:
            way = _make(real, temporary, copy=copy)
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"Cannot write {target}: {error.strerror or error}.") from error
    return way


def is_same(source: Path, target: Path, *, copy: bool) -> bool:
    """Tell whether a place holds a file already: the same one, or one of equal bytes.

    Parameters
    ----------
    source, target
        The two.
    copy
        Whether the same file under two names will not do.
    """
    if target.is_symlink() or not target.is_file():
        return False
    if target.samefile(source):
        return not copy
    one, other = source.stat(), target.stat()
    if one.st_size != other.st_size:
        return False
    return filecmp.cmp(source, target, shallow=False)


def _make(source: Path, target: Path, *, copy: bool) -> Way:
    if not copy and _reflink(source, target):
        return Way.REFLINK
    if not copy:
        try:
            os.link(source, target)
        except OSError:
            # Another file system, or one without links.
            target.unlink(missing_ok=True)
        else:
            return Way.HARD_LINK
    # Neither times nor permissions go along: the one may be dates of scans, the other locked.
    shutil.copyfile(source, target)
    if not filecmp.cmp(source, target, shallow=False):
        raise OutputError(f"{target} is not what {source} holds.", "Check the disk.")
    return Way.COPY


def _reflink(source: Path, target: Path) -> bool:
    """Let a new file share the blocks of another; False where that cannot be."""
    if not sys.platform.startswith("linux"):
        return False
    import fcntl

    with source.open("rb") as read, target.open("xb") as written:
        try:
            fcntl.ioctl(written.fileno(), FICLONE, read.fileno())
        except OSError:
            cloned = False
        else:
            cloned = True
    if not cloned:
        target.unlink()
    return cloned
