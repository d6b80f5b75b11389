"""Whether, where and how loud somebody speaks in a waveform, told from the sound alone.

Speech is voiced sound whose loudness rises and falls with the syllables, whose pitch glides and
whose timbre changes as the vocal tract moves. Noise is not voiced; tones and hum change in nothing;
most music is voiced, yet its pitch stands still from note to note, or its timbre does. Each of the
three changes makes up for some of another. Nothing is compared with a fixed loudness, so that the
same sound is judged the same at any gain.

Whispering is not voiced and counts as no speech. Singing, and instruments played with vibrato, may
pass for speech, and speech in noise as loud as itself for none.

The weights were chosen on the actors 1 to 12 of RAVDESS (as they are, in noise of 10 and 5 dB, over
a telephone band, in a room, cut to half a second) and on synthetic noises, tones and music.

Legend: ``T`` samples, ``F`` frames of 40 ms every 10 ms, ``N`` bands.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import torch
from torch import Tensor

VERSION = 1
"""Changes whenever :func:`speech_alone` gives other samples; cached features belong to one."""
NO_SPEECH = "holds no speech"
"""What is wrong with such a clip."""
LEVEL = -26.0
"""Level that speech is brought to, in dB of full scale; that of ITU-T P.56's telephone tests."""

RATE = 16_000
FRAME, HOP = 640, 160
TRANSFORM = 1024
BUNCH = 1000
"""Frames that are transformed at once, so that memory stays small."""
BANDS = (100, 300, 500, 750, 1050, 1450, 2000, 2800, 4000)
"""Edges in Hz of the bands that level and timbre are taken from."""
VOICED_BAND = (80, 2000)
"""Hz between which periods are looked for."""
PITCHES = (60, 490)
"""Hz: from a deep voice to a scream."""
NOTHING = 1e-12
"""Mean square (-120 dB) below which there is no sound at all, such as a constant offset."""
STRIPPED = 1e-4
"""Part of the peak below which samples at both ends are no sound: digital silence."""

PERIODICITY = 0.6
"""Correlation of a frame with itself one period later from which on it is voiced."""
DEPTH = 25.0
"""Decibels below the level of the sound down to which a frame is taken for part of it."""
SHORTEST_RUN = 3
"""Frames of a voiced stretch; shorter ones are chance."""
GLIDE = (0.05, 1.5)
"""Semitones in 10 ms: less is a held note, more is another one."""
CHANGE_FRAMES = 10
"""Frames between two whose timbre is compared: 100 ms."""
MOST_RISE, MOST_GLIDING = 7.0, 0.5
"""What is more than these (dB, fraction) counts no further."""
KINDS = {"speech": (10, 10.5), "voice": (5, 4.5)}
"""Least number of voiced frames and least score: of speech; of any voiced sound that changes, such
as singing, crying, and the synthetic voices of the sample. Speech in noise of 5 dB scores 11 or
more, most music less than 10, a tone -4.6."""

REACH = 0.3
"""Seconds around voiced sound that belong to it: consonants and short pauses. Of a longer pause
twice as much is left."""
MARGIN = 0.15
"""Seconds of digital silence put at both ends: encoders seldom heard a recording begin with the
first sound, and corpora that are trimmed keep about so much."""
ENDS = 35.0
"""Decibels below the level of the voice down to which the two ends are sound."""


@dataclass(frozen=True)
class Track:
    """What is heard in the frames of a waveform.

    Args:
        power: mean square of each frame from 100 to 4000 Hz, ``(F,)``.
        bands: that of each band, ``(F, N)``.
        pitch: in semitones above 1 Hz, of the strongest period, ``(F,)``.
        voiced: frames near the level of the sound that have a pitch, ``(F,)``.
        level: energy-weighted mean square of all frames, which silence does not change.
    """

    power: Tensor
    bands: Tensor
    pitch: Tensor
    voiced: Tensor
    level: float


