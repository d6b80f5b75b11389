"""How corrected texts look in print."""

from __future__ import annotations

from collections import Counter

import pytest

from nlpcl.tasks.correction.output import LAYOUT, remarks


@pytest.fixture
def row():
    edits = [
        {"position": 2, "wrong": "旱", "right": "早", "probability": 0.98765},
        {"position": 3, "wrong": "再", "right": "在", "probability": 0.5},
    ]
    return {"source": "今天旱再", "target": "今天早在", "edits": edits}


def test_people_see_what_was_changed(row):
    cells = LAYOUT.table(row)
    assert (cells["source"].plain, cells["target"].plain) == ("今天旱再", "今天早在")
    assert [(span.start, span.end, span.style) for span in cells["source"].spans] == [
        *((2, 3, "red underline"), (3, 4, "red underline"))
    ]
    assert [(span.start, span.end, span.style) for span in cells["target"].spans] == [
        *((2, 3, "bold green underline"), (3, 4, "bold green underline"))
    ]
    assert (cells["edits"], cells["probability"]) == ("旱→早 再→在", "0.99 0.50")


def test_csv_has_places_and_more_digits(row):
    assert LAYOUT.flat(row) == {
        "source": "今天旱再",
        "target": "今天早在",
        "edits": "2:旱→早 3:再→在",
        "probability": "0.9877 0.5000",
    }
    assert LAYOUT.text(row) == "今天早在"


def test_unknown_characters_are_counted_and_the_commonest_named():
    assert remarks(Counter(), 0) == []
    (remark,) = remarks(Counter("aab"), 0)
    assert remark.startswith("3 characters")
    assert remark.endswith("(a b)")
    (remark,) = remarks(Counter("abcdefghijkk"), 0)
    assert remark.endswith("(k a b c d e f g h i …)")


def test_sentences_of_mixed_script_are_counted():
    (one,) = remarks(Counter(), 1)
    assert one.startswith("1 sentence mixes simplified and traditional")
    unknown, more = remarks(Counter("a"), 2)
    assert unknown.startswith("1 characters")
    assert more == "2 sentences mix simplified and traditional characters and were left as they are"
