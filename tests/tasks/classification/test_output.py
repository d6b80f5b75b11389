"""How classified texts look in print."""

from __future__ import annotations

import pytest

from nlpcl.tasks.classification.output import SHOWN, layout, strongest

LABELS = ["hateful", "neutral", "normal"]


@pytest.fixture
def row():
    shares = {"hateful": 0.2, "neutral": 0.1, "normal": 0.7}
    words = [["我", 0, 1, 0.5], ["在", 1, 2, -0.75], ["家", 2, 3, 0.1], ["。", 3, 4, 0.3]]
    told = {"text": "我在家。", "label": "normal", "probabilities": shares, "words": words}
    return told | {"is_truncated": True}


def test_people_see_the_most_probable_class_first(row):
    cells = layout(LABELS).table(row)
    assert cells["label"] == "normal"
    assert cells["probabilities"] == "normal 0.70  hateful 0.20  neutral 0.10"
    assert cells["text"].plain == "我在家。 (cut)"
    assert "words" not in cells


def test_words_are_coloured_by_their_weight(row):
    cells = layout(LABELS, explained=True).table(row)
    assert cells["words"] == "在 -0.75  我 +0.50  。 +0.30"
    styles = {(span.start, span.end): span.style for span in cells["text"].spans}
    # Of the largest weight 0.67, 1, 0.13 and 0.4.
    assert styles == {
        (0, 1): "bold red underline",
        (1, 2): "bold blue underline",
        (3, 4): "red",
        (4, 10): "dim",
    }


def test_a_very_long_text_is_shown_in_part(row):
    long = row | {"text": "字" * (SHOWN + 1), "is_truncated": False}
    assert layout(LABELS).table(long)["text"].plain == "字" * SHOWN + "…"


def test_csv_has_a_column_a_class(row):
    flat = {"text": "我在家。", "label": "normal"}
    flat |= {"p_hateful": 0.2, "p_neutral": 0.1, "p_normal": 0.7, "is_truncated": True}
    assert layout(LABELS).flat(row) == flat
    assert layout(LABELS, explained=True).flat(row) == flat | {"words": row["words"]}
    empty = {"text": "", "label": None, "probabilities": {}, "is_truncated": False}
    assert list(layout(LABELS).flat(empty).values()) == ["", "", "", "", "", False]
    assert (layout(LABELS).text(row), layout(LABELS).text(empty)) == ("normal", "")


def test_few_words_are_all_named():
    assert strongest([["a", 0, 1, -0.5]]) == "a -0.50"
    assert strongest([]) == ""
