"""Errors are sorted by hand-worked examples, and each span is in exactly one place."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlpcl.metrics.counts import Score
from nlpcl.metrics.entity_errors import (
    KINDS,
    case_lists,
    case_tables,
    error_counts,
    error_table,
    faults,
)

SPANS = st.frozensets(
    st.tuples(st.integers(0, 9), st.integers(1, 5), st.sampled_from("AB")).map(
        lambda span: (span[0], span[0] + span[1], span[2])
    ),
    max_size=7,
)


def found(gold, predicted):
    return [
        (one.kind, one.gold, one.predicted) for one in faults(frozenset(gold), frozenset(predicted))
    ]


@settings(max_examples=100)
@given(SPANS, SPANS)
def test_every_span_is_in_one_place(gold, predicted):
    errors = found(gold, predicted)
    hits = sorted(gold & predicted)
    assert sorted([one for _, one, _ in errors if one] + hits) == sorted(gold)
    assert sorted([one for _, _, one in errors if one] + hits) == sorted(predicted)
    for kind, one, other in errors:
        if one is None or other is None:
            assert kind == ("invented" if one is None else "missed")
            continue
        assert max(one[0], other[0]) < min(one[1], other[1])
        same = (one[:2] == other[:2], one[2] == other[2])
        names = {(True, False): "wrong_type", (False, True): "wrong_edge"}
        assert kind == names.get(same, "wrong_both")
        assert same != (True, True)
    # Nothing that overlaps is left on both sides.
    missed = [one for kind, one, _ in errors if kind == "missed"]
    invented = [one for kind, _, one in errors if kind == "invented"]
    for one in missed:
        assert all(max(one[0], other[0]) >= min(one[1], other[1]) for other in invented)


@pytest.mark.parametrize(
    ("gold", "predicted", "errors"),
    [
        ({(0, 2, "A")}, {(0, 2, "A")}, []),
        ({(0, 2, "A")}, {(0, 2, "B")}, ["wrong_type"]),
        ({(0, 2, "A")}, {(0, 3, "A")}, ["wrong_edge"]),
        ({(0, 2, "A")}, {(1, 3, "B")}, ["wrong_both"]),
        ({(0, 2, "A")}, {(2, 3, "A")}, ["missed", "invented"]),
        # A right boundary goes before a right type, and that before a larger overlap.
        ({(0, 4, "A")}, {(0, 4, "B"), (0, 3, "A")}, ["invented", "wrong_type"]),
        ({(0, 4, "A")}, {(0, 3, "B"), (3, 5, "A")}, ["invented", "wrong_edge"]),
        # Of two of one kind the larger overlap, of equal ones the first.
        ({(0, 6, "A")}, {(0, 2, "A"), (2, 6, "A")}, ["invented", "wrong_edge"]),
        # Inside a hit there is nothing to be paired with.
        ({(0, 4, "A"), (0, 2, "B")}, {(0, 4, "A")}, ["missed"]),
        ({(0, 4, "A")}, {(0, 4, "A"), (0, 2, "B")}, ["invented"]),
    ],
)
def test_by_hand(gold, predicted, errors):
    assert sorted(kind for kind, *_ in found(gold, predicted)) == sorted(errors)


def test_of_several_the_larger_overlap_is_paired():
    gold = (0, 6, "A")
    errors = found({gold}, {(0, 2, "A"), (2, 6, "A")})
    assert errors == [("invented", None, (0, 2, "A")), ("wrong_edge", gold, (2, 6, "A"))]
    # It is what both have of all characters: a long span does not win by its length.
    errors = found({gold}, {(0, 40, "A"), (1, 6, "A")})
    assert ("wrong_edge", gold, (1, 6, "A")) in errors
    assert ("invented", None, (0, 40, "A")) in errors


def test_pairs_that_are_equally_good_go_by_place():
    errors = found({(2, 6, "A")}, {(0, 4, "A"), (4, 8, "A")})
    assert errors == [("wrong_edge", (2, 6, "A"), (0, 4, "A")), ("invented", None, (4, 8, "A"))]


def test_the_order_of_spans_does_not_matter():
    generator = random.Random(0)
    gold = [(at, at + 3, kind) for at in range(0, 20, 2) for kind in "AB"]
    predicted = [(at, at + 4, kind) for at in range(0, 20, 3) for kind in "BC"]
    first = found(gold, predicted)
    for _ in range(5):
        generator.shuffle(gold)
        generator.shuffle(predicted)
        assert found(gold, predicted) == first


TEXTS = ["张伟上周去了北京大学。", "北京和上海都很大", "上海" + "很" * 60 + "大"]
GOLD = [{(0, 2, "PER"), (6, 10, "ORG")}, {(0, 2, "LOC"), (3, 5, "LOC")}, {(0, 2, "LOC")}]
PREDICTED = [{(0, 2, "LOC"), (6, 8, "LOC")}, {(6, 7, "LOC")}, {(20, 60, "ORG")}]
PAIRS = [(frozenset(one), frozenset(other)) for one, other in zip(GOLD, PREDICTED, strict=True)]


def test_case_lists():
    lists = case_lists(TEXTS, PAIRS)
    assert list(lists) == list(KINDS)
    assert error_counts(PAIRS) == {kind: len(cases) for kind, cases in lists.items()}
    assert {kind: len(cases) for kind, cases in lists.items()} == {
        "wrong_type": 1,
        "wrong_edge": 0,
        "wrong_both": 1,
        "missed": 3,
        "invented": 2,
    }
    assert lists["wrong_both"] == [
        {
            "index": 0,
            "text": TEXTS[0],
            "gold": {"start": 6, "end": 10, "type": "ORG", "text": "北京大学"},
            "predicted": {"start": 6, "end": 8, "type": "LOC", "text": "北京"},
        }
    ]
    assert lists["missed"][0]["predicted"] is None and lists["invented"][0]["gold"] is None
    with pytest.raises(ValueError):
        case_lists(TEXTS[:1], PAIRS)


def test_case_tables():
    frequent, *tables = case_tables(case_lists(TEXTS, PAIRS), limit=2)
    assert frequent.rows == [
        ["missed", "LOC", None, 3, "上海 (2), 北京"],
        ["wrong type", "PER", "LOC", 1, "张伟"],
    ]
    assert frequent.title == "Most frequent errors (the first 2 of 5 combinations)"
    by_name = {table.name: table for table in tables}
    assert list(by_name) == [f"cases_{kind}" for kind in KINDS]
    assert by_name["cases_wrong_both"].rows == [
        [0, "北京大学 6:10 ORG", "北京 6:8 LOC", "张伟上周去了【北京大学】。"]
    ]
    assert by_name["cases_missed"].title == (
        "missed: gold, nothing predicted (3 entities, the first 2 shown)"
    )
    assert len(by_name["cases_missed"].rows) == 2
    # What is long is cut to what can be read.
    cell = by_name["cases_invented"].rows[1]
    assert cell[2] == "很" * 29 + "… 20:60 ORG"
    assert cell[3] == "上海" + "很" * 18 + "【" + "很" * 29 + "…】" + "很" * 2 + "大"
    changed = case_tables(case_lists(TEXTS, PAIRS))[0]
    assert ["wrong both", "ORG", "LOC", 1, "北京大学→北京"] in changed.rows


def test_context_is_cut_on_both_sides():
    text = "甲" * 30 + "北京" + "乙" * 30
    pairs = [(frozenset({(30, 32, "LOC")}), frozenset())]
    table = case_tables(case_lists([text], pairs))[4]
    assert table.rows[0][3] == "…" + "甲" * 20 + "【北京】" + "乙" * 20 + "…"
    whole = "甲" * 20 + "北京" + "乙" * 20
    table = case_tables(case_lists([whole], [(frozenset({(20, 22, "LOC")}), frozenset())]))[4]
    assert table.rows[0][3] == "甲" * 20 + "【北京】" + "乙" * 20


def test_error_table_adds_up():
    table = error_table(Score(hits=1, predicted=5, gold=6), error_counts(PAIRS))
    assert [row[1] for row in table.rows] == [1, 1, 0, 1, 3, 2]
    for column, number in ((2, 6), (3, 5)):
        cells = [row[column] for row in table.rows]
        assert cells[1] == pytest.approx(100 / number)
        assert sum(cell for cell in cells if cell is not None) == pytest.approx(100)
    # No predicted span is missed, no gold one invented.
    assert (table.rows[4][3], table.rows[5][2]) == (None, None)
    empty = error_table(Score(), dict.fromkeys(KINDS, 0))
    assert all(row[2] is None and row[3] is None for row in empty.rows)
