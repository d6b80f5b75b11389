"""Statistics of an ablation: planted effects are found, null ones at the nominal rate."""

from __future__ import annotations

import gc
import math
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

from nlpcl import tasks
from nlpcl.core.errors import UserError
from nlpcl.metrics.measures import harmonic, of_classes, of_spelling
from nlpcl.metrics.spelling import spelling_scores
from nlpcl.runs.ablation.comparison import compare, compare_reported, spread

TRIALS = 200
MOST_ALARMS = 0.096
"""Three standard errors of a binomial above 5 % in 200 trials."""


@pytest.fixture(autouse=True, scope="module")
def _quick_collections():
    """Statsmodels collects garbage at every correction, which takes long beside torch."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gc, "collect", lambda *_: 0)
        yield


def accuracy(sums):
    return 100 * sums[..., 0] / sums[..., 1]


def cells(right):
    """Whether items are right (seeds, N) → sums of each item for each seed."""
    return {
        seed: np.stack([row, np.ones(len(row))], axis=1).astype(float)
        for seed, row in enumerate(right)
    }


def simulated(generator, means, n=200, seeds=3, noise=0.0, speakers=0):
    """Variants right on items of equal difficulty, with probabilities that vary over seeds."""
    difficulty = generator.normal(0, 0.15, n)
    if speakers:
        difficulty = difficulty + np.repeat(generator.normal(0, 0.15, speakers), n // speakers)
    parts = {}
    for name, mean in means.items():
        level = (
            mean + generator.normal(0, noise, (seeds, 1)) if noise else np.full((seeds, 1), mean)
        )
        chance = np.clip(level + difficulty, 0, 1)
        parts[name] = cells(generator.random((seeds, n)) < chance)
    return parts


@pytest.mark.parametrize(("seeds", "noise", "speakers"), [(1, 0.0, 0), (3, 0.02, 0), (3, 0.0, 20)])
def test_equal_variants_are_found_different_at_the_nominal_rate_at_most(seeds, noise, speakers):
    """Of two equal variants either counts: Holm keeps the rate of any alarm."""
    generator = np.random.default_rng(1)
    means = dict.fromkeys(["base", "a", "b"], 0.7)
    names = [f"s{index // 10}" for index in range(200)] if speakers else None
    alarms = single = 0
    for trial in range(TRIALS):
        parts = simulated(generator, means, seeds=seeds, noise=noise, speakers=speakers)
        found = compare(parts, "base", accuracy, names, resamples=100, seed=trial)
        alarms += any(one.is_found for one in found)
        single += found[0].p_value <= 0.05
    assert alarms / TRIALS <= MOST_ALARMS
    assert single / TRIALS <= MOST_ALARMS


def test_a_single_comparison_keeps_to_its_level():
    """Not only below it: a test that never finds anything would pass the one above."""
    generator = np.random.default_rng(2)
    alarms = 0
    for trial in range(TRIALS):
        parts = simulated(generator, {"base": 0.6, "a": 0.6}, seeds=1)
        alarms += compare(parts, "base", accuracy, resamples=100, seed=trial)[0].p_value <= 0.05
    assert 0.005 <= alarms / TRIALS <= MOST_ALARMS


def test_a_true_difference_is_found():
    generator = np.random.default_rng(3)
    found = {"worse": 0, "same": 0}
    for trial in range(TRIALS):
        means = {"base": 0.65, "worse": 0.48, "same": 0.65}
        parts = simulated(generator, means, n=300, noise=0.01)
        for one in compare(parts, "base", accuracy, resamples=100, seed=trial):
            found[one.variant] += one.is_found
            if one.is_found and one.variant != "same":
                assert one.difference.value < 0
    assert found["worse"] > 0.9 * TRIALS
    assert found["same"] <= MOST_ALARMS * TRIALS


def test_the_detectable_difference_is_found_four_times_of_five():
    generator = np.random.default_rng(4)
    parts = simulated(generator, {"base": 0.6, "a": 0.6}, n=400, seeds=1)
    least = compare(parts, "base", accuracy)[0].detectable / 100
    assert 0.05 < least < 0.15
    found = 0
    for trial in range(TRIALS):
        parts = simulated(generator, {"base": 0.6, "a": 0.6 + least}, n=400, seeds=1)
        found += compare(parts, "base", accuracy, resamples=100, seed=trial)[0].is_found
    assert 0.7 <= found / TRIALS <= 0.92


def test_one_seed_equals_scipys_permutation_test_and_mcnemar():
    generator = np.random.default_rng(5)
    parts = simulated(generator, {"base": 0.6, "a": 0.68}, seeds=1)
    (found,) = compare(parts, "base", accuracy, resamples=9999)
    first, second = parts["a"][0][:, 0], parts["base"][0][:, 0]
    scipys = stats.permutation_test(
        (first, second),
        lambda one, other, axis: 100 * (one.mean(axis) - other.mean(axis)),
        permutation_type="samples", n_resamples=9999, vectorized=True, rng=1,
    )  # fmt: skip
    assert found.difference.value == pytest.approx(scipys.statistic)
    assert found.p_value == pytest.approx(scipys.pvalue, abs=0.02)
    # McNemar's exact test: which of the two is right where only one is.
    only_first, only_second = int((first > second).sum()), int((first < second).sum())
    exact = stats.binomtest(only_first, only_first + only_second).pvalue
    assert found.p_value == pytest.approx(exact, abs=0.02)
    assert found.p_holm == found.p_value
    bootstrap = stats.bootstrap(
        (first, second), lambda one, other, axis: 100 * (one.mean(axis) - other.mean(axis)),
        paired=True, method="percentile", n_resamples=9999, rng=1,
    ).confidence_interval  # fmt: skip
    assert found.difference.low == pytest.approx(bootstrap.low, abs=0.6)
    assert found.difference.high == pytest.approx(bootstrap.high, abs=0.6)


def test_holm_is_over_the_variants():
    generator = np.random.default_rng(6)
    parts = simulated(generator, {"base": 0.6, "a": 0.7, "b": 0.64, "c": 0.61}, seeds=1)
    found = compare(parts, "base", accuracy)
    order = sorted(found, key=lambda one: one.p_value)
    running = 0.0
    for place, one in enumerate(order):
        running = max(running, min(1.0, (3 - place) * one.p_value))
        assert one.p_holm == pytest.approx(running)


def test_a_lucky_seed_is_no_discovery():
    """Every answer of one seed is right, the other two equal the baseline's."""
    base = np.zeros((3, 300), bool)
    base[:, ::2] = True
    lucky = base.copy()
    lucky[0] = True
    (found,) = compare({"base": cells(base), "a": cells(lucky)}, "base", accuracy)
    assert found.difference.value == pytest.approx(50 / 3)
    assert not found.is_found
    assert found.p_value > 0.2


