"""Which sound files are meant."""

import io

import pytest

from nlpcl.audio.paths import sound_paths
from nlpcl.core.errors import UserError


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for name in ("b.wav", "a.flac", "notes.txt", "inner/c.OGG", "._b.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_files_folders_patterns_and_a_list(folder, monkeypatch):
    assert sound_paths(["b.wav"]) == ["b.wav"]
    assert sound_paths(["notes.txt"]) == ["notes.txt"]
    assert sound_paths(["."]) == ["a.flac", "b.wav", "inner/c.OGG"]
    assert sound_paths(["*.wav", "b.wav"]) == ["b.wav"]
    assert sound_paths(["**/*.OGG"]) == ["inner/c.OGG"]
    monkeypatch.setattr("sys.stdin", io.StringIO("b.wav\n\ninner/c.OGG\r\n"))
    assert sound_paths(["-"]) == ["b.wav", "inner/c.OGG"]


def test_a_name_with_brackets_is_a_file_before_it_is_a_pattern(folder):
    (folder / "take[1].wav").write_bytes(b"x")
    assert sound_paths(["take[1].wav"]) == ["take[1].wav"]


@pytest.mark.parametrize(
    ("given", "what"),
    [("none.wav", "no such file"), ("*.mp3", "no file matches"), ("empty", "no sound files")],
)
def test_nothing_there(folder, given, what):
    (folder / "empty").mkdir()
    with pytest.raises(UserError, match=what):
        sound_paths([given])
