from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import balanced_accuracy_score, f1_score

from nlpcl.metrics.confusion import SCORES, macro_f1, ua, wa
from nlpcl.metrics.intervals import (
    at_the_edge,
    cluster_bootstrap,
    paired_bootstrap,
    score_intervals,
    t_interval,
)
from nlpcl.metrics.rates import exact_interval, wilson_interval
from nlpcl.metrics.resampling import classification_units, summed_units


def study(seed: int, n: int = 200, right: tuple[float, ...] = (0.6, 0.6), seeds: int = 1):
    """Gold (N,), answers (systems, seeds, N) right with a probability, speakers (N,)."""
    generator = np.random.default_rng(seed)
    gold = generator.integers(0, 3, n)
    wrong = (gold + generator.integers(1, 3, (len(right), seeds, n))) % 3
    hits = generator.random((len(right), seeds, n)) < np.array(right)[:, None, None]
    return gold, np.where(hits, gold, wrong), [f"s{index % 20}" for index in range(n)]


def mean(right):
    return lambda weights: (weights @ right) / weights.sum(-1)


def test_intervals_equal_a_naive_bootstrap_of_speakers():
    gold, answers, speakers = study(0)
    predicted = answers[0, 0]
    units = classification_units(gold, predicted, 3, speakers)
    found = score_intervals(units, {"ua": ua, "macro_f1": macro_f1}, resamples=4000)
    generator = np.random.default_rng(9)
    names = np.array(speakers)
    naive: dict[str, list[float]] = {"ua": [], "macro_f1": []}
    for _ in range(400):
        drawn = generator.choice(np.unique(names), 20)
        items = np.concatenate([np.flatnonzero(names == name) for name in drawn])
        naive["ua"].append(100 * balanced_accuracy_score(gold[items], predicted[items]))
        naive["macro_f1"].append(100 * f1_score(gold[items], predicted[items], average="macro"))
    for name, values in naive.items():
        low, high = np.quantile(values, [0.025, 0.975])
        assert found[name].value == pytest.approx(float(SCORES[name](units.totals.sum(0)[0, 0])))
        assert found[name].low == pytest.approx(low, abs=1.2)
        assert found[name].high == pytest.approx(high, abs=1.2)
        assert found[name].standard_error == pytest.approx(np.std(values), rel=0.15)
    assert (found["ua"].n, found["ua"].clusters) == (200, 20)


def test_interval_of_items_equals_scipy():
    right = np.random.default_rng(0).random(300) < 0.7
    ours = cluster_bootstrap(mean(100.0 * right), 300, resamples=4000)
    theirs = stats.bootstrap(
        (100.0 * right,), np.mean, method="percentile", n_resamples=4000, rng=1
    ).confidence_interval
    units = classification_units(np.ones(300, int), right.astype(int), 2)
    counted = score_intervals(units, {"wa": wa}, resamples=4000)["wa"]
    for found in (ours, counted):
        assert found.value == pytest.approx(100 * right.mean())
        assert found.low == pytest.approx(theirs.low, abs=0.5)
        assert found.high == pytest.approx(theirs.high, abs=0.5)


def test_coverage_of_clustered_intervals():
    generator = np.random.default_rng(1)
    clustered = single = 0
    for trial in range(200):
        skill = generator.beta(6, 4, 24)
        answers = (generator.random((24, 30)) < skill[:, None]).ravel().astype(int)
        names = [str(index) for index in np.repeat(np.arange(24), 30)]
        gold = np.ones(len(answers), int)
        for clusters in (names, None):
            units = classification_units(gold, answers, 2, clusters)
            found = score_intervals(units, {"wa": wa}, resamples=300, seed=trial)["wa"]
            inside = found.low <= 60 <= found.high
            clustered += inside and clusters is not None
            single += inside and clusters is None
    assert 0.88 <= clustered / 200 <= 0.99
    # Speakers treated as independent items: far too narrow.
    assert single / 200 < 0.8


def test_an_average_over_seeds_is_the_value():
    gold, answers, _ = study(2, right=(0.7,), seeds=3)
    found = score_intervals(classification_units(gold, answers, 3), {"f": macro_f1})["f"]
    each = [f1_score(gold, answer, average="macro") for answer in answers[0]]
    assert found.value == pytest.approx(100 * np.mean(each))


def test_paired_difference():
    gold, answers, speakers = study(3, right=(0.8, 0.6), n=400)
    units = classification_units(gold, answers, 3, speakers)
    found = paired_bootstrap(units, macro_f1)
    values = [100 * f1_score(gold, answer[0], average="macro") for answer in answers]
    assert found.value == pytest.approx(values[0] - values[1])
    assert 0 < found.low < found.value < found.high and found.p_value < 0.01
    back = paired_bootstrap(classification_units(gold, answers[::-1], 3, speakers), macro_f1)
    assert (back.low, back.high) == pytest.approx((-found.high, -found.low))


def test_a_system_does_not_differ_from_itself():
    gold, answers, _ = study(4, seeds=2)
    units = classification_units(gold, [answers[0], answers[0]], 3)
    found = paired_bootstrap(units, macro_f1)
    assert (found.value, found.low, found.high, found.p_value) == (0, 0, 0, 1)


def test_false_alarms_keep_to_the_level_and_a_planted_effect_is_found():
    alarms = found = 0
    trials = 200
    for trial in range(trials):
        for right in ((0.6, 0.6), (0.7, 0.55)):
            gold, answers, _ = study(1000 + trial, right=right)
            units = classification_units(gold, answers, 3)
            p_value = paired_bootstrap(units, macro_f1, resamples=200, seed=trial).p_value
            alarms += p_value <= 0.05 and right[0] == right[1]
            found += p_value <= 0.05 and right[0] != right[1]
    # 3 standard errors of a binomial around 5 %.
    assert 0.005 <= alarms / trials <= 0.096
    assert found / trials > 0.75


