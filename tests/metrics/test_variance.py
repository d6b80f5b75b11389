"""Variance over seeds and items: against textbook analyses of variance and naive loops."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from nlpcl.metrics.confusion import macro_f1
from nlpcl.metrics.variance import Trainings, estimate, jackknife, more_variable, pool


def mean(sums):
    return sums[..., 0] / sums[..., 1]


def of_items(answers, tested=None):
    """Scores of items (V, S, N) → trainings, all on one test set unless told (V, S, N)."""
    systems, seeds, n = answers.shape
    tested = np.ones(answers.shape, bool) if tested is None else tested
    flat, held = answers.reshape(-1, n).T, tested.reshape(-1, n).T
    totals = np.stack([flat * held, held], axis=-1).astype(float)
    values, covariance = jackknife(totals, held, mean)
    places = np.indices((systems, seeds)).reshape(2, -1)
    sets = len(np.unique(held, axis=1).T)
    return Trainings(values, places[0], places[1], covariance, float(n - sets))


def of_scores(scores):
    """Scores (V, S), nothing known of items; NaN for a failed training."""
    places = np.indices(scores.shape).reshape(2, -1)
    kept = ~np.isnan(scores.ravel())
    number = int(kept.sum())
    nothing = np.zeros((number, number))
    return Trainings(scores.ravel()[kept], *places[:, kept], nothing, np.inf)


def test_a_pair_on_common_items_is_the_textbooks_crossed_design():
    """Worked by hand: MS_seed + (MS_item - MS_residual) over S n, both effects random."""
    gaps = np.array([[4.0, 0.0, 2.0, 6.0], [1.0, -3.0, 1.0, 1.0], [4.0, 0.0, 0.0, 8.0]])
    # Means: seeds 3, 0, 3; items 3, -1, 1, 5; all 2. Squares: seeds 4 (1 + 4 + 1) = 24 over 2,
    # items 3 (1 + 9 + 1 + 9) = 60 over 3, all 76 + 12 - ... = 100 of which 16 are left over 6.
    whole = ((gaps - 2) ** 2).sum()
    assert whole == 100
    by_seed, by_item, rest = 24 / 2, 60 / 3, (100 - 24 - 60) / 6
    base = np.array([[3.0, 1.0, 4.0, 1.0], [5.0, 9.0, 2.0, 6.0], [5.0, 3.0, 5.0, 8.0]])
    study = of_items(np.stack([base, base + gaps]))
    found = estimate(study, study.contrast(1, 0), pool(study, [0, 1]))
    first, second = by_seed / 12, (by_item - rest) / 12
    assert found.value == pytest.approx(2)
    assert found.error**2 == pytest.approx(first + second)
    assert found.freedom == pytest.approx((first + second) / (first / 2 + second / 3))


def test_items_are_not_counted_twice_where_every_seed_has_its_own():
    """Then the seeds' differences are independent, and Student's t over them is right."""
    generator = np.random.default_rng(0)
    answers = generator.normal(0, 1, (2, 4, 120)) + generator.normal(0, 1, (2, 1, 120))
    tested = np.zeros(answers.shape, bool)
    for seed in range(4):
        tested[:, seed, 30 * seed : 30 * seed + 30] = True
    study = of_items(answers, tested)
    found = estimate(study, study.contrast(1, 0), pool(study, [0, 1]))
    gaps = [(answers[1] - answers[0])[s][tested[0, s]].mean() for s in range(4)]
    assert found.value == pytest.approx(np.mean(gaps))
    assert found.error == pytest.approx(stats.sem(gaps), rel=1e-6)
    assert found.freedom == pytest.approx(3)


def test_one_seed_equals_a_paired_t_test_over_items():
    answers = np.random.default_rng(1).normal(0, 1, (2, 1, 40))
    study = of_items(answers)
    found = estimate(study, study.contrast(1, 0), pool(study, [0, 1]))
    theirs = stats.ttest_rel(answers[1, 0], answers[0, 0])
    assert found.value / found.error == pytest.approx(theirs.statistic)
    assert found.freedom == theirs.df


@pytest.mark.parametrize("failed", [(), ((1, 0), (3, 2))])
def test_the_pool_is_the_residual_of_a_two_way_analysis_of_variance(failed):
    import statsmodels.formula.api as models
    from pandas import DataFrame

    scores = np.random.default_rng(2).normal([70, 75, 67], 2, (5, 3))
    for place in failed:
        scores[place] = np.nan
    study = of_scores(scores)
    frame = DataFrame({"y": study.values, "v": study.systems, "s": study.seeds})
    fitted = models.ols("y ~ C(v) + C(s)", frame).fit()
    found = pool(study, range(5))
    assert found.freedom == fitted.df_resid == 8 - len(failed)
    assert found.mean_square == pytest.approx(fitted.mse_resid)
    gap = estimate(study, study.contrast(3, 0), found)
    shared = ~np.isnan(scores[3] - scores[0])
    assert gap.value == pytest.approx((scores[3] - scores[0])[shared].mean())
    assert gap.error**2 == pytest.approx(2 * fitted.mse_resid / shared.sum())
    assert gap.freedom == pytest.approx(found.freedom)


def test_a_mixed_model_finds_the_same_variances():
    """Restricted maximum likelihood equals the analysis of variance in a balanced design."""
    from pandas import DataFrame
    from statsmodels.regression.mixed_linear_model import MixedLM

    generator = np.random.default_rng(3)
    answers = generator.normal(0, 1, (2, 6, 15))
    answers = answers + generator.normal(0, 1, (2, 6, 1)) + generator.normal(0, 2, (2, 1, 15))
    gaps = answers[1] - answers[0]
    seeds, items = np.indices(gaps.shape).reshape(2, -1)
    frame = DataFrame({"y": gaps.ravel(), "seed": seeds, "item": items, "all": 1})
    parts = {"seed": "0 + C(seed)", "item": "0 + C(item)"}
    fitted = MixedLM.from_formula("y ~ 1", frame, groups="all", vc_formula=parts, re_formula="0")
    theirs = fitted.fit(reml=True)
    study = of_items(answers)
    found = estimate(study, study.contrast(1, 0), pool(study, [0, 1]))
    assert found.error == pytest.approx(float(theirs.bse_fe.iloc[0]), rel=1e-3)


def test_the_jackknife_equals_a_loop_that_leaves_clusters_out():
    generator = np.random.default_rng(4)
    gold = generator.integers(0, 3, 60)
    found = generator.integers(0, 3, (2, 60))
    names = np.sort(generator.integers(0, 7, 60))

    def scored(kept):
        sums = np.zeros((2, 3, 3))
        for system in range(2):
            np.add.at(sums[system], (gold[kept], found[system][kept]), 1)
        return macro_f1(sums)

    totals = np.zeros((7, 2, 3, 3))
    for system in range(2):
        np.add.at(totals[:, system], (names, gold, found[system]), 1)
    left = np.array([scored(names != cluster) for cluster in range(7)])
    values, covariance = jackknife(totals, np.ones((7, 2), bool), macro_f1)
    assert values == pytest.approx(scored(names >= 0))
    assert covariance == pytest.approx(6 / 7 * 7 * np.cov(left.T, ddof=0))


def test_overlapping_test_sets_share_what_they_share():
    """Items 0..19 and 10..29: variances are s²/n, the covariance that of the shared ones."""
    values = np.random.default_rng(5).normal(0, 1, (1, 2, 30))
    tested = np.zeros(values.shape, bool)
    tested[0, 0, :20] = tested[0, 1, 10:] = True
    found = of_items(values, tested).items
    first, second = values[0, 0, :20], values[0, 1, 10:]
    assert found.diagonal() == pytest.approx([first.var(ddof=1) / 20, second.var(ddof=1) / 20])
    both = ((first - first.mean())[10:] * (second - second.mean())[:10]).sum() / (20 * 19)
    assert found[0, 1] == pytest.approx(both)


@pytest.mark.parametrize("own", [False, True])
def test_variances_are_right_on_average(own):
    """Simulated from the model, with seeds that are bad for all, against its own formula."""
    generator = np.random.default_rng(6)
    tested = np.zeros((3, 3, 3, 20), bool)
    tested[:, range(3), range(3)] = True
    squares = []
    for _ in range(150):
        answers = generator.normal(0, 2, (3, 3, 20)) + generator.normal(0, 0.4, (3, 3, 1))
        answers += generator.normal(0, 1, (3, 3 if own else 1, 20))
        answers += generator.normal(0, 3, (1, 3, 1))
        study = of_items(answers)
        if own:
            wide = tested * answers[:, :, None]
            study = of_items(wide.reshape(3, 3, 60), tested.reshape(3, 3, 60))
        squares.append(estimate(study, study.contrast(2, 0), pool(study, range(3))).error ** 2)
    within, between = 2**2 / 20, 1 / 20
    wanted = 2 * (0.4**2 + within + own * between) / 3 + 2 * (not own) * between
    assert np.mean(squares) == pytest.approx(wanted, rel=0.12)


def test_a_system_that_varies_much_more_is_found_and_two_cannot_be():
    scores = np.random.default_rng(7).normal(0, 1, (7, 3))
    assert more_variable(of_scores(scores), range(7)) == []
    scores[4] = [30, -20, 5]
    assert more_variable(of_scores(scores), range(7)) == [4]
    scores[0] = [-70, 90, 10]
    assert more_variable(of_scores(scores), range(7)) == [0, 4]
    assert more_variable(of_scores(scores[[0, 4]]), range(2)) == []
    assert more_variable(of_scores(scores[:, :1]), range(7)) == []
    assert more_variable(of_scores(np.ones((5, 3))), range(5)) == []


def test_equal_systems_are_seldom_taken_for_more_variable():
    generator = np.random.default_rng(8)
    alarms = sum(
        bool(more_variable(of_scores(generator.normal(0, 1, (5, 3))), range(5))) for _ in range(200)
    )
    assert alarms <= 6  # 1 %, and three standard errors of a binomial


def test_without_two_seeds_nothing_is_known_of_them():
    study = of_scores(np.array([[1.0], [2.0]]))
    assert pool(study, [0, 1]).freedom == 0
    assert study.contrast(1, 0).tolist() == [-1, 1]
