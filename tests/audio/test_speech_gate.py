"""Where nobody speaks there is no speech; where somebody does, only what is said counts."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from nlpcl.audio import speech_gate
from nlpcl.audio.speech_gate import holds_speech, speech_alone
from nlpcl.audio.voices import VOICES, spoken

RATE = 16_000
MARGIN = round(speech_gate.MARGIN * RATE)


def noise(seconds: float = 2.0, power: float = 0.0, seed: int = 0) -> torch.Tensor:
    """Noise whose power falls with frequency: 0 white, 1 pink, 2 brown."""
    size = round(seconds * RATE)
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(size))
    hertz = np.maximum(np.fft.rfftfreq(size, 1 / RATE), 20)
    wave = np.fft.irfft(spectrum / hertz ** (power / 2), size)
    return torch.from_numpy(wave / wave.std()).float()


def harmonics(hertz: float, count: int, seconds: float = 2.0) -> torch.Tensor:
    time = torch.arange(round(seconds * RATE)) / RATE
    return sum(
        (torch.sin(2 * torch.pi * hertz * n * time) / n for n in range(1, count + 1)), 0 * time
    )


def melody(count: int) -> torch.Tensor:
    """Notes of three tenths of a second that sound and die away."""
    parts = []
    for step in (0, 4, 7, 12, 7, 4, 0):
        note = harmonics(220 * 2 ** (step / 12), count, 0.3)
        parts.append(note * torch.exp(-4 * torch.arange(len(note)) / RATE))
    return torch.cat(parts)


@pytest.fixture(scope="module")
def voice() -> torch.Tensor:
    """A second or two of a synthetic voice that moves as speech does, in faint noise."""
    return torch.from_numpy(spoken(VOICES[1], "angry", np.random.default_rng(1))).float()


SPEECHLESS = {
    "nothing": torch.zeros(0),
    "short": torch.zeros(100),
    "silence": torch.zeros(32_000),
    "offset": torch.full((32_000,), 0.3),
    "-80 dB": 1e-4 * noise(),
    "instant": 0.1 * noise(0.1),
    "white": 0.1 * noise(),
    "pink": 0.1 * noise(power=1),
    "brown": 0.1 * noise(power=2),
    "tremolo": 0.1 * noise() * (1 + 0.9 * torch.sin(25 * torch.arange(32_000) / RATE)),
    "tone": 0.1 * harmonics(440, 1),
    "buzz": 0.1 * harmonics(110, 40),
    "hum": 0.1 * harmonics(50, 20) + 0.01 * noise(),
    "beeps": 0.1 * harmonics(1000, 1) * (torch.arange(32_000) % 8000 < 4000),
    "whistle": 0.1 * melody(1),
    "piano": 0.1 * melody(10),
}


@pytest.mark.parametrize("sound", SPEECHLESS.values(), ids=SPEECHLESS)
def test_where_nobody_speaks(sound):
    assert not holds_speech(sound)
    assert speech_alone(sound) is None


def test_speech_is_heard_at_any_gain_as_the_same(voice):
    first = speech_alone(voice)
    assert first is not None
    for decibels in (-60, -30, 20):
        again = speech_alone(voice * 10 ** (decibels / 20))
        assert again is not None
        torch.testing.assert_close(again, first, rtol=1e-3, atol=1e-5)


def test_its_level_is_the_one_that_is_promised(voice):
    heard = speech_alone(voice)
    track = speech_gate.tracked(heard)
    level = speech_gate.weighted(track.power[speech_gate.in_runs(track.voiced)])
    assert 10 * np.log10(level) == pytest.approx(speech_gate.LEVEL, abs=0.2)


@pytest.mark.parametrize("before", [0, 777, 16_000])
@pytest.mark.parametrize("after", [0, 16_000])
def test_digital_silence_around_it_changes_not_a_sample(voice, before, after):
    first, again = (
        speech_alone(voice),
        speech_alone(torch.nn.functional.pad(voice, (before, after))),
    )
    assert torch.equal(first, again)


def test_quiet_noise_around_it_is_cut_out(voice):
    around = 1e-4 * noise(2)
    again = speech_alone(torch.cat([around, voice, around]))
    assert len(again) == pytest.approx(len(speech_alone(voice)), abs=800)


def test_louder_noise_is_cut_out_up_to_the_reach(voice):
    level = float(voice.square().mean().sqrt())
    again = speech_alone(torch.cat([0.05 * level * noise(3), voice]))
    most = speech_gate.REACH + 2 * speech_gate.MARGIN + 0.1
    assert len(voice) <= len(again) <= len(voice) + most * RATE


def test_long_pauses_are_shortened_and_short_ones_stay(voice):
    once = speech_alone(voice)
    short = speech_alone(torch.cat([voice, torch.zeros(1600), voice]))
    long, longer = (
        speech_alone(torch.cat([voice, torch.zeros(size), voice])) for size in (48_000, 96_000)
    )
    both = 2 * MARGIN
    assert 2 * (len(once) - both) <= len(short) - both <= 2 * len(voice) + 1600
    assert len(long) == len(longer) <= 2 * len(voice) + 2 * speech_gate.REACH * RATE + both


def test_the_wave_is_not_modified_and_stays_in_one_piece(voice):
    kept = voice.clone()
    heard = speech_alone(voice)
    assert torch.equal(kept, voice)
    assert heard[:MARGIN].abs().max() == heard[-MARGIN:].abs().max() == 0
    heard = heard[MARGIN:-MARGIN]
    gain = float(heard.abs().max() / voice.abs().max())
    begin = int(voice.abs().argmax()) - int(heard.abs().argmax())
    torch.testing.assert_close(heard, voice[begin : begin + len(heard)] * gain)


def test_memory_does_not_grow_with_the_frames_at_once(voice, monkeypatch):
    whole = speech_alone(voice)
    monkeypatch.setattr(speech_gate, "BUNCH", 7)
    torch.testing.assert_close(speech_alone(voice), whole)


def test_any_voice_is_more_than_speech():
    sad = torch.from_numpy(spoken(VOICES[5], "sad", np.random.default_rng(0))).float()
    assert holds_speech(sad, "voice") and not holds_speech(sad)
    for sound in (torch.zeros(16_000), 0.1 * noise(), 0.1 * harmonics(440, 1)):
        assert not holds_speech(sound, "voice")


@pytest.mark.data
def test_hardly_a_clip_of_real_speech_is_missed(shared_data):
    from nlpcl.audio.reading import read_audio

    paths = sorted((shared_data / "audio").rglob("*.flac"))[::20]
    paths += sorted((shared_data / "audio" / "ravdess").rglob("*.ogg"))[::40]
    assert len(paths) > 50
    missed = [path.name for path in paths if not holds_speech(read_audio(path))]
    assert not missed
