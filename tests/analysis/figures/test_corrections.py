"""Examples of corrections: probabilities of characters, in colour."""

from __future__ import annotations

import pytest
from matplotlib.colors import to_hex

from nlpcl.analysis.figures import corrections, items
from nlpcl.analysis.figures.kinds import LeftOut, Options
from nlpcl.analysis.figures.text import FOR
from nlpcl.runs.run import Run

OPTIONS = Options()


def sentence(source, gold, target, **more):
    edits = [
        {"position": at, "wrong": old, "right": new, "probability": 0.8}
        for at, (old, new) in enumerate(zip(source, target, strict=False))
        if old != new
    ]
    row = {"test": "t", "id": source, "source": source, "gold": gold, "target": target}
    return row | {"edits": edits} | more


@pytest.fixture
def shown(make_run, monkeypatch):
    """``shown(rows)`` → the material of invented sentences; each character has p = 0.9 to 0.1."""

    def load(rows, texts=None):
        examples = [{"source": row["source"], "target": row["gold"]} for row in rows]
        chosen = items.Items(examples, [True] * len(rows), len(rows))
        monkeypatch.setattr(corrections, "items", lambda run, most, seed: chosen)

        def probabilities(run, texts):
            return [
                {
                    place: {"written": c, "p": 0.9 - 0.8 * place, "best": "乙", "p best": 0.95}
                    for place, c in enumerate(text[:2])
                }
                for text in texts
            ]

        monkeypatch.setattr(corrections, "probabilities", probabilities)
        return corrections.load(Run(make_run(task="correction", rows=rows)), OPTIONS)

    return load


def test_outcomes_of_corrections():
    def of(source, gold, target):
        return corrections.outcome({"source": source, "gold": gold, "target": target})

    assert of("甲", "甲", "甲") is None
    assert of("甲", "乙", "乙") == "corrected"
    assert of("甲", "乙", "甲") == "missed"
    assert of("甲", "乙", "丙") == "wrongly corrected"
    assert of("甲丁", "乙丁", "乙戊") == "over-corrected"
    assert of("甲", "乙丙", "甲") is None


def test_characters_are_coloured_by_how_improbable_they_are(shown):
    found = shown([sentence("甲丁戊", "甲乙戊", "甲乙戊")])
    (axes,) = corrections.draw(**found.values).axes
    boxes = [(box.get_x(), box.get_width(), box.get_alpha()) for box in axes.patches]
    # 0.75 (1 - p) of 0.9 and 0.1; the model says nothing of the third character.
    assert boxes == [(0, 2, pytest.approx(0.075)), (2, 2, pytest.approx(0.675))]
    assert {to_hex(box.get_facecolor()) for box in axes.patches} == {FOR}
    (underline,) = axes.lines  # under the wrong character
    assert underline.get_xdata().tolist() == [2, 4]
    assert [text.get_text() for text in axes.texts] == [
        "corrected · 甲丁戊 · right: 丁→乙",
        *("甲", "丁", "戊", "   丁→乙 0.80"),
    ]
    assert "p(丁) = 0.100; best 乙 0.950" in found.html
    assert found.rows[1] == {
        "outcome": "corrected",
        "id": "甲丁戊",
        "position": 1,
        "written": "丁",
        "right": "乙",
        "p(written)": pytest.approx(0.1),
        "best": "乙",
        "p(best)": 0.95,
    }


def test_every_outcome_is_counted_and_four_of_each_are_shown(shown):
    rows = [sentence(f"甲{at}", f"乙{at}", f"乙{at}") for at in range(6)]
    rows += [
        sentence("甲x", "乙x", "甲x"),
        sentence("甲y", "甲y", "乙y"),
        sentence("丙", "丙", "丙"),
    ]
    rows.append(sentence("甲" * 61, "乙" + "甲" * 60, "甲" * 61))  # too long to show
    found = shown(rows)
    heads = [line.head.split(" · ")[0] for line in found.values["lines"]]
    assert heads == ["corrected"] * 4 + ["missed", "over-corrected"]
    assert (
        "corrected 6, missed 2, wrongly corrected 0, over-corrected 1; at most 4" in found.caption
    )


def test_sentences_that_are_right_are_a_reason(shown):
    with pytest.raises(LeftOut, match="no test sentence"):
        shown([sentence("丙", "丙", "丙")])
