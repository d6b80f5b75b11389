"""Distortions against hand-worked numbers; copies are drawn, and features of them are cached."""

from __future__ import annotations

import math

import numpy as np
import pytest
import soundfile
import torch

from nlpcl.audio import distortion
from nlpcl.audio.distortion import Distortion
from nlpcl.audio.features.cache import features
from nlpcl.audio.front_end import load_front_end

RATE = 16_000


def drawn(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def tone(hertz: float, seconds: float = 1.0, loudness: float = 0.1) -> torch.Tensor:
    return loudness * torch.sin(2 * torch.pi * hertz * torch.arange(round(seconds * RATE)) / RATE)


def level(waveform: torch.Tensor) -> float:
    return 10 * math.log10(float(waveform.square().mean()))


def test_gain_is_exact_to_16_bits_and_clips():
    wave = tone(300)
    quieter = distortion.amplified(wave, -20)
    assert level(quieter) == pytest.approx(level(wave) - 20, abs=0.01)
    assert torch.equal((quieter * 32_767).round(), quieter * 32_767)
    louder = distortion.amplified(wave, 40)
    assert louder.abs().max() == 1
    assert float((louder.abs() == 1).float().mean()) > 0.9


def test_noise_has_the_ratio():
    wave = tone(300)
    noise = distortion.noisy(wave, 10, drawn()) - wave
    assert level(wave) - level(noise) == pytest.approx(10, abs=0.01)


@pytest.mark.parametrize(
    ("change", "kept", "lost"),
    [
        (distortion.telephone, (400, 1000, 3300), (200, 3600, 7000)),
        (lambda wave: distortion.sampled_at(wave, 8_000), (100, 1000, 3300), (4400, 7000)),
    ],
)
def test_bands(change, kept, lost):
    for hertz in kept:
        found = change(tone(hertz))
        assert len(found) == RATE
        torch.testing.assert_close(found[2000:-2000], tone(hertz)[2000:-2000], rtol=0, atol=2e-3)
    for hertz in lost:
        assert level(change(tone(hertz))[2000:-2000]) < level(tone(hertz)) - 50


def test_an_odd_number_of_samples_stays():
    wave = tone(500)[:15_001]
    for found in (distortion.telephone(wave), distortion.sampled_at(wave, 8_000)):
        assert len(found) == 15_001


def test_a_room_dies_away_by_60_db_in_its_time_and_has_its_ratio():
    response = distortion.room_response(0.5, 3.0, drawn())
    assert len(response) == 8000 and float(response.norm()) == pytest.approx(1)
    assert response[1 : round(distortion.EARLY * RATE)].abs().max() == 0
    tail = response[1:].square().sum()
    assert 10 * math.log10(float(response[0] ** 2 / tail)) == pytest.approx(3, abs=1e-3)
    parts = [level(response[begin : begin + 800]) for begin in (800, 4000, 6400)]
    assert parts[0] - parts[1] == pytest.approx(60 * 3200 / 8000, abs=1.5)
    assert parts[1] - parts[2] == pytest.approx(60 * 2400 / 8000, abs=1.5)


def test_reverberation_is_a_convolution():
    wave, response = tone(300, 0.05), distortion.room_response(0.02, 0.0, drawn())
    expected = np.convolve(wave.numpy(), response.numpy())[: len(wave)]
    found = distortion.reverberated(wave, response)
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-5)


@pytest.mark.skipif(not distortion.writes_mp3(), reason="libsndfile writes no MP3")
def test_mp3_is_nearly_what_it_was():
    wave = tone(440, 1.0)
    found = distortion.mp3(wave)
    assert abs(len(found) - RATE) < 1200
    assert level(found) == pytest.approx(level(wave), abs=0.5)


def test_silence_is_put_around():
    found = distortion.padded(torch.ones(10), 0.001, 0.002)
    assert found.tolist() == [0.0] * 16 + [1.0] * 10 + [0.0] * 32


WHOLE = Distortion(gain=20, band_limit=1, reverberation=1, noise=1)


def test_a_copy_is_what_its_generator_gives_and_the_clip_stays():
    wave = tone(300)
    kept = wave.clone()
    first, again, other = (WHOLE(wave, drawn(seed)) for seed in (1, 1, 2))
    assert torch.equal(wave, kept) and first.data_ptr() != wave.data_ptr()
    assert torch.equal(first, again) and not torch.equal(first, other)
    same = Distortion()(wave, drawn())
    assert torch.equal(same, wave) and same.data_ptr() != wave.data_ptr()


@pytest.mark.parametrize("name", ["band_limit", "reverberation", "noise"])
def test_a_fraction_is_one_of_the_clips(name):
    wave, some = tone(300, 0.1) + tone(6000, 0.1), Distortion(**{name: 0.25})
    changed = [not torch.equal(some(wave, drawn(seed)), wave) for seed in range(200)]
    assert np.mean(changed) == pytest.approx(0.25, abs=0.08)


def test_features_of_copies_are_cached_apart(tmp_path, monkeypatch):
    monkeypatch.setenv("NLPCL_CACHE", str(tmp_path / "cache"))
    soundfile.write(tmp_path / "a.wav", tone(300).numpy(), RATE)
    rows, front_end = [{"path": str(tmp_path / "a.wav")}], load_front_end("logmel")
    plain = features(rows, front_end)[0]
    first = features(rows, front_end, distortion=WHOLE)
    again = features(rows, front_end, distortion=WHOLE)
    other = features(rows, front_end, distortion=WHOLE, copy=1)
    assert (first.made, again.made, other.made) == (1, 0, 1)
    assert torch.equal(first[0], again[0])
    assert not torch.equal(first[0], other[0]) and not torch.equal(first[0], plain)
    assert features(rows, front_end).made == 0
