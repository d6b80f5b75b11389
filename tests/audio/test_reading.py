"""Sound files become mono waveforms at 16 kHz; whatever is wrong with one is one line."""

from __future__ import annotations

import math
import os

import numpy as np
import pytest
import soundfile
import torch

from nlpcl.audio.reading import read_audio, seconds
from nlpcl.core.errors import UserError


def tone(rate: int, length: float = 0.5, hertz: float = 440.0, channels: int = 1) -> np.ndarray:
    time = np.arange(round(rate * length)) / rate
    wave = 0.5 * np.sin(2 * np.pi * hertz * time)
    return np.stack([wave * (1 - 0.5 * channel) for channel in range(channels)], axis=1)


def strongest(waveform: torch.Tensor, rate: int) -> float:
    """Frequency of the strongest component, in Hz."""
    spectrum = torch.fft.rfft(waveform * torch.hann_window(len(waveform))).abs()
    return float(spectrum.argmax()) * rate / len(waveform)


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3"])
def test_formats(tmp_path, suffix):
    path = tmp_path / f"tone.{suffix}"
    soundfile.write(path, tone(16_000), 16_000)
    waveform = read_audio(path)
    assert waveform.dtype == torch.float32
    assert waveform.ndim == 1
    assert len(waveform) == pytest.approx(8000, abs=1200)  # MP3 pads its frames
    assert strongest(waveform, 16_000) == pytest.approx(440, abs=4)
    assert seconds(path) == pytest.approx(len(waveform) / 16_000, abs=1e-3)


@pytest.mark.parametrize("rate", [8000, 11_025, 22_050, 24_414, 44_100, 48_000, 96_000])
def test_resampled(tmp_path, rate):
    path = tmp_path / "tone.wav"
    soundfile.write(path, tone(rate), rate)
    waveform = read_audio(path)
    assert len(waveform) == pytest.approx(8000, abs=2)
    assert strongest(waveform, 16_000) == pytest.approx(440, abs=2)
    assert float(waveform[1000:-1000].abs().max()) == pytest.approx(0.5, rel=0.01)


@pytest.mark.parametrize("rate", [8000, 22_050, 24_414, 44_100, 48_000])
def test_tones_of_speech_come_through_as_they_are(tmp_path, rate):
    for hertz in (50, 440, 1000, 3000, 3400, 5000, 7000):
        if hertz < 0.43 * rate:
            soundfile.write(tmp_path / "tone.wav", tone(rate, 1.0, hertz), rate, subtype="FLOAT")
            found = read_audio(tmp_path / "tone.wav")[1000:-1000]
            expected = torch.from_numpy(tone(16_000, 1.0, hertz)[1000:-1000, 0]).float()
            torch.testing.assert_close(found, expected, rtol=0, atol=5e-4, msg=f"{hertz} Hz")


@pytest.mark.parametrize("rate", [22_050, 24_414, 44_100, 48_000])
def test_what_does_not_fit_the_new_rate_vanishes(tmp_path, rate):
    for hertz in (9000, 10_000, 12_000, 15_000):
        if hertz < rate / 2:
            soundfile.write(tmp_path / "tone.wav", tone(rate, 1.0, hertz), rate, subtype="FLOAT")
            found = read_audio(tmp_path / "tone.wav")[1000:-1000]
            assert float(found.abs().max()) < 1e-5, f"{hertz} Hz folds back"


def test_another_rate_on_request(tmp_path):
    soundfile.write(tmp_path / "tone.wav", tone(16_000), 16_000)
    assert len(read_audio(tmp_path / "tone.wav", sampling_rate=8000)) == 4000


def test_channels_are_averaged(tmp_path):
    path = tmp_path / "stereo.wav"
    soundfile.write(path, tone(16_000, channels=2), 16_000, subtype="FLOAT")
    torch.testing.assert_close(
        read_audio(path), torch.from_numpy(tone(16_000)[:, 0] * 0.75).float(), rtol=0, atol=1e-6
    )


def missing(path):
    pass


def folder(path):
    path.mkdir()


def empty(path):
    path.write_bytes(b"")


def pointer(path):
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n")


def text(path):
    path.write_text("no sound at all\n" * 50)


def header_only(path):
    soundfile.write(path, np.zeros(0), 16_000)


def short(path):
    soundfile.write(path, tone(16_000, 0.09), 16_000)


def not_finite(path):
    soundfile.write(path, np.full(8000, math.nan), 16_000, subtype="FLOAT")


def no_permission(path):
    if os.geteuid() == 0:
        pytest.skip("the superuser may read everything")
    soundfile.write(path, tone(16_000), 16_000)
    path.chmod(0)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (missing, "no such file"),
        (folder, "is a folder"),
        (empty, "is empty"),
        (pointer, "git-lfs pointer"),
        (text, "cannot be read"),
        (header_only, "0.000 s of sound"),
        (short, "0.090 s of sound; 0.1 s are needed"),
        (not_finite, "not finite"),
        (no_permission, "cannot be read"),
    ],
)
def test_what_is_wrong_is_one_line(tmp_path, make, reason):
    path = tmp_path / "clip.wav"
    make(path)
    with pytest.raises(UserError) as caught:
        read_audio(path)
    line = str(caught.value)
    assert line.startswith(f"{path}: ")
    assert reason in line
    assert "\n" not in line


def test_length_of_what_is_no_sound(tmp_path):
    text(tmp_path / "clip.wav")
    with pytest.raises(UserError, match="cannot be read"):
        seconds(tmp_path / "clip.wav")


def test_a_cut_off_file_is_refused_or_short(tmp_path):
    path = tmp_path / "clip.flac"
    soundfile.write(path, tone(16_000), 16_000)
    path.write_bytes(path.read_bytes()[:30])
    with pytest.raises(UserError, match=r"clip\.flac: "):
        read_audio(path)


def test_importing_it_loads_neither_torch_nor_soundfile(run_python):
    code = """
import sys
import nlpcl.audio.reading
print([name for name in ("torch", "torchaudio", "numpy", "soundfile") if name in sys.modules])
"""
    assert run_python(code).out.strip() == "[]"