def test_speakers_are_resampled_as_wholes():
    """A gain in one speaker of six alone is no gain for new speakers."""
    names = [f"s{index // 50}" for index in range(300)]
    base = np.zeros((1, 300), bool)
    better = base.copy()
    better[:, :50] = True
    parts = {"base": cells(base), "a": cells(better)}
    assert compare(parts, "base", accuracy)[0].is_found
    (found,) = compare(parts, "base", accuracy, names)
    assert not found.is_found
    assert (found.difference.n, found.difference.clusters) == (300, 6)
    assert "300 clips of 6 clusters x 1 seed" in found.verdict("clips")


def test_items_that_a_seed_does_not_test_and_seeds_that_failed():
    generator = np.random.default_rng(7)
    parts = simulated(generator, {"base": 0.6, "a": 0.7, "b": 0.7}, n=120)
    for name in parts:
        parts[name][0][60:] = np.nan
        parts[name][1][:60] = np.nan
    del parts["b"][2]
    first, second = compare(parts, "base", accuracy)
    assert (first.difference.n, first.difference.seeds, second.difference.seeds) == (120, 3, 2)
    gaps = [
        100 * (np.nanmean(parts["a"][seed][:, 0]) - np.nanmean(parts["base"][seed][:, 0]))
        for seed in range(3)
    ]
    assert first.difference.value == pytest.approx(np.mean(gaps))
    alone = {"base": {0: parts["base"][0]}, "b": {1: parts["b"][1]}}
    assert compare(alone, "base", accuracy) == []
    alone["b"] = {0: parts["b"][0]}
    assert compare(alone, "base", accuracy)[0].difference.n == 60


