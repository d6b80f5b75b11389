"""Windows of long files: the same sound as the whole file, in constant memory."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nlpcl.audio.reading import clip_seconds, read_audio, read_clip, stream_audio
from nlpcl.audio.windows import windows
from nlpcl.core.errors import UserError


@pytest.fixture
def noise_file(tmp_path):
    def made(seconds: float, rate: int = 16_000, channels: int = 1, suffix: str = "wav"):
        path = tmp_path / f"noise-{rate}.{suffix}"
        generator = np.random.default_rng(1)
        samples = 0.2 * generator.standard_normal((round(seconds * rate), channels))
        soundfile.write(path, samples, rate)
        return path

    return made


@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, 22_050, 24_414, 44_100, 48_000])
@pytest.mark.parametrize("block", [0.02, 0.7, 100.0])
def test_blocks_joined_are_the_whole_file(noise_file, rate, block):
    path = noise_file(2.345, rate, channels=2)
    joined = torch.cat(list(stream_audio(path, block_seconds=block)))
    assert torch.equal(joined, read_audio(path))


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("streams") / "noise.wav"


@given(
    rate=st.integers(4_000, 96_000),
    wanted=st.sampled_from([8_000, 16_000, 24_000]),
    samples=st.integers(0, 30_000),
    block=st.integers(1, 40_000),
    channels=st.integers(1, 3),
)
@example(rate=16_000, wanted=16_000, samples=100, block=50, channels=1)  # ends with a block
@example(rate=44_100, wanted=16_000, samples=100, block=1, channels=1)  # most blocks give nothing
@settings(max_examples=40, deadline=None)
def test_blocks_of_any_size_are_the_whole_file(place, rate, wanted, samples, block, channels):
    noise = 0.2 * np.random.default_rng(samples).standard_normal((samples, channels))
    soundfile.write(place, noise, rate)
    given_blocks = stream_audio(place, sampling_rate=wanted, block_seconds=block / rate)
    joined = torch.cat([torch.zeros(0), *given_blocks])
    whole = read_audio(place, sampling_rate=wanted, shortest=0)
    assert len(whole) == pytest.approx(samples * wanted / rate, abs=0.501)
    assert torch.equal(joined, whole)


@pytest.mark.parametrize("suffix", ["flac", "ogg", "mp3"])
def test_blocks_of_compressed_files(noise_file, suffix):
    path = noise_file(3.0, 44_100, suffix=suffix)
    joined = torch.cat(list(stream_audio(path, block_seconds=0.5)))
    torch.testing.assert_close(joined, read_audio(path), rtol=0, atol=1e-3)


@pytest.mark.parametrize(
    ("seconds", "window", "hop", "expected"),
    [
        (3.0, 1.0, 1.0, [(0, 1), (1, 2), (2, 3)]),
        (3.0, 1.0, None, [(0, 1), (1, 2), (2, 3)]),
        (2.5, 1.0, 0.5, [(0, 1), (0.5, 1.5), (1, 2), (1.5, 2.5)]),
        (2.7, 1.0, 0.5, [(0, 1), (0.5, 1.5), (1, 2), (1.5, 2.5), (2, 2.7)]),
        (2.05, 1.0, 1.0, [(0, 1), (1, 2)]),
        (2.1, 1.0, 1.0, [(0, 1), (1, 2), (2, 2.1)]),
        (0.6, 5.0, 1.0, [(0, 0.6)]),
        (5.0, 1.0, 2.0, [(0, 1), (2, 3), (4, 5)]),
        (3.5, 1.0, 2.0, [(0, 1), (2, 3)]),
        (1.8, None, None, [(0, 1.8)]),
    ],
)
def test_places_and_content(noise_file, seconds, window, hop, expected):
    path = noise_file(seconds)
    whole = read_audio(path)
    found = list(windows(path, window, hop))
    times = [time for one in found for time in one[:2]]
    assert times == pytest.approx([time for pair in expected for time in pair])
    for start, end, waveform in found:
        assert torch.equal(waveform, whole[round(start * 16_000) : round(end * 16_000)])


def test_another_rate_and_many_blocks(noise_file):
    path = noise_file(25.0, 44_100)
    whole = read_audio(path, sampling_rate=8_000)
    found = list(windows(path, 5, 1, sampling_rate=8_000))
    assert len(found) == 21
    for start, end, waveform in found:
        expected = whole[round(start * 8_000) : round(end * 8_000)]
        torch.testing.assert_close(waveform, expected, rtol=0, atol=1e-4)


def test_what_cannot_be_is_one_line(noise_file, tmp_path):
    path = noise_file(1.0)
    for options, reason in [
        ({"window_seconds": 0.05}, "--window: cannot be 0.05 s"),
        ({"window_seconds": float("nan")}, "--window: cannot be nan s"),
        ({"window_seconds": float("inf")}, "--window: cannot be inf s"),
        ({"window_seconds": 1.0, "hop_seconds": 0.0}, "--hop: cannot be 0 s"),
        ({"hop_seconds": 1.0}, "--hop: needs --window"),
    ]:
        with pytest.raises(UserError, match=reason):
            next(windows(path, **options))
    with pytest.raises(UserError, match="no such file"):
        next(windows(tmp_path / "absent.wav", 1.0))
    soundfile.write(tmp_path / "short.wav", np.ones(800), 16_000)
    with pytest.raises(UserError, match=r"0\.050 s of sound"):
        next(windows(tmp_path / "short.wav", 1.0))
    soundfile.write(tmp_path / "broken.wav", np.full(8000, np.nan), 16_000, subtype="FLOAT")
    with pytest.raises(UserError, match="not finite"):
        next(windows(tmp_path / "broken.wav", 0.2))


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg"])
def test_a_part_of_a_file(noise_file, suffix):
    path = noise_file(3.0, suffix=suffix)
    whole = read_audio(path)
    part = read_audio(path, start=0.5, end=1.75)
    torch.testing.assert_close(part, whole[8_000:28_000], rtol=0, atol=1e-4)
    assert len(read_audio(path, start=2.5)) == 8_000
    assert len(read_audio(path, end=0.25)) == 4_000
    assert len(read_audio(path, start=2.5, end=3.05)) == 8_000
    for row, seconds in [({}, 3.0), ({"start": 0.5, "end": 1.75}, 1.25), ({"start": 2.5}, 0.5)]:
        row = {"path": str(path), "start": None, "end": None} | row
        assert clip_seconds(row) == pytest.approx(seconds, abs=1e-4)
        assert len(read_clip(row)) == round(seconds * 16_000)


@pytest.mark.parametrize(
    ("start", "end"), [(-1.0, None), (3.5, None), (2.0, 1.0), (1.0, 1.0), (0.0, 9.0)]
)
def test_parts_that_are_not_there(noise_file, start, end):
    path = noise_file(3.0)
    with pytest.raises(UserError, match="has no part from"):
        read_audio(path, start=start, end=end)
    with pytest.raises(UserError, match="has no part from"):
        clip_seconds({"path": path, "start": start, "end": end})


@pytest.mark.parametrize("level", [0.0, 0.3, 5e-5])
def test_silence_is_refused(tmp_path, level):
    samples = np.full(16_000, level)
    if level == 5e-5:
        samples *= np.sin(np.arange(16_000))
    soundfile.write(tmp_path / "silent.wav", samples, 16_000, subtype="FLOAT")
    with pytest.raises(UserError, match="is silent"):
        read_clip({"path": tmp_path / "silent.wav"})


MEMORY = """
import resource, sys
from nlpcl.audio.windows import windows

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

def through(path):
    return sum(len(window.waveform) for window in windows(path, 5, 5))

through(sys.argv[1])
before = peak()
print(through(sys.argv[2]) / 16_000, peak() - before)
"""


def test_ten_minutes_need_no_more_memory_than_half_a_minute(tmp_path, run_python):
    samples = (3000 * np.random.default_rng(0).standard_normal(30 * 44_100)).astype(np.int16)
    for name, repetitions in (("short.wav", 1), ("long.wav", 20)):
        with soundfile.SoundFile(tmp_path / name, "w", 44_100, 1) as sound:
            for _ in range(repetitions):
                sound.write(samples)
    result = run_python(MEMORY, tmp_path / "short.wav", tmp_path / "long.wav")
    assert result.code == 0, result.err
    seconds, megabytes = map(float, result.out.split())
    assert seconds == pytest.approx(600, abs=0.1)
    # Held whole it would be 38 MB after resampling and 106 MB before.
    assert megabytes < 8