def speech_alone(waveform: Tensor, kind: str = "speech") -> Tensor | None:
    """The speech of a waveform at one level, ready for a speech encoder; None without speech.

    What lies farther than 0.3 s from any voiced sound is cut out, and both ends up to where
    something is heard: silence that a recorder adds before, after or within changes nothing.

    Args:
        waveform: mono, 16 kHz, ``(T,)``.
        kind: of :data:`KINDS`, what counts as speech.

    Returns:
        Mono, 16 kHz, the voice at :data:`LEVEL`, with the same silence before and after whatever
        the recording had there; it may exceed 1.
    """
    heard = stripped(waveform)
    track = tracked(heard)
    if track is None or not is_speech(track, kind):
        return None
    voiced = in_runs(track.voiced)
    level = weighted(track.power[voiced])
    spans = spoken_spans(voiced, track.power >= level * 10 ** (-ENDS / 10), len(heard))
    gain = (10 ** (LEVEL / 10) / level) ** 0.5
    speech = torch.cat([heard[begin:end] for begin, end in spans]) * gain
    return torch.nn.functional.pad(speech, (round(MARGIN * RATE), round(MARGIN * RATE)))


def holds_speech(waveform: Tensor, kind: str = "speech") -> bool:
    """Whether somebody speaks in a waveform, ``(T,)`` at 16 kHz."""
    track = tracked(stripped(waveform))
    return track is not None and is_speech(track, kind)


def stripped(waveform: Tensor) -> Tensor:
    """A waveform without the digital silence at both ends."""
    if not len(waveform):
        return waveform
    size = waveform.abs()
    sounding = (size > STRIPPED * size.max()).nonzero()
    if not len(sounding):
        return waveform[:0]
    return waveform[int(sounding[0]) : int(sounding[-1]) + 1]


