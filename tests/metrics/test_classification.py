from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from nlpcl.core.errors import UserError
from nlpcl.metrics.classification import classification_scores, ranking_scores
from nlpcl.metrics.confusion import (
    SCORES,
    confusion_counts,
    label_indices,
    macro_f1_present,
    score_function,
    ua,
)
from nlpcl.metrics.intervals import score_intervals
from nlpcl.metrics.resampling import classification_units

LABELS = ["angry", "happy", "neutral", "sad"]


@st.composite
def answers(draw, classes: int = 4):
    """Gold and predicted indices, classes often absent from one or both."""
    n = draw(st.integers(1, 30))
    index = st.integers(0, classes - 1)
    gold = draw(st.lists(index, min_size=n, max_size=n))
    return gold, draw(st.lists(index, min_size=n, max_size=n))


def probabilities(generator: np.random.Generator, n: int, classes: int) -> np.ndarray:
    return generator.dirichlet(np.ones(classes), size=n)


@settings(deadline=None)
@given(answers())
def test_every_score_equals_scikit_learn(pair):
    gold, predicted = pair
    scores = classification_scores(gold, predicted, LABELS)
    values = scores.headline()
    every = list(range(4))
    present = sorted(set(gold))
    assert values["wa"] == pytest.approx(100 * metrics.accuracy_score(gold, predicted))
    expected = metrics.recall_score(
        gold, predicted, labels=present, average="macro", zero_division=0
    )
    assert values["ua"] == pytest.approx(100 * expected)
    for name, average in (("macro_f1", "macro"), ("weighted_f1", "weighted")):
        expected = metrics.f1_score(gold, predicted, labels=every, average=average, zero_division=0)
        assert values[name] == pytest.approx(100 * expected)
    expected = metrics.f1_score(gold, predicted, average="macro", zero_division=0)
    assert macro_f1_present(scores.counts) == pytest.approx(100 * expected)
    parts = metrics.precision_recall_fscore_support(gold, predicted, labels=every, zero_division=0)
    flat = scores.as_metrics()
    for index, label in enumerate(LABELS):
        assert flat[f"precision_{label}"] == pytest.approx(100 * parts[0][index])
        assert flat[f"f1_{label}"] == pytest.approx(100 * parts[2][index])
        if parts[3][index]:
            assert flat[f"recall_{label}"] == pytest.approx(100 * parts[1][index])
        else:
            assert f"recall_{label}" not in flat
    np.testing.assert_array_equal(
        scores.counts, metrics.confusion_matrix(gold, predicted, labels=every)
    )


@settings(deadline=None)
@given(answers(), st.permutations(range(4)))
def test_scores_do_not_depend_on_class_or_item_order(pair, order):
    gold, predicted = (np.array(part) for part in pair)
    mapping = np.array(order)
    counts = confusion_counts(gold, predicted, 4)
    renamed = confusion_counts(mapping[gold][::-1], mapping[predicted][::-1], 4)
    assert counts.sum() == len(gold)
    assert counts.sum(1).tolist() == np.bincount(gold, minlength=4).tolist()
    for score in SCORES.values():
        assert score(renamed) == pytest.approx(score(counts))


def test_leading_axes_are_scored_one_by_one():
    stack = np.random.default_rng(0).integers(0, 5, (3, 2, 4, 4))
    for score in SCORES.values():
        found = score(stack)
        assert found.shape == (3, 2)
        assert found[2, 1] == pytest.approx(score(stack[2, 1]))


