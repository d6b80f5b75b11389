"""WAV files whose header was never completed: the recorder crashed, or wrote to a pipe.

Their data chunk gives a length of 0, from which libsndfile concludes that there is no sound. (A
length of 0xFFFFFFFF it reads to the end of the file by itself.)
"""

from __future__ import annotations

import io
import os
import struct
from pathlib import Path
from typing import IO, Any

TO_THE_END = b"\xff\xff\xff\xff"
"""Length of a chunk that stands for the rest of the file."""
SEARCHED = 1 << 16
"""Bytes at the beginning in which the data chunk is looked for."""


class Mended(io.FileIO):
    """A file that reads as if four of its bytes were others.

    Args:
        path: the file.
        place: of the bytes.
    """

    def __init__(self, path: Path, place: int) -> None:
        super().__init__(path, "rb")
        self.place = place

    def readinto(self, buffer: Any) -> int:
        """Read into a buffer."""
        start = self.tell()
        count = super().readinto(buffer) or 0
        view = memoryview(buffer).cast("B")
        for at, value in enumerate(TO_THE_END, start=self.place - start):
            if 0 <= at < count:
                view[at] = value
        return count

    def read(self, size: int | None = -1) -> bytes:
        """Read some bytes, or all that are left."""
        left = os.fstat(self.fileno()).st_size - self.tell()
        buffer = bytearray(max(0, left if size is None or size < 0 else min(size, left)))
        return bytes(buffer[: self.readinto(buffer)])


def mended(path: Path) -> IO[bytes] | None:
    """An unfinished WAV file, opened so that its sound goes to its end; None for any other file."""
    with path.open("rb") as stream:
        head = stream.read(12)
        if head[:4] != b"RIFF" or head[8:] != b"WAVE":
            return None
        head += stream.read(SEARCHED)
        size = os.fstat(stream.fileno()).st_size
        place = data_chunk(head)
        if place is None or size <= place + 8 or is_whole(stream, place + 8, size):
            return None
    return Mended(path, place + 4)


def data_chunk(head: bytes) -> int | None:
    """Where a data chunk of length 0 begins; None where there is none."""
    at = 12
    while at + 8 <= len(head):
        name, length = struct.unpack_from("<4sI", head, at)
        if name == b"data":
            return None if length else at
        at += 8 + length + length % 2
    return None


def is_whole(stream: IO[bytes], at: int, size: int) -> bool:
    """Whether what follows an empty data chunk are further chunks up to the file's end."""
    while at + 8 <= size:
        stream.seek(at)
        name, length = struct.unpack("<4sI", stream.read(8))
        if not all(32 <= one < 127 for one in name):
            return False
        at += 8 + length + length % 2
    return at in (size, size + 1)
