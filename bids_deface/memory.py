"""Memory that is free but still held by this process."""

from __future__ import annotations

import ctypes
import sys
from functools import lru_cache
from typing import Any


def give_back_memory() -> None:
    """Give freed memory back to the system; nothing where the C library has no such call.

    The network's work space would otherwise stay with the process, as large as the scan itself.
    """
    trim = _malloc_trim()
    if trim is not None:
        trim(0)


@lru_cache
def _malloc_trim() -> Any | None:
    """Return glibc's ``malloc_trim``; None where there is none (macOS, musl)."""
    if not sys.platform.startswith("linux"):
        return None
    return getattr(ctypes.CDLL(None), "malloc_trim", None)