def test_scores_of_sums():
    generator = np.random.default_rng(0)
    parts = generator.integers(0, 3, (100, 2, 1, 2)).astype(float) + 1

    def share(sums):
        return 100 * sums[..., 0] / sums.sum(-1)

    found = paired_bootstrap(summed_units(parts), share)
    total = parts.sum(0)[:, 0]
    assert found.value == pytest.approx(
        100 * (total[0] / total[0].sum() - total[1] / total[1].sum())[0]
    )


def test_one_cluster_and_undefined_values():
    units = classification_units([0, 1, 1], [0, 1, 0], 2, ["a", "a", "a"])
    found = score_intervals(units, {"wa": wa})["wa"]
    assert (
        found.value == pytest.approx(200 / 3) and math.isnan(found.low) and math.isnan(found.high)
    )
    both = classification_units([0, 1], [[[0, 1]], [[0, 0]]], 2, ["a", "a"])
    assert math.isnan(paired_bootstrap(both, wa).p_value)
    with pytest.raises(ValueError, match="NaN"):
        cluster_bootstrap(lambda weights: weights[:, 0] * math.nan, 3)
    # Undefined in resamples without the first item only: those are left out.
    partly = cluster_bootstrap(lambda weights: np.where(weights[:, 0] > 0, 1.0, math.nan), 3)
    assert (partly.low, partly.high) == (1, 1)


def test_wrong_input_is_refused():
    units = classification_units([0, 1], [0, 1], 2)
    for wrong in (
        lambda: cluster_bootstrap(mean(np.ones(0)), 0),
        lambda: score_intervals(units, {"wa": wa}, level=1.5),
        lambda: score_intervals(units, {"wa": wa}, resamples=0),
        lambda: paired_bootstrap(units, wa),
        lambda: score_intervals(classification_units([0], [[[0]], [[0]]], 2), {"wa": wa}),
        lambda: t_interval([]),
        lambda: t_interval([1.0, math.nan]),
    ):
        with pytest.raises(ValueError):
            wrong()


def test_same_seed_same_numbers():
    gold, answers, speakers = study(5, seeds=2)
    units = classification_units(gold, answers, 3, speakers)
    assert paired_bootstrap(units, ua, seed=1) == paired_bootstrap(units, ua, seed=1)
    assert paired_bootstrap(units, ua, seed=1) != paired_bootstrap(units, ua, seed=2)


def test_student_and_wilson():
    values = [60.0, 62.0, 61.0, 65.0, 58.0]
    found = t_interval(values)
    half = 2.776 * np.std(values, ddof=1) / math.sqrt(5)
    assert (found.low, found.high) == pytest.approx((61.2 - half, 61.2 + half), abs=1e-3)
    assert math.isnan(t_interval([3.0]).low)
    theirs = stats.binomtest(9, 10).proportion_ci(method="wilson")
    assert wilson_interval(9, 10) == pytest.approx((100 * theirs.low, 100 * theirs.high))
    assert math.isnan(wilson_interval(0, 0)[0])


@pytest.mark.parametrize(("right", "n"), [(0, 80), (80, 80), (1, 80), (37, 80)])
def test_the_exact_interval_is_the_inversion_of_the_binomial_test(right, n):
    low, high = (end / 100 for end in exact_interval(right, n))
    if right:
        assert stats.binom.sf(right - 1, n, low) == pytest.approx(0.025)
    else:
        assert low == 0
        assert 100 * high == pytest.approx(100 * (1 - 0.025 ** (1 / n)))
    if right < n:
        assert stats.binom.cdf(right, n, high) == pytest.approx(0.025)
    else:
        assert high == 1
    assert math.isnan(exact_interval(0, 0)[0])


@pytest.mark.parametrize(("answers", "rate"), [("same", 100.0), ("other", 0.0)])
@pytest.mark.parametrize("clustered", [False, True])
def test_at_the_edge_a_rate_has_an_exact_interval_and_other_scores_have_none(
    answers, rate, clustered
):
    gold = np.arange(80) % 2
    predicted = gold if answers == "same" else 1 - gold
    clusters = [str(at // 4) for at in range(80)] if clustered else None
    units = classification_units(gold, predicted, 2, clusters)
    found = score_intervals(units, {"wa": wa, "macro_f1": macro_f1}, resamples=50)
    trials = 20 if clustered else 80
    ends = found["wa"].low, found["wa"].high
    assert found["wa"].value == rate
    assert ends == pytest.approx(exact_interval(trials if rate else 0, trials))
    assert ends[0] < ends[1]
    assert found["macro_f1"].value == rate
    assert math.isnan(found["macro_f1"].low) and math.isnan(found["macro_f1"].high)


def test_elsewhere_an_interval_stays_as_it_is():
    gold, predicted = np.arange(80) % 2, np.zeros(80, dtype=int)
    units = classification_units(gold, predicted, 2, None)
    found = score_intervals(units, {"wa": wa, "ua": ua}, resamples=50)
    # One class for everything has a mean recall of a half, whatever the items are.
    assert (found["ua"].low, found["ua"].value, found["ua"].high) == (50, 50, 50)
    assert 0 < found["wa"].low < 50 < found["wa"].high < 100
    assert at_the_edge(found["wa"], 80) is found["wa"]


def test_a_statistic_that_is_zero_in_every_resample_has_no_interval():
    found = cluster_bootstrap(lambda weights: 0.0 * weights.sum(-1), 80, resamples=50)
    assert found.value == 0
    assert math.isnan(found.low) and math.isnan(found.high)
