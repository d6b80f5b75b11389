"""Agreement of two passes, by hand and against a loop."""

from __future__ import annotations

import math

import pytest

from nlpcl.metrics.consistency import DEFINITIONS, consistency
from nlpcl.metrics.rates import exact_interval

FIRST = [[(0, 2, "A"), (3, 5, "B")], [(0, 1, "A")], [], [(0, 4, "A"), (1, 2, "B")]]
SECOND = [[(0, 2, "A"), (3, 5, "A")], [], [], [(1, 2, "B"), (0, 4, "A"), (0, 4, "A")]]


def test_by_hand():
    # Shared: 1 + 0 + 0 + 2 of 5 and 4; places 2 + 0 + 0 + 2; texts 3 and 4 are the same.
    wanted = {
        "consistency": 100 * 2 * 3 / 9,
        "consistency_boundary": 100 * 2 * 4 / 9,
        "consistency_texts": 50.0,
    }
    for one, other in ((FIRST, SECOND), (SECOND, FIRST)):
        assert consistency(one, other, resamples=20).as_metrics() == pytest.approx(wanted)


def test_a_pass_agrees_with_itself():
    found = consistency(FIRST, FIRST, resamples=20)
    assert set(found.as_metrics().values()) == {100.0}
    texts = found.intervals["consistency_texts"]
    assert (texts.low, texts.high) == pytest.approx(exact_interval(4, 4))
    assert math.isnan(found.intervals["consistency"].low)


def test_where_no_pass_finds_a_span_nothing_is_said_of_spans():
    found = consistency([[], []], [[], []], resamples=20)
    assert found.as_metrics() == {"consistency_texts": 100.0}
    assert len(found.table().rows) == 1
    apart = consistency([[(0, 1, "A")]], [[]], resamples=20)
    assert set(apart.as_metrics().values()) == {0.0}


def test_table_and_clusters():
    found = consistency(FIRST * 10, SECOND * 10, clusters=[str(at // 4) for at in range(40)])
    table = found.table("dropout 0.1")
    assert table.title == "dropout 0.1 (n=40)"
    assert [row[0] for row in table.rows] == list(DEFINITIONS)
    assert "over 10 clusters" in table.note
    one = found.intervals["consistency"]
    assert table.rows[0][1:4] == [one.value, one.low, one.high]
    # Every cluster is the same, so there is nothing to vary; single texts do.
    assert one.low == one.value == one.high
    alone = consistency(FIRST * 10, SECOND * 10).intervals["consistency"]
    assert 0 < alone.low < alone.value < alone.high < 100
    with pytest.raises(ValueError):
        consistency([], [])
    with pytest.raises(ValueError):
        consistency([[]], [])
