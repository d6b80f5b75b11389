"""What rows are held out with."""

from __future__ import annotations

import pytest

from nlpcl.data.holdout import group_of


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
