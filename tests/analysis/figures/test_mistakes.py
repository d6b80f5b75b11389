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


def test_entities_list_the_surest_wrong_ones_then_those_missed(make_run, mention):
    def row(number, gold, found):
        texts = {"text": "张伟去北京大学", "gold": [mention(*span) for span in gold]}
        spans = [mention(*span) for span in found]
        return {"test": "t", "id": f"text-{number}", "windows": 1, "entities": spans} | texts

    rows = [
        row(0, [(0, 2, "PER"), (3, 7, "ORG")], [(3, 5, "LOC", 0.6), (0, 2, "PER", 0.99)]),
        row(1, [(0, 2, "PER")], [(0, 2, "ORG", 0.8), (3, 7, "ORG", 0.9)]),
        row(2, [(3, 5, "LOC"), (3, 7, "ORG")], []),
        row(3, [(3, 7, "ORG")], [(3, 6, "ORG", 0.7), (3, 6, "LOC", 0.75)]),
    ]
    run = Run(make_run(task="entities", model="globalpointer", rows=rows))
    found = mistakes.load_entities(run, OPTIONS)
    assert [list(row.values())[:4] for row in found.rows] == [
        ["invented", None, "北京大学 3:7 ORG", 0.9],
        ["wrong type", "张伟 0:2 PER", "张伟 0:2 ORG", 0.8],
        ["invented", None, "北京大 3:6 LOC", 0.75],
        ["wrong edge", "北京大学 3:7 ORG", "北京大 3:6 ORG", 0.7],
        ["wrong type and edge", "北京大学 3:7 ORG", "北京 3:5 LOC", 0.6],
        ["missed", "北京 3:5 LOC", None, None],
        ["missed", "北京大学 3:7 ORG", None, None],
    ]
    assert [row["text"] for row in found.rows][2] == "张伟去【北京大】学"
    assert "5 wrong and 2 missed entities" in found.caption
    wrong, missed = found.html.split("Missed entities (2)")
    assert "Wrong entities (5)" in wrong
    assert cells_of(wrong)[1][:4] == ["wrong type", "张伟 0:2 PER", "张伟 0:2 ORG", "0.80"]
    assert cells_of(missed)[0] == ["北京 3:5 LOC", "张伟去【北京】大学", "text-2"]


def test_of_many_wrong_and_missed_entities_some_of_both_are_shown(make_run, mention):
    spans = [(at, at + 1) for at in range(30)]
    row = {"test": "t", "id": "0", "text": "x" * 90, "windows": 1}
    row |= {"gold": [mention(*span, "A") for span in spans]}
    row |= {"entities": [mention(a + 40, b + 40, "A", 0.5 + a / 100) for a, b in spans]}
    found = mistakes.load_entities(
        Run(make_run(task="entities", model="globalpointer", rows=[row])), OPTIONS
    )
    wrong, missed = found.html.split("Missed entities (the first 10 of 30)")
    assert "Wrong entities (the surest 20 of 30)" in wrong
    assert len(cells_of(wrong)) == 20 and len(cells_of(missed)) == 10
    assert cells_of(wrong)[0][2] == "0.79"
    assert len(found.rows) == 60


def test_no_mistakes_are_a_reason(make_run, answer):
    with pytest.raises(LeftOut, match="no mistakes"):
        mistakes.load_labels(Run(make_run(rows=[answer(0, "sad", "sad")])), OPTIONS)
    right = {"source": "甲", "gold": "甲", "target": "甲", "edits": [], "test": "t"}
    with pytest.raises(LeftOut, match="no mistakes"):
        mistakes.load_spelling(Run(make_run("other", task="correction", rows=[right])), OPTIONS)
    nothing = {"id": "0", "text": "甲", "windows": 1, "gold": [], "entities": [], "test": "t"}
    with pytest.raises(LeftOut, match="no mistakes"):
        folder = make_run("third", task="entities", model="globalpointer", rows=[nothing])
        mistakes.load_entities(Run(folder), OPTIONS)
