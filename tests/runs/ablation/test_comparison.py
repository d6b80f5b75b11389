"""Statistics of an ablation: planted effects are found, null ones at the nominal rate.

``benchmarks/ablation_calibration.py`` simulates more of them."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
from scipy import stats

from nlpcl.metrics.measures import of_classes
from nlpcl.runs.ablation.comparison import compare, compare_reported, spread

TRIALS = 120
MOST_ALARMS = 0.11
"""Three standard errors of a binomial above 5 % in 120 trials."""


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


@pytest.mark.parametrize(("noise", "speakers", "least"), [(0.02, 0, 2), (0.0, 20, 1)])
def test_equal_variants_are_found_different_at_the_nominal_rate(noise, speakers, least):
    """Not only below it: a test that never finds anything would pass, too."""
    generator = np.random.default_rng(1)
    means = dict.fromkeys(["base", "a", "b", "c"], 0.7)
    names = [f"s{index // 10}" for index in range(200)] if speakers else None
    alarms = covered = 0
    for _ in range(TRIALS):
        parts = simulated(generator, means, noise=noise, speakers=speakers)
        found = compare(parts, "base", accuracy, names)
        alarms += any(one.is_found for one in found)
        covered += sum(one.difference.low <= 0 <= one.difference.high for one in found)
    assert least <= alarms <= MOST_ALARMS * TRIALS
    assert 0.92 <= covered / (3 * TRIALS) <= 0.98


def test_a_true_difference_is_found():
    generator = np.random.default_rng(3)
    found = {"worse": 0, "same": 0}
    for _ in range(TRIALS):
        means = {"base": 0.65, "worse": 0.48, "same": 0.65}
        parts = simulated(generator, means, n=300, noise=0.01)
        for one in compare(parts, "base", accuracy):
            found[one.variant] += one.is_found
            if one.is_found and one.variant != "same":
                assert one.difference.value < 0
    assert found["worse"] > 0.9 * TRIALS
    assert found["same"] <= MOST_ALARMS * TRIALS


def test_the_detectable_difference_is_found_four_times_of_five():
    """As the verdict is taken: among three comparisons, with training that varies."""
    generator = np.random.default_rng(4)
    equal = dict.fromkeys(["base", "a", "b", "c"], 0.6)
    studies = [simulated(generator, equal, noise=0.02) for _ in range(30)]
    least = np.mean([compare(parts, "base", accuracy)[0].detectable for parts in studies]) / 100
    assert 0.05 < least < 0.2
    found = 0
    for _ in range(TRIALS):
        parts = simulated(generator, equal | {"a": 0.6 + least}, noise=0.02)
        found += compare(parts, "base", accuracy)[0].is_found
    assert 0.7 <= found / TRIALS <= 0.9


def test_variants_are_pooled():
    """The seeds of other variants tell how far the two of a comparison vary."""
    generator = np.random.default_rng(5)
    parts = simulated(generator, dict.fromkeys(["base", *"abcdef"], 0.7), noise=0.03)
    many = compare(parts, "base", accuracy)
    pairs = [{name: parts[name] for name in ("base", other)} for other in "abcdef"]
    alone = [compare(pair, "base", accuracy)[0] for pair in pairs]
    for one, other in zip(many, alone, strict=True):
        assert one.difference.value == pytest.approx(other.difference.value)
        assert one.freedom > 10 > 8 > other.freedom
        assert other.p_dunnett == other.p_holm == other.p_value
    assert "seeds of 7 variants (12 degrees of freedom)" in many[0].difference.method
    errors = [[one.difference.standard_error for one in found] for found in (many, alone)]
    assert max(errors[0]) < 1.1 * min(errors[0])
    assert max(errors[1]) > 1.5 * min(errors[1])


def test_holm_and_dunnett_are_over_the_variants():
    generator = np.random.default_rng(6)
    parts = simulated(generator, {"base": 0.6, "a": 0.7, "b": 0.64, "c": 0.61})
    found = compare(parts, "base", accuracy)
    order = sorted(found, key=lambda one: one.p_value)
    running = 0.0
    for place, one in enumerate(order):
        running = max(running, min(1.0, (3 - place) * one.p_value))
        assert one.p_holm == pytest.approx(running)
        assert one.p_value <= one.p_dunnett <= one.p_holm
    assert order[0].p_dunnett < 0.98 * order[0].p_holm


def test_items_that_all_variants_share_tie_differences_together():
    """Equal answers of two variants: one comparison, as far as chance is concerned."""
    generator = np.random.default_rng(7)
    parts = simulated(generator, {"base": 0.6, "a": 0.66}, n=400)
    (alone,) = compare(parts, "base", accuracy)
    first, second = compare(parts | {"b": parts["a"]}, "base", accuracy)
    assert first.difference.value == second.difference.value == alone.difference.value
    assert first.freedom == pytest.approx(alone.freedom)  # b is no further evidence
    assert first.p_dunnett == pytest.approx(alone.p_value, abs=0.01)
    assert first.p_holm > 1.9 * min(alone.p_value, 0.5)


@pytest.mark.parametrize("seeds", [1, 2])
def test_fewer_than_three_seeds_give_intervals_and_no_verdict(seeds):
    generator = np.random.default_rng(8)
    parts = simulated(generator, {"base": 0.3, "a": 0.9}, seeds=seeds)
    (found,) = compare(parts, "base", accuracy)
    assert found.difference.low < 60 < found.difference.high
    assert math.isnan(found.p_value) and math.isnan(found.p_holm) and math.isnan(found.p_dunnett)
    assert not found.is_found
    assert "no verdict on a and base" in found.verdict("texts")
    assert "it takes 3 seeds" in found.verdict("texts")


def test_a_variant_that_varies_much_more_is_not_pooled():
    generator = np.random.default_rng(9)
    parts = simulated(generator, dict.fromkeys(["base", *"abcdef"], 0.7), n=2000, noise=0.005)
    quiet = compare(parts, "base", accuracy)
    chance = np.array([0.95, 0.3, 0.7])[:, None]
    parts["f"] = cells(generator.random((3, 2000)) < chance)
    found = compare(parts, "base", accuracy)
    assert [list(one.varies_more) for one in found] == [[], [], [], [], [], ["f"]]
    assert found[0].difference.standard_error < 2 * quiet[0].difference.standard_error
    assert found[-1].freedom < 3 < 8 < found[0].freedom
    gaps = [
        100 * (parts["f"][seed][:, 0].mean() - parts["base"][seed][:, 0].mean())
        for seed in range(3)
    ]
    assert found[-1].difference.standard_error == pytest.approx(stats.sem(gaps), rel=0.02)
    assert not found[-1].is_found
    noisy_base = compare(parts, "f", accuracy)
    assert all(list(one.varies_more) == ["f"] for one in noisy_base)
    assert all(one.freedom < 3 for one in noisy_base)


def test_a_study_of_seven_variants_takes_a_moment():
    generator = np.random.default_rng(10)
    gold = generator.integers(0, 3, 6000)
    parts = {
        f"v{place}": {
            seed: np.eye(9)[3 * gold + generator.integers(0, 3, 6000)] for seed in range(5)
        }
        for place in range(7)
    }
    summed = of_classes("macro_f1").summed
    _, score = summed("macro_f1", [[{"gold": name, "label": name} for name in "abc"]], None)
    begun = time.process_time()
    assert len(compare(parts, "v0", score)) == 6
    assert time.process_time() - begun < 5


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
    # Nor with others that do not vary, which would make the pooled variance small.
    many = {"base": cells(base), "a": cells(lucky)}
    generator = np.random.default_rng(11)
    for name in "bcdef":
        many[name] = cells(base ^ (generator.random(base.shape) < 0.02))
    assert not compare(many, "base", accuracy)[0].is_found


def test_speakers_are_left_out_as_wholes():
    """A gain in one speaker of six alone is no gain for new speakers."""
    names = [f"s{index // 50}" for index in range(300)]
    generator = np.random.default_rng(12)
    base = generator.random((3, 300)) < 0.1
    better = generator.random((3, 300)) < 0.1
    better[:, :50] = True
    parts = {"base": cells(base), "a": cells(better)}
    assert compare(parts, "base", accuracy)[0].is_found
    (found,) = compare(parts, "base", accuracy, names)
    assert not found.is_found
    assert (found.difference.n, found.difference.clusters) == (300, 6)
    assert "300 clips of 6 clusters x 3 seeds" in found.verdict("clips")


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
    assert compare({"base": {}, "b": parts["b"]}, "base", accuracy) == []


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
    assert "p = " in sentence and "after Dunnett" in sentence
    for metric in ("p_holm", "p_dunnett"):  # a twin is no comparison to correct for
        without = compare({name: parts[name] for name in ("base", "a", "b")}, "base", accuracy)
        assert getattr(without[1], metric) == pytest.approx(getattr(same, metric))
    one = {name: {0: cells[0][:1]} for name, cells in parts.items()}
    assert "too little to tell" in compare(one, "base", accuracy)[0].verdict()


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
