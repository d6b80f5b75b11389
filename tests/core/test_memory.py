"""Memory that was freed is given back, also from between blocks that are in use."""

import ctypes
import resource
import sys
from pathlib import Path

import pytest

from nlpcl.core.memory import return_freed, trimmer

BLOCK = 100_000  # bytes, less than what the C library takes from the system at once


def resident() -> int:
    """Pages of this process that are in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1])


@pytest.mark.skipif(trimmer() is None, reason="needs a C library with malloc_trim")
def test_gaps_between_blocks_go_back():
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    blocks = [libc.malloc(BLOCK) for _ in range(400)]
    for block in blocks:
        ctypes.memset(block, 1, BLOCK)
    full = resident()
    for block in blocks[::2]:  # no gap is next to another, so that none can be merged
        libc.free(ctypes.c_void_p(block))
    kept = resident()
    assert return_freed()
    given_back = kept - resident()
    freed = 200 * BLOCK // resource.getpagesize()
    assert full - kept < freed / 10
    assert given_back > 0.8 * freed
    for block in blocks[1::2]:
        libc.free(ctypes.c_void_p(block))


def test_other_systems_have_no_such_call(monkeypatch, request):
    trimmer.cache_clear()
    request.addfinalizer(trimmer.cache_clear)
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not return_freed()