def test_absent_classes_are_left_out_of_ua_and_named():
    scores = classification_scores([0, 0, 1, 1], [0, 3, 1, 1], LABELS)
    assert scores.absent == ["neutral", "sad"]
    assert scores.headline()["ua"] == pytest.approx(75)
    # F1: angry 2/3, happy 1, neutral and sad 0, over all four names.
    assert scores.headline()["macro_f1"] == pytest.approx(100 * (2 / 3 + 1) / 4)
    headline, classes, counts, percent = scores.tables("fold 1")
    assert "fold 1 (n=4)" in headline.title and "neutral, sad" in headline.note
    assert classes.rows[2][2] is None and classes.rows[2][4] == 0
    assert list(counts.rows[0]) == ["angry", 1, 0, 0, 1]
    assert list(percent.rows[0]) == ["angry", 50, 0, 0, 50]
    assert list(percent.rows[3]) == ["sad", None, None, None, None]


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_ranking_equals_scikit_learn(classes):
    generator = np.random.default_rng(classes)
    gold = generator.integers(0, classes, 200)
    values = probabilities(generator, 200, classes)
    found = ranking_scores(gold, values, classes)
    kind = {"scale_by_half": "auto"}
    if classes == 2:
        area = metrics.roc_auc_score(gold, values[:, 1])
        average = metrics.average_precision_score(gold, values[:, 1])
        brier = metrics.brier_score_loss(gold, values[:, 1], **kind)
    else:
        area = metrics.roc_auc_score(gold, values, multi_class="ovr", average="macro")
        average = metrics.average_precision_score(np.eye(classes)[gold], values, average="macro")
        brier = metrics.brier_score_loss(gold, values, **kind)
    assert found["auroc"] == pytest.approx(100 * area)
    assert found["average_precision"] == pytest.approx(100 * average)
    assert found["brier"] == pytest.approx(brier)
    assert found["log_loss"] == pytest.approx(metrics.log_loss(gold, values))


def test_ranking_with_absent_classes():
    values = np.array([[0.7, 0.2, 0.1], [0.2, 0.7, 0.1], [0.6, 0.3, 0.1]])
    found = ranking_scores([0, 1, 0], values, 3)
    assert found["auroc"] == 100
    alone = ranking_scores([0, 0, 0], values, 3)
    assert set(alone) == {"brier", "log_loss"}
    assert alone["log_loss"] == pytest.approx(-(math.log(0.7) + math.log(0.2) + math.log(0.6)) / 3)


def test_probabilities_are_decided_by_the_largest_unless_decisions_are_given():
    values = np.array([[0.6, 0.4], [0.9, 0.1], [0.3, 0.7]])
    assert classification_scores([1, 0, 1], values, ["no", "yes"]).headline()["wa"] == (
        pytest.approx(200 / 3)
    )
    decided = classification_scores(
        [1, 0, 1], (values[:, 1] > 0.35).astype(int), ["no", "yes"], probabilities=values
    )
    assert decided.headline()["wa"] == 100
    assert decided.headline()["auroc"] == 100


@pytest.mark.parametrize(
    ("gold", "predicted"),
    [
        ([], []),
        ([0, 1], [0]),
        ([0, 4], [0, 0]),
        ([0, 0], [0, -1]),
        ([0.0, 1.0], [0, 1]),
        ([0], [[math.nan, 0.5, 0.25, 0.25]]),
        ([0], [[0.5, 0.5]]),
        ([0], [[0.9, 0.9, 0.0, 0.0]]),
    ],
)
def test_wrong_arrays_are_refused(gold, predicted):
    with pytest.raises(ValueError):
        classification_scores(gold, predicted, LABELS)


def test_names():
    assert label_indices(["sad", "angry"], LABELS).tolist() == [3, 0]
    with pytest.raises(UserError, match="sat"):
        label_indices(["sat"], LABELS)
    counts = confusion_counts([0, 1, 1], [0, 0, 1], 4)
    assert score_function("recall_happy", LABELS)(counts) == 50
    assert score_function("ua")(counts) == ua(counts) == 75
    with pytest.raises(UserError, match="macro_f2"):
        score_function("macro_f2", LABELS)


def test_intervals_stand_beside_the_scores():
    gold, predicted = [0, 1, 2, 3], [0, 1, 2, 0]
    scores = classification_scores(gold, predicted, LABELS)
    units = classification_units(gold, predicted, 4, ["a", "a", "b", "b"])
    table = scores.tables("x", score_intervals(units, {"wa": SCORES["wa"]}))[0]
    assert list(table.columns) == ["score", "value", "low", "high", "definition"]
    assert list(table.rows[0][1:4]) == [75, 50, 100] and table.rows[1][2] is None
    assert "2 clusters" in table.note
    alone = classification_units(gold, predicted, 4, ["a"] * 4)
    for table in scores.tables("x", score_intervals(alone, {"wa": SCORES["wa"]})):
        json.dumps(table.as_dict(), allow_nan=False)
