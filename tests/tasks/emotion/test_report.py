"""Tables of groups from prediction rows."""

from __future__ import annotations

import pytest

from nlpcl.core.errors import UserError
from nlpcl.tasks.emotion.report import group_names, tables_by


def row(number, gold, label, **more):
    shares = {"angry": 0.5, "sad": 0.5}
    return {"id": str(number), "gold": gold, "label": label, "probabilities": shares} | more


@pytest.fixture
def rows():
    """Two clips of ada, both right, and two of bob, one of them right."""
    told = [("ada", "angry", "angry"), ("ada", "sad", "sad")]
    told += [("bob", "angry", "sad"), ("bob", "sad", "sad")]
    return [
        row(at, gold, label, speaker=speaker, gender="female", seconds=1.0)
        for at, (speaker, gold, label) in enumerate(told)
    ]


def test_a_group_has_the_scores_of_its_own_answers(rows):
    table = next(table for table in tables_by(rows, ["speaker"]) if table.name == "by_speaker")
    found = [dict(zip(table.columns, cells, strict=True)) for cells in table.rows]
    assert [(cells["speaker"], cells["n"]) for cells in found] == [("ada", 2), ("bob", 2)]
    assert [cells["UA"] for cells in found] == [100, 50]


def test_groups_are_those_asked_for(rows):
    names = {table.name for table in tables_by(rows, ["speaker"])}
    assert "by_speaker" in names
    assert "by_gender" not in names
    assert {"by_speaker", "by_gender"} < {
        one.name for one in tables_by(rows, ["gender", "speaker"])
    }
    with pytest.raises(UserError, match="Did you mean 'gender'"):
        tables_by(rows, ["gendr"])


def test_names_of_groups_are_texts_but_for_clip_and_answer(rows):
    assert group_names([*rows, row(9, "sad", "sad", path="x.wav", corpus="c")]) == [
        *("speaker", "gender", "corpus")
    ]
