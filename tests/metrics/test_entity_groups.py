"""Scores by length, depth and surface form, by hand."""

from __future__ import annotations

import pytest

from nlpcl.metrics.entity_groups import (
    by_depth,
    by_length,
    by_seen,
    by_type,
    depth_table,
    group_table,
)
from nlpcl.metrics.spans import paired

#        0123456789
TEXTS = ["北京大学在北京", "我爱上海", "无"]
GOLD = [{(0, 4, "ORG"), (0, 2, "LOC"), (5, 7, "LOC")}, {(2, 4, "LOC")}, set()]
FOUND = [{(0, 4, "ORG"), (0, 2, "ORG"), (5, 7, "LOC")}, {(1, 4, "LOC")}, {(0, 1, "PER")}]
PAIRS = paired(GOLD, FOUND)


def counts(scores):
    return {name: (one.hits, one.predicted, one.gold) for name, one in scores.items()}


def test_by_type():
    assert counts(by_type(PAIRS)) == {"LOC": (1, 2, 3), "ORG": (1, 2, 1), "PER": (0, 1, 0)}
    assert list(by_type(PAIRS)) == ["LOC", "ORG", "PER"]


def test_by_length():
    assert counts(by_length(PAIRS)) == {
        "1": (0, 1, 0),
        "2": (1, 2, 3),
        "3": (0, 1, 0),
        "4": (1, 1, 1),
    }


@pytest.mark.parametrize(
    ("length", "group"),
    [
        *((1, "1"), (4, "4"), (5, "5–7"), (7, "5–7"), (8, "8–12"), (13, "13–20"), (20, "13–20")),
        *((21, "21–40"), (40, "21–40"), (41, "41 or more"), (5000, "41 or more")),
    ],
)
def test_groups_of_lengths(length, group):
    assert list(by_length(paired([[(3, 3 + length, "A")]], [[]]))) == [group]


def test_by_depth():
    scores = {depth: tuple(vars(one).values()) for depth, one in by_depth(PAIRS).items()}
    # The gold 北京 within 北京大学 is found as another type.
    assert scores == {0: (3, 2, 4, 2), 1: (1, 0, 1, 0)}
    # A hit may be nested on one side only.
    one_side = by_depth(paired([[(0, 4, "A"), (1, 3, "B")]], [[(1, 3, "B")]]))
    assert vars(one_side[1]) == {"gold": 1, "found": 1, "predicted": 0, "right": 0}
    assert vars(one_side[0]) == {"gold": 1, "found": 0, "predicted": 1, "right": 1}
    assert depth_table(one_side).rows == [[0, 1, 0.0, 1, 100.0], [1, 1, 100.0, 0, None]]


def test_by_surface_form():
    scores = by_seen(PAIRS, TEXTS, ["北京", "海"])
    assert counts(scores) == {"seen": (1, 2, 2), "unseen": (1, 3, 2)}
    assert counts(by_seen(PAIRS, TEXTS, []))["seen"] == (0, 0, 0)
    with pytest.raises(ValueError, match="2 texts for 3"):
        by_seen(PAIRS, TEXTS[:2], [])


def test_cells_without_anything_to_divide_by_are_empty():
    table = group_table("n", "type", by_type(PAIRS), "By type")
    assert table.columns == ["type", "gold", "predicted", "precision", "recall", "F1"]
    assert table.rows[1] == ["ORG", 1, 2, 50.0, 100.0, pytest.approx(200 / 3)]
    assert table.rows[2] == ["PER", 0, 1, 0.0, None, 0.0]
    nothing = group_table("n", "in training", by_seen(PAIRS, TEXTS, []), "Seen")
    assert nothing.rows[0] == ["seen", 0, 0, None, None, None]
