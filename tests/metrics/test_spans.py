"""What spans of a text share, against loops over all pairs."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlpcl.metrics.spans import (
    apart,
    boundaries,
    depths,
    neighbours,
    paired,
    row_spans,
    surface_forms,
)

SPANS = st.frozensets(
    st.tuples(st.integers(0, 9), st.integers(1, 6), st.sampled_from("AB")).map(
        lambda span: (span[0], span[0] + span[1], span[2])
    ),
    max_size=8,
)


@settings(max_examples=60)
@given(SPANS, SPANS)
def test_neighbours_share_a_character(gold, predicted):
    naive = {
        found: [one for one in sorted(gold) if set(range(*one[:2])) & set(range(*found[:2]))]
        for found in sorted(predicted)
    }
    assert neighbours(gold, predicted) == naive
    assert list(neighbours(gold, predicted)) == sorted(predicted)


@settings(max_examples=60)
@given(SPANS)
def test_depth_is_the_number_of_places_that_contain_a_place(spans):
    places = boundaries(spans)
    naive = {
        one: sum(other[0] <= one[0] and one[1] <= other[1] for other in places) - 1
        for one in places
    }
    assert depths(spans) == naive


def test_depths_by_hand():
    # ((北京)大学)附属(医院), and one that crosses the last
    spans = {(0, 8, "ORG"), (0, 4, "ORG"), (0, 2, "LOC"), (0, 2, "ORG"), (6, 8, "ORG"), (7, 9, "X")}
    assert depths(spans) == {(0, 8): 0, (0, 4): 1, (0, 2): 2, (6, 8): 1, (7, 9): 0}


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 12), st.integers(1, 4)), max_size=10))
def test_places_apart_are_those_that_meet_none_kept_before(given_places):
    places = [(start, start + length) for start, length in given_places]
    kept: list[int] = []
    for index, place in enumerate(places):
        if not any(set(range(*place)) & set(range(*places[other])) for other in kept):
            kept.append(index)
    assert apart(places) == kept


def test_pairs_are_sets_and_what_is_no_span_is_refused():
    assert paired([[(0, 2, "A"), (0, 2, "A")]], [[]]) == [(frozenset({(0, 2, "A")}), frozenset())]
    for wrong in ((2, 2, "A"), (3, 2, "A"), (-1, 2, "A")):
        with pytest.raises(ValueError, match=r"text 1: .* is no span"):
            paired([[], []], [[], [wrong]])
        with pytest.raises(ValueError, match=r"text 1: .* is no span"):
            paired([[], [wrong]], [[], []])
    with pytest.raises(ValueError):
        paired([[]], [])


def test_rows_and_surface_forms():
    row = [{"start": 0, "end": 2, "type": "LOC", "score": 1.5}, {"start": 3, "end": 4, "type": "X"}]
    assert row_spans(row) == {(0, 2, "LOC"), (3, 4, "X")}
    assert surface_forms(["北京好", "我在北京"], [row[:0], [(2, 4, "LOC")]]) == {"北京"}
    with pytest.raises(ValueError):
        surface_forms(["北京"], [])
