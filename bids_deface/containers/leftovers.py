"""Temporary files that a killed process left beside the places they were meant for."""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from pathlib import Path

if sys.platform != "win32":
    import fcntl

PREFIX, SUFFIX = ".tmp-", ".part"
#: A file this young may not be held yet by the process that just made it.
JUST_MADE_S = 1.0
#: Nobody writes a file for so long; counts where the file system knows no locks.
LONG_AGO_S = 24 * 3600.0


def hold(handle: int) -> bool | None:
    """Mark an open file as in use until it is closed or its process dies.

    Parameters
    ----------
    handle
        File descriptor, open for writing.

    Returns
    -------
    bool or None
        False where another process holds it; None where the file system knows no locks.
    """
    if sys.platform == "win32":
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def is_left(path: Path, unlocked_s: float = LONG_AGO_S) -> bool:
    """Tell whether the process that made and held a file is gone.

    Parameters
    ----------
    path
        The file.
    unlocked_s
        Age in seconds that says the same where the file system knows no locks.
    """
    age = time.time() - path.stat().st_mtime
    with path.open("r+b") as file:
        held = hold(file.fileno())
    return age > (unlocked_s if held is None else JUST_MADE_S) and held is not False


def drop_leftovers(folder: Path, *, deep: bool = False) -> None:
    """Remove temporary files of processes that are gone; other runs may be at work there.

    Parameters
    ----------
    folder
        Where files were written.
    deep
        Whether to look in its subfolders, too.
    """
    name = f"{PREFIX}*{SUFFIX}"
    for path in list(folder.rglob(name) if deep else folder.glob(name)):
        # Gone meanwhile, or not ours to remove.
        with suppress(OSError):
            if is_left(path):
                path.unlink()
