from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlpcl.metrics.calibration import calibration, confidence_bins


def naive_error(confidence, right, bins: int) -> float:
    total = 0.0
    for k in range(bins):
        low, high = k / bins, (k + 1) / bins
        inside = [i for i, c in enumerate(confidence) if low < c <= high or (k == 0 and c == 0)]
        if inside:
            accuracy = sum(right[i] for i in inside) / len(inside)
            mean = sum(confidence[i] for i in inside) / len(inside)
            total += abs(accuracy - mean) * len(inside) / len(confidence)
    return 100 * total


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60))
def test_error_equals_a_naive_loop(items):
    confidence, right = [c for c, _ in items], [r for _, r in items]
    # A power of two: borders are exact in both computations.
    found = confidence_bins(confidence, right, bins=16).error
    assert found == pytest.approx(naive_error(confidence, right, 16), abs=1e-9)


def test_hand_worked():
    confidence = [0.95, 0.95, 0.95, 0.95, 0.55, 0.55]
    right = [True, True, True, False, True, False]
    found = confidence_bins(confidence, right)
    # 4/6 x |0.75 - 0.95| + 2/6 x |0.5 - 0.55|
    assert found.error == pytest.approx(15.0)
    assert found.n.tolist() == [2, 4]
    assert found.largest_error == pytest.approx(20.0)


def test_adaptive_bins_hold_equally_many_items():
    confidence = np.random.default_rng(0).beta(9, 1, 100)
    found = confidence_bins(confidence, confidence > 0.9, 15, adaptive=True)
    assert found.n.sum() == 100 and set(found.n.tolist()) <= {6, 7}
    assert (found.low[1:] >= found.high[:-1]).all()
    few = confidence_bins([0.5, 0.9], [True, True], 15, adaptive=True)
    assert few.n.tolist() == [1, 1]
    assert few.error == pytest.approx(30)


def test_calibrated_probabilities_have_a_small_error():
    generator = np.random.default_rng(0)
    values = generator.dirichlet([1, 1, 1], size=20_000)
    gold = (generator.random((20_000, 1)) > values.cumsum(1)).sum(1)
    scores = calibration(gold, values).as_metrics()
    assert scores["ece"] < 1.5 and scores["ece_adaptive"] < 1.5
    sharpened = values**3 / (values**3).sum(1, keepdims=True)
    assert calibration(gold, sharpened).as_metrics()["ece"] > 10


def test_tables():
    values = np.array([[0.9, 0.1], [0.6, 0.4], [0.3, 0.7]])
    found = calibration([0, 1, 1], values)
    errors, reliability, coverage = found.tables(thresholds=[0.0, 0.65, 0.99])
    assert errors.rows[0][0] == "ece"
    assert [row[2] for row in reliability.rows] == [1, 1, 1]
    assert [row[1:] for row in map(list, coverage.rows)] == [
        [100, 3, pytest.approx(200 / 3)],
        [pytest.approx(200 / 3), 2, 100],
        [0, 0, None],
    ]


def test_decisions_other_than_the_most_probable_class():
    values = np.array([[0.6, 0.4], [0.8, 0.2]])
    found = calibration([1, 0], values, predicted=[1, 0])
    assert found.confidence.tolist() == [0.4, 0.8] and found.right.all()


def test_wrong_input_is_refused():
    with pytest.raises(ValueError):
        confidence_bins([], [])
    with pytest.raises(ValueError):
        confidence_bins([0.5, float("nan")], [True, True])
    with pytest.raises(ValueError):
        confidence_bins([0.5], [True, False])
    with pytest.raises(ValueError):
        confidence_bins([0.5], [True], bins=0)
    with pytest.raises(ValueError):
        calibration([0, 1], [0.5, 0.5])
    with pytest.raises(ValueError):
        calibration([0, 1], [[0.5, 0.5], [0.5, 0.5]], predicted=[0])
