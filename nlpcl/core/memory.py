"""Memory that the C library keeps after it was freed."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from functools import cache
from typing import Any


def return_freed() -> bool:
    """Give back to the system what was freed, also between blocks that are in use.

    glibc keeps gaps between blocks for later ones. Where blocks of many sizes come and go, as with
    batches of text of all lengths, later ones do not fit, and the memory of the process grows by
    half (malloc_trim(3)). It looks through all of the heap: some 12 ms beside a loaded encoder.

    Returns:
        Whether there was anything to give back; False with a C library that has no such call.
    """
    trim = trimmer()
    return trim is not None and bool(trim(0))


@cache
def trimmer() -> Callable[[int], Any] | None:
    """The C library's malloc_trim, which glibc has and others have not."""
    on_linux = sys.platform.startswith("linux")
    return getattr(ctypes.CDLL(None), "malloc_trim", None) if on_linux else None
