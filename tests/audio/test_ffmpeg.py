"""Files that are left to ffmpeg, with a stand-in for it: a program that copies a WAV."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import soundfile

from nlpcl.audio import ffmpeg
from nlpcl.audio.paths import sound_paths
from nlpcl.audio.reading import clip_seconds, read_audio, stream_audio
from nlpcl.core.errors import UserError

RATE = 16_000
STAND_IN = """#!{python}
import pathlib, shutil, sys
given = sys.argv[1:]
assert "-nostdin" in given and not sys.stdin.read()
source = given[given.index("-i") + 1].removeprefix("file:")
if pathlib.Path(source).read_bytes()[:4] != b"RIFF":
    sys.exit("moov atom not found\\nsecond line")
shutil.copyfile(source, given[-1].removeprefix("file:"))
"""


@pytest.fixture
def program(tmp_path, monkeypatch):
    folder = tmp_path / "bin"
    folder.mkdir()
    file = folder / "ffmpeg"
    file.write_text(STAND_IN.format(python=sys.executable))
    file.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))


@pytest.fixture
def none(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.fixture
def clips(tmp_path):
    folder = tmp_path / "clips"
    folder.mkdir()
    wave = 0.3 * np.sin(0.1 * np.arange(RATE // 2))
    soundfile.write(folder / "x.wav", wave, RATE)
    for name in ("a.M4A", "-b.webm"):
        (folder / name).write_bytes((folder / "x.wav").read_bytes())
    (folder / "broken.amr").write_bytes(b"#!AMR and nothing more")
    return folder


def test_what_ffmpeg_decodes_reads_like_the_wav(program, clips):
    wanted = read_audio(clips / "x.wav")
    for name in ("a.M4A", "-b.webm"):
        assert (read_audio(clips / name) == wanted).all()
        assert clip_seconds({"path": str(clips / name)}) == 0.5
    blocks = list(stream_audio(clips / "a.M4A", block_seconds=0.1))
    assert len(blocks) == 5
    assert sound_paths([str(clips)]) == sorted(map(str, clips.iterdir()))


def test_what_ffmpeg_says_is_one_line(program, clips):
    with pytest.raises(UserError) as caught:
        read_audio(clips / "broken.amr")
    assert caught.value.what == "cannot be decoded by ffmpeg (moov atom not found)"


def test_without_ffmpeg_files_are_named_with_the_remedy(none, clips):
    notes = []
    assert sound_paths([str(clips)], notes) == [str(clips / "x.wav")]
    assert notes == [
        f"{clips}: 3 sound files not read (.amr 1, .m4a 1, .webm 1): install ffmpeg, or convert "
        "them to WAV, FLAC, OGG or MP3"
    ]
    with pytest.raises(UserError, match=r"\.m4a is read through ffmpeg, which is not installed"):
        read_audio(clips / "a.M4A")
    (clips / "x.wav").unlink()
    with pytest.raises(UserError, match="3 sound files not read"):
        sound_paths([str(clips)])


def test_nothing_is_left_behind(program, clips, tmp_path, monkeypatch):
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(place))
    read_audio(clips / "a.M4A")
    with pytest.raises(UserError):
        read_audio(clips / "broken.amr")
    assert not list(place.iterdir())


def test_a_corpus_tells_which_of_its_files_it_skips(none, tmp_path):
    from nlpcl.data import emodb

    wave = 0.3 * np.sin(0.1 * np.arange(RATE // 2))
    soundfile.write(tmp_path / "03a01Fa.wav", wave, RATE)
    for name in ("03a01Nc.m4a", "interview.m4a"):
        (tmp_path / name).write_bytes(b"x")
    assert any("1 sound file not read (.m4a 1)" in note for note in emodb.load(tmp_path).notes)
    assert ffmpeg.not_read([]) == ""
