"""Synthesised voices: audible, never clipping, and different where they should be."""

import numpy
import pytest

from nlpcl.audio.reading import SILENCE
from nlpcl.audio.voices import (
    MOODS,
    SAMPLING_RATE,
    VOICES,
    Mood,
    drawn,
    periods,
    resonance,
    spoken,
    syllables,
)


@pytest.fixture(scope="module")
def clips():
    """One clip of every voice in every mood."""
    return {
        (voice.name, mood): spoken(voice, mood, numpy.random.default_rng([3, number]))
        for number, voice in enumerate(VOICES)
        for mood in MOODS
    }


def test_no_clip_is_silent_or_clips(clips):
    assert len(clips) == 32
    for wave in clips.values():
        assert numpy.isfinite(wave).all()
        assert wave.std() > 100 * SILENCE
        # Amplitudes are limited to 1, but speech must not reach the limit.
        assert (numpy.abs(wave) >= 1).sum() == 0
        assert abs(wave.mean()) < 0.01 * wave.std() + 1e-4


def test_lengths(clips):
    for wave in clips.values():
        assert wave.ndim == 1
        assert 1.0 <= len(wave) / SAMPLING_RATE <= 2.5


def test_the_seed_decides():
    def made(seed):
        return spoken(VOICES[0], "sad", numpy.random.default_rng(seed))

    assert numpy.array_equal(made(1), made(1))
    one, other = made(1), made(2)
    assert len(one) != len(other) or not numpy.allclose(one, other)


def test_an_unknown_mood():
    with pytest.raises(KeyError):
        spoken(VOICES[0], "bored", numpy.random.default_rng(0))


def test_moods_differ_in_loudness_on_the_whole():
    generator = numpy.random.default_rng(0)
    mean = {
        mood: numpy.mean([drawn(traits, generator).loudness for _ in range(200)])
        for mood, traits in MOODS.items()
    }
    assert mean["angry"] > mean["happy"] > mean["neutral"] > mean["sad"]


def test_traits_stay_possible():
    generator = numpy.random.default_rng(0)
    low = Mood(*[-5.0] * 8)
    for _ in range(50):
        traits = drawn(low, generator)
        assert traits.tempo >= 2.6
        assert traits.jitter > 0
        assert traits.pauses >= 0


@pytest.mark.parametrize("voice", VOICES, ids=lambda voice: voice.name)
def test_pitch_is_that_of_the_voice_and_higher_in_anger(voice):
    def pitch(mood):
        generator = numpy.random.default_rng(5)
        means = []
        for _ in range(12):
            plan = syllables(voice, MOODS[mood], generator)
            onsets, hertz = periods(voice, MOODS[mood], plan, generator)
            assert len(onsets) == len(hertz)
            assert (numpy.diff(onsets) > 0).all()
            means.append(numpy.median(hertz))
        return numpy.mean(means)

    neutral, angry = pitch("neutral"), pitch("angry")
    assert abs(12 * numpy.log2(neutral / voice.pitch)) < 3, "within three semitones"
    assert angry > neutral


def test_women_speak_higher_and_with_higher_formants_than_men():
    women = [voice for voice in VOICES if voice.gender == "female"]
    men = [voice for voice in VOICES if voice.gender == "male"]
    assert (len(women), len(men)) == (4, 4)
    assert len({voice.name for voice in VOICES}) == 8
    assert min(one.pitch for one in women) > max(one.pitch for one in men)
    assert min(one.formants for one in women) > max(one.formants for one in men)


def test_a_resonance_peaks_at_its_centre():
    frequencies = numpy.arange(0, 8001, 10.0)
    gain = numpy.abs(resonance(numpy.array([500.0, 2500.0]), 80, frequencies))
    assert frequencies[gain.argmax(axis=1)] == pytest.approx([500, 2500], abs=10)
    assert gain[:, 0] == pytest.approx(1)
    # 3 dB below the peak half a bandwidth away.
    assert gain[1, 254] / gain[1].max() == pytest.approx(0.5**0.5, rel=0.03)
