"""What happens to speech on its way to a file: gain, noise, band limits, rooms, codecs, silence.

Each function takes a waveform and gives another of the same length; the given one is not modified.
:class:`Distortion` draws some of them for a copy of a training clip.

Legend: ``T`` samples, mono, 16 kHz, about -1 to 1.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from nlpcl.audio.augmentation import add_noise, uniform
from nlpcl.audio.reading import resample

RATE = 16_000
TELEPHONE = (300.0, 3400.0)
"""Hz that a telephone carries."""
EDGE = 50.0
"""Hz over which a band limit falls from all to nothing."""
EARLY = 0.005
"""Seconds after the direct sound in which a room is silent."""


def amplified(waveform: Tensor, decibels: float) -> Tensor:
    """Change the gain as a recorder does: clipped at full scale, rounded to 16 bits.

    Args:
        waveform: ``(T,)``.
        decibels: gain, negative for quieter.
    """
    louder = (waveform * 10 ** (decibels / 20)).clamp(-1, 1)
    return (louder * 32_767).round() / 32_767


def noisy(waveform: Tensor, snr: float, generator: Generator) -> Tensor:
    """Add white noise at a signal-to-noise ratio in dB over the whole clip.

    See :func:`nlpcl.audio.augmentation.add_noise`.
    """
    return add_noise(waveform[None], torch.tensor([len(waveform)]), snr, generator)[0]


def band_limited(waveform: Tensor, low: float, high: float) -> Tensor:
    """Keep the frequencies from ``low`` to ``high`` Hz alone, without a shift in time."""
    hertz = torch.fft.rfftfreq(len(waveform), 1 / RATE)
    rise = ((hertz - low) / EDGE + 0.5).clamp(0, 1)
    fall = ((high - hertz) / EDGE + 0.5).clamp(0, 1)
    return torch.fft.irfft(torch.fft.rfft(waveform) * rise * fall, n=len(waveform))


def telephone(waveform: Tensor) -> Tensor:
    """What a telephone carries, 300 to 3400 Hz."""
    return band_limited(waveform, *TELEPHONE)


def sampled_at(waveform: Tensor, rate: int) -> Tensor:
    """A waveform that was sampled at a lower rate in between: at 8000 Hz nothing above 4 kHz."""
    again = resample(resample(waveform, RATE, rate), rate, RATE)
    return torch.nn.functional.pad(again, (0, max(0, len(waveform) - len(again))))[: len(waveform)]


def room_response(reverberation_time: float, ratio: float, generator: Generator) -> Tensor:
    """Impulse response of an invented room: the direct sound, then noise that dies away.

    Args:
        reverberation_time: seconds in which the sound falls by 60 dB (T60).
        ratio: of the direct sound to all that follows, in dB.
        generator: of the noise.

    Returns:
        ``(round(16000 * reverberation_time),)``, energy 1.

    Source: Polack 1988 (exponentially decaying noise); no early reflections.
    """
    size = round(RATE * reverberation_time)
    noise = torch.randn(size, generator=generator, device=generator.device).cpu()
    tail = noise * 10 ** (-3 * torch.arange(size) / size)
    tail[: round(EARLY * RATE)] = 0
    response = tail / tail.norm().clamp(min=1e-12) * 10 ** (-ratio / 20)
    response[0] = 1.0
    return response / response.norm()


def reverberated(waveform: Tensor, response: Tensor) -> Tensor:
    """A waveform as heard in a room; what still sounds at its end is cut off."""
    size = len(waveform) + len(response) - 1
    heard = torch.fft.rfft(waveform, n=size) * torch.fft.rfft(response, n=size)
    return torch.fft.irfft(heard, n=size)[: len(waveform)]


def mp3(waveform: Tensor, quality: float = 0.9) -> Tensor:
    """A waveform written as MP3 and read again, about as long as it was.

    Args:
        waveform: ``(T,)``.
        quality: libsndfile's level of compression, 0 to 1, at which 1 is the smallest file.

    Raises:
        RuntimeError: this libsndfile writes no MP3; see :func:`writes_mp3`.
    """
    import soundfile

    stream = io.BytesIO()
    options = {"format": "MP3", "subtype": "MPEG_LAYER_III", "compression_level": quality}
    soundfile.write(stream, waveform.numpy(), RATE, **options)
    stream.seek(0)
    samples, _ = soundfile.read(stream, dtype="float32")
    return torch.from_numpy(samples)


def writes_mp3() -> bool:
    """Whether this installation's libsndfile writes MP3 (from 1.1 on)."""
    import soundfile

    return "MP3" in soundfile.available_formats()


def padded(waveform: Tensor, before: float, after: float) -> Tensor:
    """Put digital silence before and after a waveform, in seconds; it becomes longer."""
    return torch.nn.functional.pad(waveform, (round(before * RATE), round(after * RATE)))


@dataclass(frozen=True, kw_only=True)
class Distortion:
    """What befalls copies of training clips, each by its own chance; nothing by default.

    Args:
        gain: largest change of gain in dB, up or down, with clipping; drawn for every clip.
        band_limit: fraction of the clips that lose a part of their band: half of them go through a
            telephone, half are sampled at 8 kHz.
        reverberation: fraction of the clips that are put in a room, T60 of 0.2 to 0.8 s.
        noise: fraction of the clips that get white noise.
        snr: lowest and highest signal-to-noise ratio of that in dB.
    """

    gain: float = 0.0
    band_limit: float = 0.0
    reverberation: float = 0.0
    noise: float = 0.0
    snr: tuple[float, float] = (5.0, 30.0)

    @property
    def is_any(self) -> bool:
        """Whether anything may happen."""
        return any((self.gain, self.band_limit, self.reverberation, self.noise))

    def __call__(self, waveform: Tensor, generator: Generator) -> Tensor:
        """A distorted copy of a clip, ``(T,)``; the same generator state gives the same copy.

        In the order of nature: the room, the noise in it, the microphone's gain, the line.
        """
        # All are drawn whatever happens, so that one setting does not change another's chance.
        room, length, distance, hiss, level, loud, line, kind = uniform((8,), generator).tolist()
        copy = waveform
        if room < self.reverberation:
            response = room_response(0.2 + 0.6 * length, 12 * distance - 3, generator)
            copy = reverberated(copy, response)
        if hiss < self.noise:
            copy = noisy(copy, self.snr[0] + (self.snr[1] - self.snr[0]) * level, generator)
        if self.gain:
            copy = amplified(copy, self.gain * (2 * loud - 1))
        if line < self.band_limit:
            copy = telephone(copy) if kind < 0.5 else sampled_at(copy, 8_000)
        return copy.clone() if copy is waveform else copy
