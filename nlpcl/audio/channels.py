"""Channels whose mix would cancel: of such a recording the loudest channel is taken.

A microphone wired the wrong way round, or a stereo effect, gives two channels of opposite phase.
Their mean is silence, though both are full of speech.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from soundfile import SoundFile

CANCELLED = 0.1
"""Power of the mix, relative to the loudest channel's, below which the channels cancel each other
(-10 dB). That of two channels is a half where they have nothing in common, a quarter where one is
silent."""
BLOCK = 10.0
"""Seconds that are read at once."""
ENOUGH = 60.0
"""Seconds with sound that decide; the rest of a long recording is wired no other way."""
SILENT = 1e-8
"""Mean square (-80 dB) up to which a block has no sound and decides nothing."""


def chosen_channel(sound: SoundFile, count: int) -> int | None:
    """The loudest channel of the next ``count`` samples, where mixing cancels; else None.

    The sound is read, and put back to where it was.

    Args:
        sound: open, at the first sample that is wanted.
        count: of samples; -1 for the rest.
    """
    if sound.channels < 2:
        return None
    begin, size = sound.tell(), round(BLOCK * sound.samplerate)
    left = sound.frames - begin if count < 0 else count
    channels, mix, heard = [0.0] * sound.channels, 0.0, 0.0
    while left > 0 and heard < ENOUGH:
        block = sound.read(min(size, left), dtype="float32", always_2d=True)
        left = left - len(block) if len(block) else 0
        powers = squares(block)
        if len(block) and max(powers) > SILENT * len(block):
            channels = [old + new for old, new in zip(channels, powers, strict=True)]
            mix += squares(block.mean(axis=1, keepdims=True))[0]
            heard += len(block) / sound.samplerate
    sound.seek(begin)
    # Samples that are no numbers make every comparison false, and are refused by the reader.
    return channels.index(max(channels)) if mix < CANCELLED * max(channels) else None


def squares(block: np.ndarray) -> list[float]:
    """Sum of squares around the mean of each channel of ``(samples, channels)``."""
    if not len(block):
        return [0.0] * block.shape[1]
    values = block.astype("float64")
    return ((values - values.mean(axis=0)) ** 2).sum(axis=0).tolist()
