"""Partial matches against nervaluate on flat spans, and by hand where the two differ."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlpcl.metrics.partial_matches import SCHEMES, partial_score, partial_table

PIECES = st.lists(st.tuples(st.integers(1, 4), st.sampled_from(["A", "B", "C", ""])), max_size=6)


def flat(pieces):
    """Pieces of a text, those with a type being spans."""
    spans, at = set(), 0
    for length, kind in pieces:
        if kind:
            spans.add((at, at + length, kind))
        at += length
    return frozenset(spans)


def elsewhere(pairs):
    from nervaluate.evaluator import Evaluator

    gold, predicted = (
        [[{"start": s, "end": e - 1, "label": t} for s, e, t in sorted(one)] for one in side]
        for side in zip(*pairs, strict=True)
    )
    found = Evaluator(gold, predicted, ["A", "B", "C"], loader="dict").evaluate()["overall"]
    return {("type" if name == "ent_type" else name): score for name, score in found.items()}


@settings(max_examples=80)
@given(st.lists(st.tuples(PIECES, PIECES), min_size=1, max_size=3))
def test_flat_spans_are_counted_as_by_nervaluate(texts):
    pairs = [(flat(one), flat(other)) for one, other in texts]
    theirs = elsewhere(pairs)
    assert set(theirs) == set(SCHEMES)
    for scheme, other in theirs.items():
        ours = partial_score(scheme, pairs)
        for name in ("correct", "incorrect", "partial", "missed", "spurious"):
            assert getattr(ours, name) == getattr(other, name), (scheme, name)
        for name in ("precision", "recall", "f1"):
            assert getattr(ours, name) == pytest.approx(100 * getattr(other, name), abs=1e-9)


# gold, predicted, then (correct, incorrect, partial, missed, spurious) of each scheme
CASES = [
    # wrong edge
    ({(0, 4, "A")}, {(0, 3, "A")}, (0, 1, 0, 0, 0), (0, 1, 0, 0, 0), (0, 0, 1, 0, 0), (1,)),
    # wrong type
    ({(0, 4, "A")}, {(0, 4, "B")}, (0, 1, 0, 0, 0), (1,), (1,), (0, 1, 0, 0, 0)),
    # of two gold spans by type the one of equal type, else the first
    (
        {(0, 2, "B"), (3, 6, "A")},
        {(1, 5, "A")},
        (0, 1, 0, 1, 0),
        (0, 1, 0, 1, 0),
        (0, 0, 1, 1, 0),
        (1, 0, 0, 1, 0),
    ),
    # by type the nearest edges, both of them; the second prediction comes too late
    (
        {(1, 3, "A"), (4, 7, "A")},
        {(2, 6, "A"), (6, 7, "A")},
        *[(0, 2, 0, 0, 0)] * 2,
        (0, 0, 2, 0, 0),
        (1, 0, 0, 1, 1),
    ),
    # touching is no overlap
    ({(0, 2, "A")}, {(2, 4, "A")}, *[(0, 0, 0, 1, 1)] * 4),
    # one character of a long entity will do; nervaluate wants a hundredth
    ({(0, 200, "A")}, {(199, 210, "A")}, *[(0, 1, 0, 0, 0)] * 2, (0, 0, 1, 0, 0), (1,)),
    # the equal one is matched, though a longer one comes first
    ({(1, 3, "A")}, {(0, 5, "A"), (1, 3, "A")}, *[(1, 0, 0, 0, 1)] * 4),
    # nested: both are found
    ({(0, 5, "A"), (0, 2, "B")}, {(0, 5, "A"), (0, 2, "B")}, *[(2,)] * 4),
    # several types at one place
    ({(0, 2, "A"), (0, 2, "B")}, {(0, 2, "B")}, *[(1, 0, 0, 1, 0)] * 4),
    (set(), set(), *[(0,)] * 4),
]


@pytest.mark.parametrize("case", CASES)
def test_by_hand(case):
    gold, predicted, *wanted = case
    for scheme, counts in zip(SCHEMES, wanted, strict=True):
        score = partial_score(scheme, [(frozenset(gold), frozenset(predicted))])
        assert tuple(vars(score).values()) == (*counts, 0, 0, 0, 0)[:5], scheme
        assert (score.gold, score.predicted) == (len(gold), len(predicted))


def test_nervaluate_depends_on_the_order_where_spans_nest():
    """Why the module says that nested spans may be counted otherwise."""
    pair = (frozenset({(1, 3, "A")}), frozenset({(0, 5, "A"), (1, 3, "A")}))
    theirs = elsewhere([pair])["strict"]
    assert (theirs.correct, theirs.incorrect, theirs.spurious) == (0, 1, 1)


def test_half_a_hit_and_nothing_at_all():
    gold = frozenset({(0, 2, "A"), (3, 6, "A"), (8, 9, "A")})
    score = partial_score("partial", [(gold, frozenset({(0, 2, "B"), (4, 6, "A")}))])
    assert (score.precision, score.recall, score.f1) == (75.0, 50.0, 60.0)
    nothing = partial_score("partial", [(frozenset(), frozenset())])
    assert (nothing.precision, nothing.recall, nothing.f1) == (0.0, 0.0, 0.0)
    table = partial_table({"partial": score})
    assert [row[1] for row in table.rows] == [1, 0, 1, 1, 0, 75.0, 50.0, 60.0]
    assert (table.rows[2][0], table.rows[-1][0]) == ("partial", "F1")
