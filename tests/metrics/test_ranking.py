"""Ranking scores under resampling, and thresholds, against scikit-learn and plain search."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

from nlpcl.metrics.calibration import confidence_bins
from nlpcl.metrics.classification import classification_scores
from nlpcl.metrics.ranking import (
    best_threshold,
    mean_over_classes,
    threshold_table,
    weighted_auroc,
    weighted_average_precision,
    weighted_calibration_error,
)


@pytest.fixture
def items():
    """60 items with many equal scores, and weights of 5 resamples."""
    generator = np.random.default_rng(1)
    scores = generator.integers(0, 9, 60) / 8
    positive = (generator.random(60) < 0.2 + 0.5 * scores).astype(int)
    return positive, scores, generator.integers(0, 4, (5, 60))


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (weighted_auroc, roc_auc_score),
        (weighted_average_precision, average_precision_score),
    ],
)
def test_weighted_scores_are_those_of_scikit_learn(items, ours, theirs):
    positive, scores, weights = items
    found = ours(positive, scores)(weights)
    wanted = [100 * theirs(positive, scores, sample_weight=row) for row in weights]
    assert found == pytest.approx(wanted)
    assert ours(positive, scores)(np.ones((1, 60)))[0] == pytest.approx(
        100 * theirs(positive, scores)
    )


def test_a_resample_without_positives_is_no_number(items):
    positive, scores, _ = items
    weights = np.stack([1 - positive, positive])
    assert np.isnan(weighted_auroc(positive, scores)(weights)).all()
    assert np.isnan(weighted_average_precision(positive, scores)(weights)).tolist() == [True, False]


@pytest.mark.parametrize("classes", [2, 3])
def test_the_mean_over_classes_is_the_headline(classes):
    generator = np.random.default_rng(2)
    gold = generator.integers(0, classes, 80)
    shares = generator.dirichlet(np.ones(classes), 80) + 0.3 * np.eye(classes)[gold]
    shares /= shares.sum(1, keepdims=True)
    headline = classification_scores(gold, shares, list("abc")[:classes]).headline()
    for name, kind in (
        ("auroc", weighted_auroc),
        ("average_precision", weighted_average_precision),
    ):
        score = mean_over_classes(kind, gold, shares)
        assert score is not None
        assert score(np.ones((1, 80)))[0] == pytest.approx(headline[name])
    assert mean_over_classes(weighted_auroc, np.zeros(80, dtype=int), shares) is None


def test_the_weighted_calibration_error_repeats_items():
    generator = np.random.default_rng(3)
    confidence, right = generator.random(50), generator.random(50) < 0.6
    weights = generator.integers(0, 3, (4, 50))
    wanted = [
        confidence_bins(np.repeat(confidence, row), np.repeat(right, row)).error for row in weights
    ]
    assert weighted_calibration_error(confidence, right)(weights) == pytest.approx(wanted)


PAIRS = st.lists(
    st.tuples(st.booleans(), st.floats(0, 1).map(lambda value: round(value, 2))),
    min_size=1,
    max_size=40,
)


@settings(deadline=None, max_examples=40)
@given(PAIRS)
def test_no_threshold_is_better_than_the_best(pairs):
    positive = np.array([int(a) for a, _ in pairs])
    scores = np.array([b for _, b in pairs])

    def macro_f1(bound):
        options: Any = {"labels": [0, 1], "average": "macro", "zero_division": 0}
        return 100 * f1_score(positive, (scores >= bound).astype(int), **options)

    threshold, value = best_threshold(positive, scores)
    assert macro_f1(threshold) == pytest.approx(value)
    assert value == pytest.approx(max(macro_f1(bound) for bound in {*scores.tolist(), 2.0}))


def test_of_equal_thresholds_the_one_nearest_to_a_half():
    assert best_threshold([0, 0, 1, 1], [0.1, 0.4, 0.6, 0.9]) == (0.5, 100)
    assert best_threshold([0, 0, 1], [0.1, 0.2, 0.4]) == (pytest.approx(0.3), 100)
    assert best_threshold([0, 0], [0.1, 0.2])[0] == 0.5


def test_the_threshold_table_holds_the_threshold_used():
    table = threshold_table([0, 0, 1, 1], [0.1, 0.62, 0.61, 0.9], 0.613, "hate")
    assert [0.613, 50, 50, 50, 50, 50] in [pytest.approx(row) for row in table.rows]
    assert len(table.rows) == 20
    bounds: list[Any] = [row[0] for row in table.rows]
    assert bounds == sorted(bounds)
    assert table.rows[0][1:] == pytest.approx([50, 100, 200 / 3, 100 / 3, 100])
    assert threshold_table([1, 1], [0.2, 0.8], 0.5).rows[0][-1] is None