def tracked(waveform: Tensor) -> Track | None:
    """Measure the frames of a waveform; None where there is no sound."""
    if not len(waveform):
        return None
    count = 1 + max(0, -(-(len(waveform) - FRAME) // HOP))
    padded = torch.nn.functional.pad(
        waveform.float(), (0, (count - 1) * HOP + FRAME - len(waveform))
    )
    parts = [measured(part) for part in padded.unfold(0, FRAME, HOP).split(BUNCH)]
    bands, periodicity, pitch = (torch.cat(column) for column in zip(*parts, strict=True))
    power = bands.sum(1)
    if float(power.max()) < NOTHING:
        return None
    level = weighted(power)
    near = power > level * 10 ** (-DEPTH / 10)
    return Track(power, bands, pitch, near & (periodicity > PERIODICITY), level)


def measured(frames: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Power of the bands ``(F, N)``, periodicity ``(F,)`` and pitch ``(F,)`` of frames."""
    window = torch.hann_window(FRAME, periodic=False)
    frames = (frames - frames.mean(1, keepdim=True)) * window
    spectrum = torch.fft.rfft(frames, n=TRANSFORM).abs().square()
    hertz = torch.arange(spectrum.shape[1]) * (RATE / TRANSFORM)
    edges = [(hertz >= low) & (hertz < high) for low, high in pairwise(BANDS)]
    scale = float(window.square().sum()) * TRANSFORM / 2
    bands = torch.stack([spectrum[:, inside].sum(1) for inside in edges], dim=1) / scale
    inside = (hertz >= VOICED_BAND[0]) & (hertz <= VOICED_BAND[1])
    correlation = torch.fft.irfft(spectrum * inside, n=TRANSFORM)
    correlation = correlation / (correlation[:, :1] + 1e-20) / window_correlation()
    first, last = RATE // PITCHES[1], RATE // PITCHES[0]
    periodicity, place = correlation[:, first : last + 1].max(1)
    return bands, periodicity, -12 * ((place + first).float() / RATE).log2()


@lru_cache(maxsize=1)
@torch.inference_mode(False)
def window_correlation() -> Tensor:
    """Correlation of the window with itself, by which that of a frame falls with the lag."""
    window = torch.hann_window(FRAME, periodic=False)
    found = torch.fft.irfft(torch.fft.rfft(window, n=TRANSFORM).abs().square(), n=TRANSFORM)
    return (found / found[0]).clamp(min=0.05)


def is_speech(track: Track, kind: str = "speech") -> bool:
    """Whether enough is voiced and moves as speech does, or a ``voice`` of any kind."""
    voiced, (frames, least) = in_runs(track.voiced), KINDS[kind]
    return int(voiced.sum()) >= frames and score(track, voiced) >= least


def score(track: Track, voiced: Tensor) -> float:
    """How much voiced sound moves: in level, pitch and timbre together."""
    near = track.power > track.level * 10 ** (-DEPTH / 10)
    rise = min(float(decibels(track.power[near]).std()), MOST_RISE)
    glide = min(gliding(track.pitch, voiced), MOST_GLIDING)
    return rise + 8 * glide + 2 * math.log2(changing(track, voiced) + 0.2)


def gliding(pitch: Tensor, voiced: Tensor) -> float:
    """Fraction of the steps from one voiced frame to the next at which pitch glides."""
    both = voiced[1:] & voiced[:-1]
    steps = (pitch[1:] - pitch[:-1]).abs()[both]
    return float(((steps > GLIDE[0]) & (steps < GLIDE[1])).float().mean()) if len(steps) else 0.0


def changing(track: Track, voiced: Tensor) -> float:
    """Median change of timbre between voiced frames 100 ms apart, in dB."""
    both = voiced[CHANGE_FRAMES:] & voiced[:-CHANGE_FRAMES]
    if not bool(both.any()):
        return 0.0
    # What is 50 dB below the sound as a whole may be the rounding of samples.
    timbre = decibels(track.bands + track.level * 1e-5)
    timbre = timbre - timbre.mean(1, keepdim=True)
    steps = (timbre[CHANGE_FRAMES:] - timbre[:-CHANGE_FRAMES]).abs().mean(1)
    return float(steps[both].median())


def in_runs(voiced: Tensor) -> Tensor:
    """Voiced frames without those of stretches that are too short."""
    if len(voiced) < SHORTEST_RUN:
        return torch.zeros_like(voiced)
    inner = voiced.unfold(0, SHORTEST_RUN, 1).all(1)
    kept = torch.zeros_like(voiced)
    for shift in range(SHORTEST_RUN):
        kept[shift : shift + len(inner)] |= inner
    return kept


def spoken_spans(voiced: Tensor, audible: Tensor, samples: int) -> list[tuple[int, int]]:
    """First and last sample of each stretch that belongs to the voice.

    Args:
        voiced: at least one frame, ``(F,)``.
        audible: frames that are loud enough for an end, ``(F,)``; all voiced ones are.
        samples: T.
    """
    reach = round(REACH * RATE)
    spans: list[tuple[int, int]] = []
    for frame in voiced.nonzero().squeeze(1).tolist():
        begin, end = frame * HOP - reach, frame * HOP + FRAME + reach
        if spans and begin <= spans[-1][1]:
            begin = spans.pop()[0]
        spans.append((begin, end))
    heard = audible.nonzero().squeeze(1) * HOP
    heard = heard[(heard + FRAME > spans[0][0]) & (heard < spans[-1][1])]
    first, last = max(0, int(heard[0])), min(samples, int(heard[-1]) + FRAME)
    return [(max(first, begin), min(last, end)) for begin, end in spans]


def weighted(power: Tensor) -> float:
    """Mean of powers weighted by themselves: that of the loud frames, however many are quiet."""
    return float(power.square().sum() / power.sum())


def decibels(power: Tensor) -> Tensor:
    """Powers in dB."""
    return 10 * power.clamp(min=1e-30).log10()
