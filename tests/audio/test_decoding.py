"""Files that hold less than their header says, impossible rates, a decoder that talks to stderr."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from nlpcl.audio.decoding import opened, samples, taken_warnings
from nlpcl.audio.reading import clip_seconds, read_audio, stream_audio
from nlpcl.core.errors import UserError
from nlpcl.data.clip_check import clip_findings
from nlpcl.data.clips import usable

FORMATS = {
    "wav": {},
    "flac": {},
    "ogg": {},
    "mp3": {},
    "aiff": {},
    "opus": {"format": "OGG", "subtype": "OPUS"},
    "rf64.wav": {"format": "RF64"},
    "w64.wav": {"format": "W64"},
    "extensible.wav": {"format": "WAVEX"},
}


@pytest.fixture(params=sorted(FORMATS))
def written(request, tmp_path) -> Path:
    """Four seconds of noise in one of the formats."""
    path = tmp_path / f"noise.{request.param}"
    noise = 0.1 * np.random.default_rng(0).standard_normal(64_000)
    soundfile.write(path, noise, 16_000, **FORMATS[request.param])
    return path


def test_a_whole_file_is_read_whole(written):
    assert clip_seconds({"path": written}) == pytest.approx(4.0, abs=0.05)
    assert len(read_audio(written)) == pytest.approx(64_000, abs=800)


@pytest.mark.parametrize("left", [0.5, 0.9])
def test_a_file_cut_short_is_refused_and_never_half_read(written, left):
    content = written.read_bytes()
    written.write_bytes(content[: int(left * len(content))])
    for read in (
        lambda: clip_seconds({"path": written}),
        lambda: read_audio(written),
        lambda: read_audio(written, end=0.5),
        lambda: list(stream_audio(written)),
    ):
        with pytest.raises(UserError, match="is cut short"):
            read()


def test_a_header_with_more_bytes_than_the_file_says_how_much_is_there(tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, np.full(1000, 0.1), 16_000)
    path.write_bytes(path.read_bytes()[: 44 + 500])
    with pytest.raises(UserError, match="is cut short: it holds 25 % of the sound"):
        read_audio(path)


@pytest.mark.parametrize("length", [b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f", b"\0\0\0\0"])
def test_a_recorder_that_did_not_know_the_length_is_believed(tmp_path, length):
    path = tmp_path / "pipe.wav"
    soundfile.write(path, 0.1 * np.random.default_rng(0).standard_normal(8000), 16_000)
    content = bytearray(path.read_bytes())
    place = content.index(b"data") + 4
    content[4:8] = content[place : place + 4] = length
    path.write_bytes(content)
    assert len(read_audio(path)) == 8000


@pytest.mark.parametrize(("rate", "refused"), [(1, True), (3999, True), (4000, False)])
def test_impossible_rates_are_refused_at_once(tmp_path, rate, refused):
    path = tmp_path / "slow.wav"
    soundfile.write(path, np.full(8000, 0.1), rate)
    if refused:
        with pytest.raises(UserError, match=f"sampling rate of {rate} Hz"):
            read_audio(path)
    else:
        assert len(read_audio(path)) == 32_000


def test_a_rate_beyond_all_recorders_is_refused(tmp_path):
    soundfile.write(tmp_path / "fast.wav", np.full(8000, 0.1), 1_000_000)
    with pytest.raises(UserError, match="1000000 Hz"):
        read_audio(tmp_path / "fast.wav")


@pytest.fixture
def doubtful(tmp_path) -> Path:
    """An MP3 file that its decoder warns of: more bytes than its header tells of."""
    path = tmp_path / "doubtful.mp3"
    soundfile.write(path, 0.1 * np.random.default_rng(0).standard_normal(64_000), 16_000)
    path.write_bytes(path.read_bytes() + b"\0" * 4000)
    return path


def test_the_decoder_does_not_talk_to_the_terminal(doubtful, capfd):
    taken_warnings()
    with opened(doubtful) as sound:
        samples(sound, -1, doubtful)
    read_audio(doubtful)
    assert capfd.readouterr().err == ""
    warned = taken_warnings()
    assert list(warned) == [doubtful]
    assert "\n" not in warned[doubtful]
    assert taken_warnings() == {}


def test_a_command_does_not_tell_of_files_read_before_it(doubtful, run_main):
    read_audio(doubtful)
    assert run_main("models").err == ""


def test_stderr_is_the_same_afterwards(doubtful, capfd):
    read_audio(doubtful)
    os.write(2, b"after")
    assert capfd.readouterr().err == "after"


def test_check_lists_them(tmp_path, doubtful):
    cut, slow, good = tmp_path / "cut.flac", tmp_path / "slow.wav", tmp_path / "good.wav"
    noise = 0.1 * np.random.default_rng(0).standard_normal(16_000)
    for path in (cut, good):
        soundfile.write(path, noise, 16_000)
    soundfile.write(slow, noise, 100)
    cut.write_bytes(cut.read_bytes()[:-2000])
    rows = [{"id": p.stem, "path": str(p), "label": "sad"} for p in (cut, slow, good, doubtful)]
    problems = []
    kept = usable(rows, problems)
    assert [row["id"] for row in kept] == ["good", "doubtful"]
    assert [Path(p.file).name for p in problems] == ["cut.flac", "slow.wav"]
    assert all("clip skipped" in p.what for p in problems)
    found = clip_findings(kept)
    assert [Path(p.file).name for p in found["doubted by the decoder"]] == ["doubtful.mp3"]
    assert found["unreadable"] == found["silent"] == found["repeated"] == []
