"""Memory that is free but still held by this process."""

from __future__ import annotations

import ctypes
import sys
from functools import lru_cache
from typing import Any

#: glibc's name for the size from which memory goes back to the system as soon as it is freed.
M_MMAP_THRESHOLD = -3
#: That size, bytes; glibc itself raises it to 32 MiB, and the heap fills with holes.
LARGE = 2**25


def give_back_memory() -> None:
    """Give freed memory back to the system; nothing where the C library has no such call.

    The network's work space would otherwise stay with the process, as large as the scan itself.
    From the first call on, large arrays go back as soon as they are freed.
    """
    trim = _malloc_trim()
    if trim is not None:
        trim(0)


@lru_cache
def _malloc_trim() -> Any | None:
    """Return glibc's ``malloc_trim``; None where there is none (macOS, musl)."""
    if not sys.platform.startswith("linux"):
        return None
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):
        library.mallopt(M_MMAP_THRESHOLD, LARGE)
    return getattr(library, "malloc_trim", None)
