"""Words behind answers, and those that annotators marked."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from matplotlib.colors import to_hex

from nlpcl.analysis.figures import attributions, items
from nlpcl.analysis.figures.kinds import LeftOut, Options
from nlpcl.analysis.figures.text import AGAINST, FOR
from nlpcl.runs.run import Run

OPTIONS = Options()
LABELS = ["hateful", "normal"]


@pytest.fixture
def run_of(make_run, answer, monkeypatch):
    """``run_of([(text, gold, label, probability), ...])``; words weigh 2, -1, 0.5 in turn."""

    def words(run, texts):
        found = []
        for text in texts:
            starts = [
                at for at in range(len(text)) if text[at] != " " and text[at - 1 : at] in ("", " ")
            ]
            found.append(
                [
                    SimpleNamespace(
                        text=text[start:].split(" ")[0],
                        start=start,
                        end=start + len(text[start:].split(" ")[0]),
                        weight=(2.0, -1.0, 0.5)[at % 3],
                    )
                    for at, start in enumerate(starts)
                ]
            )
        return found

    monkeypatch.setattr(attributions, "words", words)

    def make(told):
        rows = [
            answer(at, gold, label, share, LABELS, text=text)
            for at, (text, gold, label, share) in enumerate(told)
        ]
        return Run(make_run(task="classification", rows=rows))

    return make


def test_words_are_drawn_by_their_weight(run_of):
    run = run_of([("ab cd e", "hateful", "hateful", 0.9)])
    found = attributions.load_attributions(run, OPTIONS)
    (axes,) = attributions.draw(**found.values).axes
    boxes = [
        (box.get_x(), box.get_width(), to_hex(box.get_facecolor()), box.get_alpha())
        for box in axes.patches
    ]
    # By the strongest word of the text: 1, -0.5 and 0.25, times 0.75.
    assert boxes == [(0, 2, FOR, 0.75), (3, 2, AGAINST, 0.375), (6, 1, FOR, 0.1875)]
    assert [text.get_text() for text in axes.texts] == [
        "gold hateful · answer hateful (0.90)",
        *("ab", " ", "cd", " ", "e"),
    ]
    assert 'title="-1.000">cd' in found.html
    assert found.rows[1] == {
        "id": "clip-0",
        "gold": "hateful",
        "label": "hateful",
        "word": "cd",
        "start": 3,
        "end": 5,
        "weight": -1.0,
    }


def test_the_surest_right_answers_of_each_class_come_first(run_of):
    told = [(f"h{at}", "hateful", "hateful", 0.5 + at / 100) for at in range(9)]
    told += [("n0", "normal", "normal", 0.6), ("n1", "normal", "normal", 0.7)]
    told += [(f"w{at}", "hateful", "normal", 0.8 + at / 100) for at in range(6)]
    told += [("", "normal", "hateful", 0.99), ("x" * 1201, "normal", "hateful", 0.98)]
    found = attributions.load_attributions(run_of(told), OPTIONS)
    texts = ["".join(piece.text for piece in line.pieces) for line in found.values["lines"]]
    # The surest one, hence its class, is normal; four right answers leave room for four mistakes.
    assert texts == ["n1", "h8", "n0", "h7", "w5", "w4", "w3", "w2"]


def test_few_mistakes_leave_room_for_right_answers(run_of):
    told = [(f"h{at}", "hateful", "hateful", 0.5 + at / 100) for at in range(9)]
    found = attributions.load_attributions(
        run_of([*told, ("w", "normal", "hateful", 0.9)]), OPTIONS
    )
    texts = ["".join(piece.text for piece in line.pieces) for line in found.values["lines"]]
    assert texts == [f"h{at}" for at in range(8, 1, -1)] + ["w"]


def test_only_texts_that_cannot_be_shown_are_a_reason(run_of):
    with pytest.raises(LeftOut, match="empty or longer than 1200"):
        attributions.load_attributions(run_of([("", "normal", "normal", 0.9)]), OPTIONS)


def test_marked_words_are_underlined_above_the_models(run_of, monkeypatch):
    run = run_of([("ab cd e", "hateful", "normal", 0.75), ("x y", "normal", "normal", 0.8)])
    examples = [{"id": "clip-0", "text": "ab cd e", "rationale": [[4, 7], [3, 5]]}]
    examples.append({"id": "clip-1", "text": "x y", "rationale": []})
    chosen = items.Items(examples, [True] * 2, 2)
    monkeypatch.setattr(attributions, "items", lambda run, most, seed: chosen)
    found = attributions.load_rationales(run, OPTIONS)
    (axes,) = attributions.draw(**found.values).axes
    heads = [text.get_text() for text in axes.texts if "·" in text.get_text()]
    assert heads == ["annotators · gold hateful", "model · gold hateful · answer normal (0.75)"]
    above, below = found.values["lines"]
    assert [(piece.text, piece.is_marked) for piece in above.pieces] == [
        *(("ab ", False), ("cd", True), (" e", True))
    ]
    assert [line.get_xdata().tolist() for line in axes.lines] == [[3, 5], [5, 7]]
    assert [(piece.text, piece.weight) for piece in below.pieces] == [
        *(("ab", 1.0), (" ", 0.0), ("cd", -0.5), (" ", 0.0), ("e", 0.25))
    ]
    boxes = [(box.get_x(), box.get_width(), box.get_alpha()) for box in axes.patches]
    assert boxes[:2] == [(3, 2, pytest.approx(0.45)), (5, 2, pytest.approx(0.45))]
    assert boxes[2:] == [(0, 2, 0.75), (3, 2, 0.375), (6, 1, 0.1875)]
    assert [(row["word"], row["marked"]) for row in found.rows] == [
        *(("ab", False), ("cd", True), ("e", True))
    ]
    assert "1 of 1 marked" in found.caption


def test_a_mark_ends_before_the_next_word(run_of, monkeypatch):
    run = run_of([("ab cd", "hateful", "hateful", 0.75)])
    chosen = items.Items([{"id": "clip-0", "text": "ab cd", "rationale": [[2, 3]]}], [True], 1)
    monkeypatch.setattr(attributions, "items", lambda run, most, seed: chosen)
    found = attributions.load_rationales(run, OPTIONS)
    assert [row["marked"] for row in found.rows] == [False, False]


def test_texts_without_marked_words_are_a_reason(run_of, monkeypatch):
    run = run_of([("ab cd", "hateful", "hateful", 0.75)])
    chosen = items.Items([{"id": "clip-0", "text": "ab cd"}], [True], 1)
    monkeypatch.setattr(attributions, "items", lambda run, most, seed: chosen)
    with pytest.raises(LeftOut, match="marked by annotators"):
        attributions.load_rationales(run, OPTIONS)
