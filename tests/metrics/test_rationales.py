"""Faithfulness and agreement of word weights."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlpcl.metrics.rationales import (
    agreement,
    faithfulness,
    heaviest,
    marked_words,
    mean_fraction,
    number_of_words,
    overlap,
    random_weights,
    runs,
    spans_found,
)


def test_marked_words_share_a_character_with_a_mark():
    spans = [(0, 3), (4, 7), (8, 9)]
    assert marked_words(spans, [[5, 6]]) == [False, True, False]
    assert marked_words(spans, [[3, 4]]) == [False, False, False]
    assert marked_words(spans, [[0, 5], [8, 20]]) == [True, True, True]


@pytest.mark.parametrize(
    ("words", "fraction", "number"),
    [(20, 0.01, 1), (20, 0.05, 1), (20, 0.1, 2), (21, 0.1, 3), (3, 0.5, 2), (3, 1.0, 3), (1, 0, 1)],
)
def test_fractions_are_rounded_up(words, fraction, number):
    assert number_of_words(words, fraction) == number


def test_the_heaviest_words_are_signed_and_ties_go_to_the_first():
    assert heaviest([0.1, -0.9, 0.5, 0.5, 0.2], 0.4) == [2, 3]
    assert heaviest([0.5, 0.5, 0.5], 0.3) == [0]


def test_faithfulness_by_hand():
    weights = [[0.3, 0.1, 0.0, 0.2], [0.0, 1.0]]
    seen = []

    def without(words):
        seen.append(words)
        return [0.1 * len(words[0]), 0.3 * len(words[1])]

    def alone(words):
        return [0.5 - 0.1 * len(words[0]), 0.0]

    found = faithfulness(weights, 0.5, without, alone, bins=(0.25, 0.5))
    assert seen == [[[0, 3], [1]], [[0], [1]], [[0, 3], [1]]]
    assert found["comprehensiveness"] == pytest.approx(100 * (0.2 + 0.3) / 2)
    assert found["comprehensiveness_aopc"] == pytest.approx(100 * (0.4 + 0.5) / 2 / 2)
    assert found["sufficiency"] == pytest.approx(100 * (0.3 + 0.0) / 2)
    assert found["sufficiency_aopc"] == pytest.approx(100 * (0.4 + 0.3) / 2 / 2)


def test_agreement_by_hand():
    weights = [[0.9, 0.8, 0.1, 0.0], [0.1, 0.2, 0.3, 0.9]]
    marks = [[False, True, True, False], [False, False, False, True]]
    found = agreement(weights, marks, 0.5)
    # Chosen: {0, 1} of {1, 2}; {2, 3} of {3}.
    assert found.precision == pytest.approx(100 * (1 / 2 + 1 / 2) / 2)
    assert found.recall == pytest.approx(100 * (1 / 2 + 1) / 2)
    assert found.token_f1 == pytest.approx(100 * (1 / 2 + 2 / 3) / 2)
    # Spans 0-1 against 1-2 overlap by a third, 2-3 against 3 by half.
    assert found.iou_f1 == pytest.approx(100 * 1 / 2)
    # The first: precision 0, 1/2, 2/3 at recall 0, 1/2, 1 (and 1 at 0); the second is perfect.
    area = (0 + 1 / 2) / 2 * 1 / 2 + (1 / 2 + 2 / 3) / 2 * 1 / 2
    assert found.auprc == pytest.approx(100 * (area + 1) / 2)


def test_spans_by_hand():
    assert runs([0, 1, 4, 6, 7]) == [(0, 2), (4, 5), (6, 8)]
    assert overlap((0, 4), (2, 6)) == pytest.approx(2 / 6)
    assert overlap((0, 2), (2, 6)) == 0
    assert spans_found([(0, 2), (4, 5)], [(0, 3), (8, 9), (10, 11)]) == (1 / 2, 1 / 3)


def test_mean_fraction_is_over_texts():
    assert mean_fraction([[True, False], [True, True, True, True], []]) == pytest.approx(0.75)


@given(st.lists(st.booleans(), min_size=1, max_size=8).filter(any))
def test_marks_as_weights_agree_fully(marks):
    found = agreement([list(map(float, marks))], [marks], sum(marks) / len(marks))
    scores = (found.token_f1, found.iou_f1, found.auprc, found.precision, found.recall)
    assert scores == pytest.approx([100] * 5)


def test_random_weights_depend_on_the_seed_alone():
    first, again, other = (random_weights([3, 5], seed) for seed in (1, 1, 2))
    assert [len(row) for row in first] == [3, 5]
    assert [row.tolist() for row in first] == [row.tolist() for row in again]
    assert first[0].tolist() != other[0].tolist()
