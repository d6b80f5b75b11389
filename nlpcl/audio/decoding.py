"""Sound files opened and read by libsndfile; what is wrong with one is one line.

A file that holds less sound than its header says is refused: half a clip is not the clip. The MP3
decoder writes its doubts to stderr by itself; they are kept for :func:`taken_warnings` instead.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nlpcl.audio import ffmpeg
from nlpcl.audio.channels import chosen_channel
from nlpcl.audio.unfinished import mended
from nlpcl.core.errors import UserError, first_line

if TYPE_CHECKING:
    import numpy as np
    from soundfile import SoundFile

LOWEST_RATE, HIGHEST_RATE = 4_000, 768_000
"""Sampling rates in Hz outside of which a header is taken to be wrong."""
READABLE = "Give a WAV, FLAC, OGG or MP3 file (ffmpeg converts others)."
WHOLE = "Get an undamaged copy, or keep what is there: ffmpeg -i FILE NEW.wav"
POINTER = b"version https://git-lfs"
SHORTENED = re.compile(
    r"^\s*(?:data|SSND|Data Size|Riff size|riff) *: (\d+) \(should be (\d+)\)", re.M
)
"""What libsndfile notes of a header that gives more bytes than the file has."""
UNFINISHED = re.compile(r"Last page lacks an end-of-stream bit|Junk after the last page")
"""What it notes of an OGG file without its last page or with a part of it."""
UNKNOWN_LENGTH = 0x7FFF_0000
"""Bytes from which a length in a header stands for "not known": recorders and pipes write it."""
ENDS_UNSEEN = {"FLAC": 0.0, "MP3": 0.05, "MPEG": 0.05}
"""Formats whose header libsndfile believes unseen, and the seconds that may lack at the end."""

_warnings: dict[Path, str] = {}


@contextlib.contextmanager
def opened(path: Path) -> Iterator[SoundFile]:
    """A sound file at its beginning; what libsndfile cannot read is decoded by ffmpeg.

    Raises:
        UserError: missing, no sound file, damaged, shorter than its header says, or of an
            impossible sampling rate.
    """
    import soundfile

    check_file(path)
    try:
        with readable(path) as source:
            with decoder_warnings(path):
                sound = soundfile.SoundFile(source)
            with sound:
                check_rate(sound.samplerate, path)
                check_whole(sound, path)
                yield sound
    except (RuntimeError, OSError, ValueError) as error:
        raise UserError(f"cannot be read ({first_line(error)})", path, READABLE) from error


@contextlib.contextmanager
def readable(path: Path) -> Iterator[Any]:
    """What libsndfile opens for a file: its name, or a copy or form of it that can be read."""
    if path.suffix.lower() in ffmpeg.SUFFIXES:
        with ffmpeg.decoded(path) as copy:
            yield str(copy)
    elif (file := mended(path)) is not None:
        with file:
            yield file
    else:
        yield str(path)


def samples(sound: SoundFile, count: int, path: Path, channel: int | None = None) -> np.ndarray:
    """The next samples, averaged over channels.

    Args:
        sound: open.
        count: of samples; all that are left where it is -1.
        path: of the file.
        channel: the one to take in place of the average.

    Returns:
        float32, ``(T,)``.
    """
    with decoder_warnings(path):
        block = sound.read(count, dtype="float32", always_2d=True)
    return block.mean(axis=1) if channel is None else block[:, channel].copy()


def channel_of(sound: SoundFile, count: int, path: Path) -> int | None:
    """The channel to take of the next ``count`` samples (-1: the rest); None is the average.

    See :mod:`nlpcl.audio.channels`.
    """
    with decoder_warnings(path):
        return chosen_channel(sound, count)


def check_file(path: Path) -> None:
    """Refuse what is not there, not a file, or a git-lfs pointer in place of the sound."""
    if path.is_dir():
        raise UserError("is a folder, not a sound file", path, READABLE)
    try:
        with path.open("rb") as stream:
            beginning = stream.read(len(POINTER))
    except FileNotFoundError as error:
        raise UserError("no such file", path, READABLE) from error
    except OSError as error:
        raise UserError(f"cannot be read ({error.strerror})", path, READABLE) from error
    if not beginning:
        raise UserError("is empty", path, READABLE)
    if beginning == POINTER:
        raise UserError("is a git-lfs pointer, not the sound itself", path, "Run: git lfs pull")


def check_rate(rate: int, path: Path) -> None:
    """Refuse sampling rates of a damaged header; resampling from 1 Hz would take minutes."""
    if not LOWEST_RATE <= rate <= HIGHEST_RATE:
        what = f"has a sampling rate of {rate} Hz; {LOWEST_RATE} to {HIGHEST_RATE} Hz are plausible"
        raise UserError(what, path, "Get an undamaged copy, or correct its header.")


def check_whole(sound: SoundFile, path: Path) -> None:
    """Refuse a file that is cut short; the sound is at its beginning afterwards."""
    notes = sound.extra_info
    for told, there in SHORTENED.findall(notes):
        if int(there) < int(told) < UNKNOWN_LENGTH:
            part = f"{100 * int(there) / int(told):.0f} % of the sound its header tells of"
            raise UserError(f"is cut short: it holds {part}", path, WHOLE)
    if UNFINISHED.search(notes):
        raise UserError("is cut short: its end is missing", path, WHOLE)
    slack = ENDS_UNSEEN.get(sound.format)
    if slack is not None and sound.frames:
        last = max(0, sound.frames - 1 - round(slack * sound.samplerate))
        with decoder_warnings(path):
            if not reaches(sound, last):
                told = f"{sound.frames / sound.samplerate:.3f} s its header tells of"
                raise UserError(f"is cut short: it does not hold the {told}", path, WHOLE)
            sound.seek(0)


def reaches(sound: SoundFile, frame: int) -> bool:
    """Whether a sample can be read."""
    try:
        sound.seek(frame)
        return len(sound.read(1)) == 1
    except RuntimeError:
        return False


@contextlib.contextmanager
def decoder_warnings(path: Path) -> Iterator[None]:
    """Keep what the MP3 decoder, a library in C, writes to the process's stderr."""
    if path.suffix.lower() != ".mp3":
        yield
        return
    sys.stderr.flush()
    try:
        former = os.dup(2)
    except OSError:  # a process without stderr
        yield
        return
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(former, 2)
            os.close(former)
            held.seek(0)
            said = held.read().decode(errors="replace").split("\n")
            lines = [line.strip() for line in said if line.strip()]
            if lines:
                _warnings.setdefault(path, lines[0])


def taken_warnings() -> dict[Path, str]:
    """What the decoder said first of each file since the last call."""
    taken = dict(_warnings)
    _warnings.clear()
    return taken
