from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from nlpcl.metrics.significance import ManyToOne, holm


def shared_baseline(number):
    """The correlation of differences of independent means to one of them."""
    return 0.5 + 0.5 * np.eye(number)


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.6, 0.7]) == [1, 1]
    assert holm([]) == []
    with pytest.raises(ValueError):
        holm([0.1, math.nan])


def test_holm_equals_statsmodels():
    from statsmodels.stats.multitest import multipletests

    values = np.random.default_rng(0).random(9) / 5
    assert holm(values.tolist()) == pytest.approx(multipletests(values, method="holm")[1])


@settings(max_examples=10)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=8), st.integers(2, 30))
def test_adjusted_values_keep_the_order_and_lie_between_the_plain_and_holms(values, freedom):
    number = len(values)
    found = ManyToOne(shared_baseline(number), [freedom] * number).adjusted(values)
    order = np.argsort(values, kind="stable")
    for adjusted in (found, holm(values)):
        assert (np.diff(np.array(adjusted)[order]) >= -1e-12).all()
    pairs = zip(values, found, holm(values), strict=True)
    assert all(plain <= one <= bound + 1e-12 for plain, one, bound in pairs)


def test_the_smallest_equals_scipys_dunnett():
    generator = np.random.default_rng(1)
    groups = [generator.normal(shift, 1, 5) for shift in (0, 1.6, 0.4, -0.3)]
    theirs = stats.dunnett(*groups[1:], control=groups[0], rng=generator)
    freedom = 4 * 4
    plain = 2 * stats.t.sf(np.abs(theirs.statistic), freedom)
    found = ManyToOne(shared_baseline(3), [freedom] * 3).adjusted(plain.tolist())
    assert found[0] == pytest.approx(theirs.pvalue[0], abs=0.003)
    # Step by step, the last one is not adjusted, and none is less significant than in one step.
    assert max(found) == pytest.approx(plain.max(), abs=0.005)
    assert all(one <= other + 0.003 for one, other in zip(found, theirs.pvalue, strict=True))


def test_each_step_equals_the_multivariate_t_of_those_that_remain():
    root = np.random.default_rng(2).normal(0, 1, (4, 4))
    covariance = root @ root.T + np.eye(4)
    scale = np.sqrt(covariance.diagonal())
    correlation = covariance / np.outer(scale, scale)
    values = [0.30, 0.004, 0.05, 0.02]
    found = ManyToOne(correlation, [9.0] * 4).adjusted(values)
    least, rest = 0.0, [1, 3, 2, 0]
    while rest:
        edge = stats.t.isf(values[rest[0]] / 2, 9)
        shape = correlation[np.ix_(rest, rest)]
        inside = stats.multivariate_t(shape=shape, df=9, seed=0).cdf(
            np.full(len(rest), edge), lower_limit=np.full(len(rest), -edge)
        )
        least = max(least, 1 - inside)
        assert found[rest.pop(0)] == pytest.approx(least, abs=0.003)


@pytest.mark.parametrize(
    ("number", "freedom", "critical"),
    [(2, 10, 2.57), (4, 20, 2.65), (6, 12, 2.98), (9, math.inf, 2.69)],
)
def test_levels_are_those_of_dunnetts_table(number, freedom, critical):
    """Two-sided 5 % points (Dunnett 1964, table 2)."""
    level = ManyToOne(shared_baseline(number), [freedom] * number).level(0.05)
    assert stats.t.isf(level / 2, freedom) == pytest.approx(critical, abs=0.02)


def test_the_ends_of_dependence():
    """Comparisons that are one and the same need no adjustment, independent ones Šidák's."""
    same = ManyToOne(np.ones((3, 3)), [8.0] * 3)
    assert same.adjusted([0.04] * 3) == pytest.approx([0.04] * 3, abs=0.002)
    assert same.level(0.05) == pytest.approx(0.05, abs=0.002)
    apart = ManyToOne(np.eye(3), [math.inf] * 3)
    assert apart.adjusted([0.02, 0.5, 0.9])[0] == pytest.approx(1 - 0.98**3, abs=0.002)
    assert ManyToOne(np.ones((1, 1)), [2.0]).adjusted([0.03]) == [0.03]
    assert ManyToOne(np.ones((1, 1)), [2.0]).level(0.05) == 0.05
