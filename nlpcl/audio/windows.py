"""Windows over a sound file of any length, in constant memory.

Legend: ``T`` samples.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from nlpcl.audio.reading import SHORTEST, read_audio, stream_audio
from nlpcl.core.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor

SMALLEST_HOP = 0.01
"""Seconds."""


class Window(NamedTuple):
    """A window of a sound file.

    Args:
        start, end: seconds from the file's beginning.
        waveform: its samples, ``(T,)``.
    """

    start: float
    end: float
    waveform: Tensor


def windows(
    path: str | Path,
    window_seconds: float | None = None,
    hop_seconds: float | None = None,
    sampling_rate: int = 16_000,
) -> Iterator[Window]:
    """Yield the windows of a sound file, reading it as they are consumed.

    The last one ends with the file and may be shorter; under 0.1 s it is left out.

    Args:
        path: WAV, FLAC, OGG or MP3.
        window_seconds: length of a window; without it the whole file is one window.
        hop_seconds: from one window's beginning to the next one's; a whole window by default.
        sampling_rate: of the result, in Hz.

    Raises:
        UserError: a window or hop that cannot be, or a file as :func:`read_audio` refuses it.
    """
    if window_seconds is None:
        if hop_seconds is not None:
            raise UserError("needs --window", "--hop", "Give --window SECONDS too.")
        waveform = read_audio(path, sampling_rate=sampling_rate)
        yield Window(0.0, len(waveform) / sampling_rate, waveform)
        return
    hop_seconds = window_seconds if hop_seconds is None else hop_seconds
    given = (("--window", window_seconds, SHORTEST), ("--hop", hop_seconds, SMALLEST_HOP))
    for name, value, least in given:
        if not least <= value < float("inf"):
            raise UserError(f"cannot be {value:g} s", name, f"Give {least:g} s or more.")
    yield from cut(Path(path), window_seconds, hop_seconds, sampling_rate)


def cut(path: Path, window_seconds: float, hop_seconds: float, rate: int) -> Iterator[Window]:
    """Cut the blocks of a sound file into windows."""
    import torch

    size, shortest = round(window_seconds * rate), round(SHORTEST * rate)
    held, first, number, begin = torch.zeros(0), 0, 0, 0

    def window(until: int) -> Window:
        # A copy: whoever keeps the window keeps no more than the window.
        return Window(begin / rate, until / rate, held[begin - first : until - first].clone())

    for block in stream_audio(path, sampling_rate=rate):
        held = torch.cat([held, block])
        # One that ends with what was read so far may be the last: it waits for more.
        while first + len(held) > begin + size:
            yield window(begin + size)
            number += 1
            begin = round(number * hop_seconds * rate)
        drop = min(begin - first, len(held))
        held, first = held[drop:].clone(), first + drop
    end = first + len(held)
    if number == 0 and end < shortest:
        what = f"has {end / rate:.3f} s of sound; {SHORTEST:g} s are needed"
        raise UserError(what, path, "Leave the file out.")
    if end - begin >= shortest:
        yield window(end)
