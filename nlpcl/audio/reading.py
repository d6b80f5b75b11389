"""Sound files as mono waveforms of one sampling rate.

Legend: ``T`` samples.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from nlpcl.errors import UserError, first_line

if TYPE_CHECKING:
    from torch import Tensor

SUFFIXES = (".wav", ".flac", ".ogg", ".mp3", ".aif", ".aiff", ".opus")
"""Endings of files that can be read."""
SHORTEST = 0.1
"""Seconds below which a clip is refused."""
READABLE = "Give a WAV, FLAC, OGG or MP3 file (ffmpeg converts others)."
POINTER = b"version https://git-lfs"


def read_audio(
    path: str | Path, *, sampling_rate: int = 16_000, shortest: float = SHORTEST
) -> Tensor:
    """A sound file, mixed to mono and resampled.

    Args:
        path: WAV, FLAC, OGG or MP3.
        sampling_rate: of the result, in Hz.
        shortest: seconds below which a clip is refused.

    Returns:
        Samples as float32, between about -1 and 1, ``(T,)``.

    Raises:
        UserError: missing, no sound file, damaged, too short, or with samples that are no numbers.
    """
    import soundfile
    import torch

    path = Path(path)
    check_file(path)
    try:
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (RuntimeError, OSError, ValueError) as error:
        raise UserError(f"cannot be read ({first_line(error)})", path, READABLE) from error
    waveform = torch.from_numpy(samples.mean(axis=1))
    if len(waveform) < shortest * rate:
        what = f"has {len(waveform) / rate:.3f} s of sound; {shortest:g} s are needed"
        raise UserError(what, path, "Leave the file out.")
    if not waveform.isfinite().all():
        raise UserError("has samples that are not finite numbers", path, "Convert it anew.")
    return resample(waveform, rate, sampling_rate)


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


def resample(waveform: Tensor, rate: int, wanted: int) -> Tensor:
    """Change the sampling rate.

    Rates whose ratio has no small terms (24414 Hz) would need filters of gigabytes; the nearest
    ratio with a denominator of 1000 at most changes pitch and length by a few millionths.

    Args:
        waveform: ``(T,)``.
        rate: its sampling rate in Hz.
        wanted: that of the result.
    """
    if rate == wanted:
        return waveform
    from torchaudio.functional import resample as change_rate

    ratio = Fraction(wanted, rate).limit_denominator(1000)
    return change_rate(waveform, ratio.denominator, ratio.numerator)


def seconds(path: str | Path) -> float:
    """Length of a sound file, from its header.

    Raises:
        UserError: missing, no sound file, or damaged.
    """
    import soundfile

    path = Path(path)
    check_file(path)
    try:
        return float(soundfile.info(str(path)).duration)
    except (RuntimeError, OSError, ValueError) as error:
        raise UserError(f"cannot be read ({first_line(error)})", path, READABLE) from error
