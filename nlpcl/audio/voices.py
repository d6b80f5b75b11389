"""Synthetic voices from a source-filter model: invented speakers who babble in four moods.

Every glottal period is one impulse response: the spectrum of a pulse times formant resonators in
cascade (Klatt 1980), turned into a wave and added where the period begins. Moods differ in pitch,
its movement, loudness, tempo, voice quality and pauses, in the directions found for acted speech
(Banse and Scherer 1996), each with so much chance that they overlap.

Legend: ``P`` glottal periods, ``F`` frequencies, ``T`` samples.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy import ndarray
    from numpy.random import Generator

SAMPLING_RATE = 16_000
VERSION = 1
"""Changes whenever the same seed gives other sounds."""
SIZE = 512
"""Samples of an impulse response: 32 ms."""
STEP = 80
"""Samples from one burst of noise to the next: 5 ms."""
VOWELS = (
    (730, 1090, 2440),
    (530, 1840, 2480),
    (270, 2290, 3010),
    (570, 840, 2410),
    (300, 870, 2240),
)
"""First three formants in Hz (Peterson and Barney 1952, men)."""
HIGHER = (3500, 4500)
"""Fourth and fifth formant."""
BANDWIDTHS = (80, 100, 140, 220, 300)


@dataclass(frozen=True)
class Voice:
    """The traits of a speaker.

    Args:
        name: who it is.
        gender: ``female`` or ``male``.
        pitch: usual f0 in Hz.
        formants: factor of all formants, by the length of the vocal tract.
        tempo: factor of the tempo.
        tilt: fall of the source spectrum beyond that of the mood, in dB an octave.
        breath: amount of noise in the voice relative to its pulses.
    """

    name: str
    gender: str
    pitch: float
    formants: float
    tempo: float
    tilt: float
    breath: float


VOICES = (
    Voice("01", "female", 196.0, 1.16, 1.02, 0.5, 0.06),
    Voice("02", "male", 104.0, 0.98, 0.95, -0.5, 0.03),
    Voice("03", "female", 228.0, 1.22, 1.08, -0.6, 0.04),
    Voice("04", "male", 131.0, 1.05, 1.05, 0.7, 0.05),
    Voice("05", "female", 178.0, 1.12, 0.93, 0.0, 0.09),
    Voice("06", "male", 92.0, 0.94, 0.98, 0.4, 0.02),
    Voice("07", "female", 211.0, 1.19, 0.97, 0.9, 0.05),
    Voice("08", "male", 117.0, 1.01, 1.07, -0.2, 0.07),
)


@dataclass(frozen=True)
class Mood:
    """The traits of an emotion: the mean of each; :data:`SPREAD` gives the deviations.

    Args:
        pitch: above the speaker's own, in semitones.
        movement: of pitch within the clip, in semitones.
        final: rise of pitch at the end, in semitones.
        loudness: in dB.
        tempo: syllables a second.
        tilt: fall of the source spectrum, in dB an octave.
        jitter: relative deviation of a period from the one before.
        pauses: probability that a syllable is followed by one.
    """

    pitch: float
    movement: float
    final: float
    loudness: float
    tempo: float
    tilt: float
    jitter: float
    pauses: float


MOODS: Mapping[str, Mood] = {
    "angry": Mood(3.0, 3.2, -1.0, 4.0, 5.2, -8.5, 0.014, 0.06),
    "happy": Mood(3.5, 4.0, 2.5, 2.0, 4.9, -10.5, 0.008, 0.08),
    "neutral": Mood(0.0, 1.8, -1.5, 0.0, 4.4, -12.0, 0.006, 0.12),
    "sad": Mood(-1.0, 1.0, -2.5, -3.5, 3.4, -14.5, 0.009, 0.28),
}
SPREAD = Mood(2.0, 0.7, 1.5, 3.0, 0.5, 1.5, 0.003, 0.05)


def spoken(voice: Voice, mood: str, generator: Generator) -> ndarray:
    """Synthesise one clip of a speaker in a mood.

    Args:
        voice: who speaks.
        mood: one of :data:`MOODS`.
        generator: of all chance in it.

    Returns:
        1 to 2.5 seconds at 16 kHz as float64, at most 1 in absolute value, ``(T,)``.
    """
    import numpy

    traits = drawn(MOODS[mood], generator)
    plan = syllables(voice, traits, generator)
    length = int(SAMPLING_RATE * plan[-1]["end"]) + SIZE
    onsets, pitch = periods(voice, traits, plan, generator)
    wave = numpy.zeros(length + SIZE)
    add_pulses(wave, onsets, pitch, voice, traits, plan)
    add_noise(wave, voice, plan, generator)
    wave += 2e-4 * generator.standard_normal(len(wave))
    # Speakers stand nearer or farther; loudness alone gives the mood away to no one.
    level = 10 ** ((traits.loudness - 26 + generator.normal(0, 1.5)) / 20)
    wave *= level / numpy.sqrt(numpy.mean(wave**2))
    return numpy.clip(wave[: int(2.5 * SAMPLING_RATE)], -1, 1)


def drawn(mood: Mood, generator: Generator) -> Mood:
    """Draw the traits of one clip around those of its mood."""
    names = Mood.__dataclass_fields__
    values = {name: generator.normal(getattr(mood, name), getattr(SPREAD, name)) for name in names}
    least = {"movement": 0.3, "tempo": 2.6, "jitter": 0.002, "pauses": 0.0}
    floors = {name: least.get(name, float("-inf")) for name in values}
    return Mood(**{name: max(value, floors[name]) for name, value in values.items()})


def syllables(voice: Voice, traits: Mood, generator: Generator) -> list[dict[str, Any]]:
    """Plan a clip: onset, vowel and end in seconds, formants and stress of every syllable."""
    wanted = generator.uniform(1.25, 2.1)
    plan: list[dict[str, Any]] = []
    now = generator.uniform(0.05, 0.12)
    while now < wanted or len(plan) < 3:
        whole = generator.lognormal(0, 0.15) / (traits.tempo * voice.tempo)
        consonant = min(0.4 * whole, generator.uniform(0.03, 0.09))
        vowel = VOWELS[generator.integers(len(VOWELS))]
        plan.append(
            {
                "begin": now,
                "vowel": now + consonant,
                "end": now + whole,
                "formants": [voice.formants * value for value in (*vowel, *HIGHER)],
                "stress": generator.normal(),
                "hiss": generator.uniform(0.2, 1.0) if generator.random() < 0.6 else 0.0,
            }
        )
        now += whole
        if generator.random() < traits.pauses:
            now += generator.uniform(0.08, 0.2)
        if now > 2.2:
            break
    return plan


def periods(
    voice: Voice, traits: Mood, plan: Sequence[Mapping[str, Any]], generator: Generator
) -> tuple[ndarray, ndarray]:
    """Onsets of the glottal periods in samples, and f0 there in Hz, ``(P,)`` each.

    Pitch falls over the clip, moves with stress, ends as the mood has it, and trembles: vibrato of
    5 Hz and jitter.
    """
    import numpy

    begin, end = plan[0]["begin"], plan[-1]["end"]
    centres = [(one["vowel"] + one["end"]) / 2 for one in plan]
    stress = [traits.movement * one["stress"] * 0.8 for one in plan]
    times = numpy.arange(begin, end, 0.002)
    contour = numpy.interp(times, centres, stress)
    place = (times - begin) / (end - begin)
    contour += traits.pitch - 1.5 * place + traits.final * numpy.clip((place - 0.7) / 0.3, 0, 1)
    contour += 0.15 * numpy.sin(2 * numpy.pi * (5 * times + generator.random()))
    hertz = numpy.clip(voice.pitch * 2 ** (contour / 12), 60, 500)
    onsets: list[float] = []
    now = begin
    while now < end:
        onsets.append(now)
        now += (1 + traits.jitter * generator.standard_normal()) / numpy.interp(now, times, hertz)
    voiced = numpy.array([any(s["vowel"] <= t < s["end"] for s in plan) for t in onsets])
    chosen = numpy.array(onsets)[voiced]
    return chosen * SAMPLING_RATE, numpy.interp(chosen, times, hertz)


def add_pulses(
    wave: ndarray,
    onsets: ndarray,
    pitch: ndarray,
    voice: Voice,
    traits: Mood,
    plan: Sequence[Mapping[str, Any]],
) -> None:
    """Add the response of the vocal tract to every glottal pulse."""
    import numpy

    seconds = onsets / SAMPLING_RATE
    frequencies = numpy.fft.rfftfreq(SIZE, 1 / SAMPLING_RATE)
    octaves = numpy.log2(numpy.maximum(frequencies, 50.0) / 50.0)
    source = 10 ** ((traits.tilt - voice.tilt) * octaves / 20)
    source[0] = 0.0  # no air stream of its own in what is heard
    centres = [(one["vowel"] + one["end"]) / 2 for one in plan]
    tract = numpy.ones((len(onsets), len(frequencies)), dtype=complex)
    for number, bandwidth in enumerate(BANDWIDTHS):
        formant = numpy.interp(seconds, centres, [one["formants"][number] for one in plan])
        tract *= resonance(formant, bandwidth, frequencies)
    # The part of an onset between two samples is a shift of phase.
    whole = numpy.floor(onsets).astype(int)
    shift = numpy.exp(-2j * numpy.pi * numpy.outer(onsets - whole, frequencies) / SAMPLING_RATE)
    responses = numpy.fft.irfft(tract * shift * source, SIZE)
    # Pulses of equal size give the same power at every pitch.
    size = envelope(seconds, plan) / numpy.sqrt(pitch)
    for onset, response in zip(whole, responses * size[:, None], strict=True):
        wave[onset : onset + SIZE] += response
    peak = numpy.abs(wave).max()
    wave /= peak or 1.0


def resonance(centre: ndarray, bandwidth: float, frequencies: ndarray) -> ndarray:
    """Frequency response of a second-order resonator with gain 1 at 0 Hz, ``(P, F)``."""
    import numpy

    radius = numpy.exp(-numpy.pi * bandwidth / SAMPLING_RATE)
    cosine = numpy.cos(2 * numpy.pi * centre / SAMPLING_RATE)[:, None]
    delay = numpy.exp(-2j * numpy.pi * frequencies / SAMPLING_RATE)[None, :]
    gain = 1 - 2 * radius * cosine + radius**2
    return gain / (1 - 2 * radius * cosine * delay + (radius * delay) ** 2)


def envelope(seconds: ndarray, plan: Sequence[Mapping[str, Any]]) -> ndarray:
    """Loudness over time, which rises and falls with every syllable."""
    import numpy

    size = numpy.zeros(len(seconds))
    for one in plan:
        place = (seconds - one["vowel"]) / (one["end"] - one["vowel"])
        inside = (place >= 0) & (place < 1)
        stress = 10 ** (1.5 * one["stress"] / 20)
        size[inside] = stress * numpy.sin(numpy.pi * (0.1 + 0.85 * place[inside])) ** 0.6
    return size


def add_noise(
    wave: ndarray, voice: Voice, plan: Sequence[Mapping[str, Any]], generator: Generator
) -> None:
    """Add breath to the vowels and hissing consonants before some of them."""
    import numpy

    frequencies = numpy.fft.rfftfreq(SIZE // 2, 1 / SAMPLING_RATE)
    window = numpy.hanning(SIZE // 2)
    hiss = 1 / (1 + numpy.exp(-(frequencies - 3500 * voice.formants) / 500))
    breath = 1 / (1 + numpy.exp(-(frequencies - 1500) / 400)) / (1 + frequencies / 3000)
    for one in plan:
        parts = [
            (one["begin"], one["vowel"], 0.12 * one["hiss"] * hiss),
            (one["vowel"], one["end"], voice.breath * breath),
        ]
        for begin, end, shape in parts:
            for onset in range(int(begin * SAMPLING_RATE), int(end * SAMPLING_RATE), STEP):
                spectrum = numpy.fft.rfft(generator.standard_normal(len(window)))
                wave[onset : onset + len(window)] += window * numpy.fft.irfft(spectrum * shape)
