"""Of channels that cancel each other the loudest is heard, in files, parts and streams alike."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
import torch

from nlpcl.audio import channels
from nlpcl.audio.reading import read_audio, stream_audio
from nlpcl.data.clip_check import heard, is_silent

RATE = 16_000


@pytest.fixture
def wave():
    return 0.1 * np.random.default_rng(0).standard_normal(2 * RATE)


@pytest.fixture
def written(tmp_path):
    def write(*columns, suffix="wav", **options):
        path = tmp_path / f"a.{suffix}"
        soundfile.write(path, np.stack(columns, axis=1), RATE, **options)
        return path

    return write


@pytest.mark.parametrize("order", [1, -1])
def test_of_opposite_channels_the_louder_is_taken(written, wave, order):
    path = written(*[wave, -0.8 * wave][::order], subtype="FLOAT")
    torch.testing.assert_close(read_audio(path), torch.from_numpy(wave).float())


def test_a_stream_and_a_part_take_the_same(written, wave):
    path = written(-0.9 * wave, wave, subtype="FLOAT")
    whole = read_audio(path)
    assert torch.equal(torch.cat(list(stream_audio(path, block_seconds=0.3))), whole)
    assert torch.equal(read_audio(path, start=0.5, end=1.0), whole[RATE // 2 : RATE])


def test_others_are_mixed_as_before(written, wave):
    other = 0.1 * np.random.default_rng(1).standard_normal(2 * RATE)
    for second in (wave, 0 * wave, other, 0.5 * wave):
        path = written(wave, second, subtype="FLOAT")
        expected = torch.from_numpy((wave + second) / 2).float()
        torch.testing.assert_close(read_audio(path), expected)


def test_they_are_not_silent(written, wave):
    path = written(wave, -wave)
    assert not is_silent({"path": path}) and not heard({"path": path}).is_silent


def test_opposite_offsets_of_recorders_are_no_sound(written, wave):
    path = written(0.3 + wave, -0.3 + wave, subtype="FLOAT")
    torch.testing.assert_close(read_audio(path), torch.from_numpy(wave).float())


def test_silence_at_the_beginning_decides_nothing(written, wave, monkeypatch):
    monkeypatch.setattr(channels, "BLOCK", 0.5)
    monkeypatch.setattr(channels, "ENOUGH", 1.0)
    begin = np.zeros(3 * RATE)
    path = written(np.concatenate([begin, wave]), np.concatenate([begin, -wave]), subtype="FLOAT")
    assert read_audio(path).abs().max() > 0.1


def test_what_is_read_first_decides(written, wave, monkeypatch):
    monkeypatch.setattr(channels, "BLOCK", 0.5)
    monkeypatch.setattr(channels, "ENOUGH", 1.0)
    path = written(np.concatenate([wave, wave]), np.concatenate([wave, -wave]), subtype="FLOAT")
    assert read_audio(path)[2 * RATE :].abs().max() == 0
