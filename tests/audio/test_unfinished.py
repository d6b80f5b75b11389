"""WAV files whose header was never completed are read to their end."""

from __future__ import annotations

import struct

import numpy as np
import pytest
import soundfile

from nlpcl.audio.reading import clip_seconds, read_audio, stream_audio
from nlpcl.audio.unfinished import mended
from nlpcl.core.errors import UserError

RATE = 16_000
WHOLE = None


@pytest.fixture(params=["WAV", "WAVEX"])
def wav(tmp_path, request):
    """A whole file, and a function that writes it with other lengths in its header."""
    wave = 0.3 * np.sin(0.1 * np.arange(RATE))
    path = tmp_path / "whole.wav"
    soundfile.write(path, wave, RATE, format=request.param, subtype="PCM_16")
    content = path.read_bytes()
    place = content.index(b"data")

    def with_lengths(riff, data, more=b""):
        changed = bytearray(content)
        if riff is not WHOLE:
            changed[4:8] = struct.pack("<I", riff)
        changed[place + 4 : place + 8] = struct.pack("<I", data)
        file = tmp_path / "changed.wav"
        file.write_bytes(changed + more)
        return file

    return path, with_lengths, place


@pytest.mark.parametrize(
    ("riff", "data"),
    [(0, 0), (WHOLE, 0), (36, 0), (0xFFFFFFFF, 0), (0xFFFFFFFF, 0xFFFFFFFF), (0, 0xFFFFFFFF)],
)
def test_an_unfinished_file_is_read_to_its_end(wav, riff, data):
    path, with_lengths, _ = wav
    wanted = read_audio(path)
    file = with_lengths(riff, data)
    assert (read_audio(file) == wanted).all()
    assert clip_seconds({"path": str(file)}) == 1.0
    assert sum(map(len, stream_audio(file, block_seconds=0.3))) == RATE
    assert (read_audio(file, start=0.25, end=0.75) == wanted[RATE // 4 : 3 * RATE // 4]).all()


def test_a_finished_file_is_left_alone(wav, tmp_path):
    path, with_lengths, place = wav
    assert mended(path) is None
    # An empty data chunk with further chunks behind it holds no sound.
    empty = tmp_path / "empty.wav"
    head = bytearray(path.read_bytes()[: place + 8])
    head[place + 4 : place + 8] = struct.pack("<I", 0)
    empty.write_bytes(bytes(head) + b"LIST" + struct.pack("<I", 4) + b"INFO")
    assert mended(empty) is None
    with pytest.raises(UserError, match=r"0\.000 s"):
        read_audio(empty)
    assert mended(with_lengths(WHOLE, 100)) is None


def test_what_is_no_wav_is_left_alone(tmp_path):
    for content in (b"", b"RIFF", b"RIFF1234AVI LIST", b"fLaC"):
        file = tmp_path / "x.wav"
        file.write_bytes(content)
        assert mended(file) is None
