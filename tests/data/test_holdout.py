"""What rows are held out with."""

from __future__ import annotations

import pytest

from nlpcl.data.holdout import group_of, row_keys


@pytest.mark.parametrize(
    ("row", "group"),
    [
        ({"path": "a.wav", "speaker": "s1", "id": "c1", "text": "Hello"}, "s1"),
        ({"path": "a.wav", "speaker": "", "id": "c1"}, "c1"),
        ({"path": "a.wav"}, "7"),
        ({"group": "thread", "text": "Hello"}, "group\0thread"),
        ({"group": "", "target": "Right", "text": "Wrong"}, "right"),
        ({"text": "Hello", "id": "t1"}, "hello"),
        ({"id": "T1"}, "t1"),
        ({}, "7"),
    ],
)
def test_rows_are_held_out_with_their_speaker_group_target_or_text(row, group):
    assert group_of(row, 7) == group


def test_a_group_is_no_text_of_that_name():
    assert group_of({"group": "hello", "text": "x"}, 0) != group_of({"text": "hello"}, 0)


def test_a_clip_is_the_same_from_wherever_it_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for start, is_same in ((0.5, True), (1.0, False)):
        one = row_keys({"path": "a/x.wav", "start": 0.5, "end": None})
        other = row_keys({"path": str(tmp_path / "a" / "x.wav"), "start": start, "end": None})
        assert (one == other) is is_same
