"""Reading of sound files as mono waveforms at one sampling rate.

Legend: ``T`` samples.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nlpcl.audio import ffmpeg
from nlpcl.audio.decoding import channel_of, opened, samples
from nlpcl.core.errors import UserError

if TYPE_CHECKING:
    from soundfile import SoundFile
    from torch import Tensor

SUFFIXES = (".wav", ".flac", ".ogg", ".mp3", ".aif", ".aiff", ".opus")
"""Endings of files that can be read everywhere; see :func:`suffixes`."""
SHORTEST = 0.1
"""Seconds below which a clip is refused."""
SILENCE = 1e-4
"""Root mean square around the mean below which a clip counts as silent (-80 dB)."""


def suffixes() -> tuple[str, ...]:
    """Endings of files that can be read here: with ffmpeg installed, those that it decodes too."""
    return (*SUFFIXES, *ffmpeg.SUFFIXES) if ffmpeg.is_installed() else SUFFIXES


def read_audio(
    path: str | Path,
    *,
    sampling_rate: int = 16_000,
    shortest: float = SHORTEST,
    start: float | None = None,
    end: float | None = None,
) -> Tensor:
    """Read a sound file or a part of one, mixed to mono and resampled.

    Where the channels cancel each other, the loudest of them is taken in place of their mix.

    Args:
        path: WAV, FLAC, OGG or MP3.
        sampling_rate: of the result, in Hz.
        shortest: seconds below which a clip is refused.
        start: where the part begins, in seconds; the file's beginning by default.
        end: where it ends, in seconds; the file's end by default.

    Returns:
        Samples as float32, between about -1 and 1, ``(T,)``.

    Raises:
        UserError: missing, no sound file, damaged, cut short, too short, no such part, or with
            samples that are no numbers.
    """
    path = Path(path)
    with opened(path) as sound:
        rate = sound.samplerate
        first, count = part(sound.frames / rate, rate, start, end, path)
        if first:
            sound.seek(first)
        waveform = mono(sound, count, path, channel_of(sound, count, path))
    if len(waveform) < shortest * rate:
        what = f"has {len(waveform) / rate:.3f} s of sound; {shortest:g} s are needed"
        raise UserError(what, path, "Leave the file out.")
    return resample(waveform, rate, sampling_rate)


def read_clip(row: Mapping[str, Any], *, sampling_rate: int = 16_000) -> Tensor:
    """Read the clip of a row: its ``path`` from ``start`` to ``end``, ``(T,)``.

    Raises:
        UserError: as :func:`read_audio`, or silent.
    """
    waveform = read_audio(
        row["path"], sampling_rate=sampling_rate, start=row.get("start"), end=row.get("end")
    )
    # Around the mean: a constant offset of the recorder is silence too.
    if float(waveform.std(correction=0)) < SILENCE:
        raise UserError("is silent", row["path"], "Leave the file out.")
    return waveform


def clip_seconds(row: Mapping[str, Any]) -> float:
    """Length of a clip in seconds, from the file's header.

    Raises:
        UserError: missing, no sound file, damaged, or no such part.
    """
    whole = seconds(row["path"])
    if row.get("start") is None and row.get("end") is None:
        return whole
    rate = 1_000_000
    _, count = part(whole, rate, row.get("start"), row.get("end"), Path(row["path"]))
    return whole - (row.get("start") or 0.0) if count < 0 else count / rate


def stream_audio(
    path: str | Path, *, sampling_rate: int = 16_000, block_seconds: float = 10.0
) -> Iterator[Tensor]:
    """Read a sound file block by block, in constant memory.

    The resampler carries its state from block to block, so that the blocks joined are the samples
    of :func:`read_audio`, bit for bit where the decoder gives the same in blocks.

    Args:
        path: WAV, FLAC, OGG or MP3.
        sampling_rate: of the result, in Hz.
        block_seconds: about the length of a block.

    Yields:
        Mono samples as float32, ``(T,)``.

    Raises:
        UserError: as :func:`read_audio`, but a short file is not refused.
    """
    import soxr
    import torch

    path = Path(path)
    with opened(path) as sound:
        rate = sound.samplerate
        block = max(1, round(block_seconds * rate))
        resampler = None if rate == sampling_rate else soxr.ResampleStream(rate, sampling_rate, 1)
        channel, ended = channel_of(sound, -1, path), False
        while not ended:
            waveform = mono(sound, block, path, channel)
            ended = len(waveform) < block
            if resampler is not None:
                given = resampler.resample_chunk(waveform.numpy(), last=ended)
                waveform = torch.from_numpy(given)
            if len(waveform):
                yield waveform


def mono(sound: SoundFile, count: int, path: Path, channel: int | None = None) -> Tensor:
    """Read ``count`` samples (-1: the rest) of a channel, or averaged over channels."""
    import torch

    waveform = torch.from_numpy(samples(sound, count, path, channel))
    if not waveform.isfinite().all():
        raise UserError("has samples that are not finite numbers", path, "Convert it anew.")
    return waveform


def part(
    whole: float, rate: int, start: float | None, end: float | None, path: Path
) -> tuple[int, int]:
    """First sample and number of samples (-1: the rest) of a part of ``whole`` seconds."""
    begin = 0.0 if start is None else start
    # Times in annotations are rounded; a tenth of a second beyond the end is the end.
    if begin < 0 or begin >= whole > 0 or (end is not None and not begin < end <= whole + 0.1):
        shown = f"{begin:g} s to {'its end' if end is None else f'{end:g} s'}"
        what = f"has no part from {shown}: it is {whole:.3f} s long"
        raise UserError(what, path, "Check start and end of the clip.")
    first = round(begin * rate)
    return first, -1 if end is None else round(min(end, whole) * rate) - first


def resample(waveform: Tensor, rate: int, wanted: int) -> Tensor:
    """Change the sampling rate of a waveform.

    By libsoxr: of those compared in ``benchmarks/resampling.py`` the fastest, with tones up to
    0.4375 of the lower rate (7 kHz of 16) within 0.1 % and those that do not fit 130 dB down.

    Args:
        waveform: float32 on the CPU, ``(T,)``.
        rate: its sampling rate in Hz.
        wanted: that of the result.

    Returns:
        ``(T * wanted / rate,)``, rounded to whole samples; the waveform itself where the rates are
        equal.
    """
    if rate == wanted:
        return waveform
    import soxr
    import torch

    return torch.from_numpy(soxr.resample(waveform.numpy(), rate, wanted))


def seconds(path: str | Path) -> float:
    """Length of a sound file in seconds, from its header.

    Raises:
        UserError: missing, no sound file, or damaged.
    """
    with opened(Path(path)) as sound:
        return sound.frames / sound.samplerate
