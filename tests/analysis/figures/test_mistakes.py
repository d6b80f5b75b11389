"""Tables of the most confident mistakes."""

from __future__ import annotations

import re

import pytest

from nlpcl.analysis.figures import mistakes
from nlpcl.analysis.figures.kinds import LeftOut, Options
from nlpcl.runs.run import Run

OPTIONS = Options()


def cells_of(html):
    """The cells of a table of the report, row by row."""
    rows = [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in html.split("<tr>")]
    return [row for row in rows if row]


def test_mistakes_come_with_the_surest_first(make_run, clip_rows):
    found = mistakes.load_labels(Run(make_run(rows=clip_rows)), OPTIONS)
    assert len(found.rows) == 15
    shares = [row["p(predicted)"] for row in found.rows]
    assert shares == sorted(shares, reverse=True)
    assert all(row["gold"] != row["predicted"] for row in found.rows)
    assert "15 of 60" in found.caption


def test_the_table_says_what_was_answered_and_what_was_right(make_run, answer):
    rows = [
        answer(0, "sad", "angry", 0.5, speaker="s1"),
        answer(1, "sad", "sad", 0.99),
        answer(2, "neutral", "sad", 0.8, targets=["x", "y"]),
    ]
    found = mistakes.load_labels(Run(make_run(rows=rows)), OPTIONS)
    assert list(found.rows[0]) == ["gold", "predicted", "p(predicted)", "p(gold)", "id", "targets"]
    assert cells_of(found.html) == [
        ["neutral", "sad", "0.80", "0.10", "clip-2", "x, y", "-"],
        ["sad", "angry", "0.50", "0.25", "clip-0", "-", "s1"],
    ]


def test_the_report_shows_the_surest_and_the_data_hold_them_all(make_run, answer):
    rows = [answer(at, "sad", "angry", 0.4 + at / 100) for at in range(25)]
    found = mistakes.load_labels(Run(make_run(rows=rows)), OPTIONS)
    assert len(found.rows) == 25
    shown = cells_of(found.html)
    assert len(shown) == 20
    assert [row[2] for row in (shown[0], shown[-1])] == ["0.64", "0.45"]
    assert "25 of 25 answers are wrong; the 20 surest are shown" in found.caption


def test_spelling_mistakes_name_their_kind(make_run):
    def row(source, gold, edits):
        written = list(source)
        for edit in edits:
            written[edit["position"]] = edit["right"]
        target = "".join(written)
        return {
            "test": "t",
            "id": source,
            "source": source,
            "gold": gold,
            "target": target,
            "edits": edits,
        }

    edit = {"position": 0, "wrong": "甲", "right": "乙", "probability": 0.9}
    rows = [
        row("甲乙", "甲乙", [edit]),
        row("甲丙", "丁丙", [edit | {"probability": 0.95}]),
        row("甲戊", "丁戊", []),
        row("甲己", "乙己", [edit]),
    ]
    found = mistakes.load_spelling(Run(make_run(task="correction", rows=rows)), OPTIONS)
    assert [list(row.values()) for row in found.rows] == [
        ["wrongly corrected", "甲丙", 0, "甲", "丁", "乙", 0.95, "甲丙"],
        ["over-corrected", "甲乙", 0, "甲", "甲", "乙", 0.9, "甲乙"],
        ["missed", "甲戊", 0, "甲", "丁", "甲", None, "甲戊"],
    ]
    assert [row[:2] for row in cells_of(found.html)] == [
        ["wrongly corrected", "甲丙"],
        ["over-corrected", "甲乙"],
        ["missed", "甲戊"],
    ]
    assert "2 wrong changes and 1 missed characters" in found.caption


def test_no_mistakes_are_a_reason(make_run, answer):
    with pytest.raises(LeftOut, match="no mistakes"):
        mistakes.load_labels(Run(make_run(rows=[answer(0, "sad", "sad")])), OPTIONS)
    right = {"source": "甲", "gold": "甲", "target": "甲", "edits": [], "test": "t"}
    with pytest.raises(LeftOut, match="no mistakes"):
        mistakes.load_spelling(Run(make_run("other", task="correction", rows=[right])), OPTIONS)