def test_verdicts_in_plain_words():
    generator = np.random.default_rng(8)
    parts = simulated(generator, {"base": 0.5, "a": 0.8, "b": 0.5}, n=400)
    parts["twin"] = parts["base"]
    better, same, twin = compare(parts, "base", accuracy)
    assert better.verdict("texts").startswith("a is better than base by ")
    assert better.verdict("texts").endswith("at n = 400 texts x 3 seeds.")
    sentence = same.verdict("texts")
    assert sentence.startswith("no detectable difference between b and base at n = 400 texts")
    assert f"detectable would be >= {same.detectable:.1f} points." in sentence
    assert "their answers score the same" in twin.verdict("texts")
    one = {name: {0: cells[0][:1]} for name, cells in parts.items()}
    assert "too little to resample" in compare(one, "base", accuracy)[0].verdict()


def test_scores_known_only_by_run_are_compared_over_seeds():
    values = {"base": {0: 50.0, 1: 52.0, 2: 51.0}, "a": {0: 53.0, 1: 54.5, 2: 54.1}}
    (found,) = compare_reported(values, "base")
    scipys = stats.ttest_rel([53.0, 54.5, 54.1], [50.0, 52.0, 51.0])
    ends = scipys.confidence_interval(0.95)
    assert found.p_value == pytest.approx(scipys.pvalue)
    assert (found.difference.low, found.difference.high) == pytest.approx((ends.low, ends.high))
    assert "at n = 3 seeds" in found.verdict("")
    (alone,) = compare_reported({"base": {0: 1.0}, "a": {0: 2.0}}, "base")
    assert math.isnan(alone.p_holm)
    assert "cannot be compared" in alone.verdict("")


def test_spread():
    assert spread([1.0, 3.0]) == (2.0, pytest.approx(math.sqrt(2)))
    assert spread([4.0]) == (4.0, None)


PAIRS = [
    ("我再家。", "我在家。", "我在家。"),
    ("我再家。", "我在家。", "我再家。"),
    ("他在家。", "他在家。", "他再家。"),
    ("他在家。", "他在家。", "他在家。"),
    ("听道好消以。", "听到好消息。", "听到好消以。"),
]


@pytest.mark.parametrize("metric", of_spelling().known)
def test_spelling_scores_are_sums_over_sentences(metric):
    rows = [{"source": s, "gold": g, "target": t} for s, g, t in PAIRS]
    parts, score = of_spelling().summed(metric, [rows], SimpleNamespace(ignore_de=False))
    whole = spelling_scores(*zip(*PAIRS, strict=True)).as_metrics()
    assert float(score(parts(rows).sum(0))) == pytest.approx(whole[metric])
    assert score is harmonic


def test_class_scores_are_sums_over_items():
    from sklearn.metrics import balanced_accuracy_score, f1_score

    gold, found = list("aabbccc"), list("abbbcca")
    rows = [{"gold": g, "label": f} for g, f in zip(gold, found, strict=True)]
    for metric, value in (
        ("ua", balanced_accuracy_score(gold, found)),
        ("macro_f1", f1_score(gold, found, average="macro")),
        ("wa", 5 / 7),
    ):
        parts, score = of_classes("ua").summed(metric, [rows], None)
        assert float(score(parts(rows).sum(0))) == pytest.approx(100 * value)


def test_metrics_by_name():
    assert tasks.spec("emotion").measures.check([]) == ["ua"]
    assert tasks.spec("correction").measures.check(["clean_intact", "clean_intact"]) == [
        "clean_intact"
    ]
    assert tasks.spec("masked_lm").measures.check([]) == ["masked_accuracy"]
    for task in ("emotion", "masked_lm"):
        with pytest.raises(UserError, match="unknown metric 'f2'"):
            tasks.spec(task).measures.check(["f2"])
