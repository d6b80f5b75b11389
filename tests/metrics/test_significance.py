from __future__ import annotations

import dataclasses
import gc
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from nlpcl.metrics.intervals import Difference
from nlpcl.metrics.significance import (
    detectable_difference,
    detectable_proportion,
    holm,
    mcnemar_test,
    verdict,
)


@pytest.fixture(autouse=True, scope="module")
def _quick_collections():
    """Statsmodels collects garbage at every correction, which takes long beside torch."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gc, "collect", lambda *_: 0)
        yield


def answers(only_a: int, only_b: int, same: int = 5) -> tuple[list[bool], list[bool]]:
    first = [True] * only_a + [False] * only_b + [True] * same
    second = [False] * only_a + [True] * only_b + [True] * same
    return first, second


@settings(deadline=None)
@given(st.integers(0, 30), st.integers(0, 30))
def test_exact_mcnemar_is_a_binomial_test(only_a, only_b):
    found = mcnemar_test(*answers(only_a, only_b), mid_p=False)
    if only_a + only_b:
        assert found == pytest.approx(stats.binomtest(only_a, only_a + only_b).pvalue)
    else:
        assert found == 1
    middle = mcnemar_test(*answers(only_a, only_b))
    assert 0 < middle <= found
    assert middle == pytest.approx(mcnemar_test(*answers(only_b, only_a)))


def test_mid_p_by_hand():
    # 1 against 5: exact 2 (1 + 6) / 64, less the point probability 6 / 64.
    assert mcnemar_test(*answers(1, 5)) == pytest.approx(14 / 64 - 6 / 64)
    # 2 against 2: 1 - (6 / 16) / 2.
    assert mcnemar_test(*answers(2, 2)) == pytest.approx(1 - 3 / 16)
    with pytest.raises(ValueError):
        mcnemar_test([], [])
    with pytest.raises(ValueError):
        mcnemar_test([True], [True, False])


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.6, 0.7]) == [1, 1]
    assert holm([]) == []
    with pytest.raises(ValueError):
        holm([0.1, math.nan])


@settings(deadline=None, max_examples=15)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_keeps_the_order_and_never_falls(values):
    found = holm(values)
    assert all(new >= old - 1e-12 for new, old in zip(found, values, strict=True))
    order = np.argsort(values, kind="stable")
    assert (np.diff(np.array(found)[order]) >= -1e-12).all()


def test_detectable_differences():
    assert detectable_difference(1.0) == pytest.approx(2.80, abs=0.005)
    found = detectable_proportion(1440, 0.2)
    gap = found / 100
    items = (1.959964 * math.sqrt(0.2) + 0.841621 * math.sqrt(0.2 - gap**2)) ** 2 / gap**2
    assert items == pytest.approx(1440, rel=1e-4)
    assert detectable_proportion(100, 0.2) > found
    assert detectable_proportion(10, 0.1) == math.inf
    assert detectable_proportion(1000, 0.0) == math.inf
    with pytest.raises(ValueError):
        detectable_proportion(0, 0.1)
    with pytest.raises(ValueError):
        detectable_proportion(10, 1.5)


def test_the_detectable_difference_is_found_in_four_of_five_studies():
    n, discordance, trials = 600, 0.2, 300
    gap = detectable_proportion(n, discordance) / 100
    generator = np.random.default_rng(0)
    shares = [(discordance + gap) / 2, (discordance - gap) / 2, 1 - discordance]
    found = 0
    for _ in range(trials):
        only_a, only_b, same = generator.multinomial(n, shares)
        found += mcnemar_test(*answers(only_a, only_b, same)) <= 0.05
    assert 0.72 < found / trials < 0.88


DIFFERENCE = Difference(
    value=3.2,
    low=1.1,
    high=5.4,
    level=0.95,
    standard_error=1.1,
    n=1440,
    clusters=24,
    method="",
    p_value=0.004,
    seeds=3,
)


def test_verdicts():
    better = verdict("span", "none", DIFFERENCE, 0.012)
    assert better == (
        "span is better than none by 3.20 points (span - none: 95 % interval +1.10 to +5.40, "
        "p = 0.012 after Holm; n = 1440 in 24 clusters)."
    )
    nothing = verdict("span", "none", DIFFERENCE, 0.08)
    assert nothing.startswith("no detectable difference between span and none at n = 1440")
    assert "detectable would be >= 3.08 points" in nothing
    worse = dataclasses.replace(DIFFERENCE, value=-3.2, low=-5.4, high=-1.1, clusters=1440)
    sentence = verdict("span", "none", worse)
    assert sentence.startswith("none is better than span by 3.20 points")
    assert "Holm" not in sentence and "clusters" not in sentence
    wide = dataclasses.replace(DIFFERENCE, low=-0.1)
    assert verdict("a", "b", wide, 0.0001).startswith("no detectable difference")
    alone = dataclasses.replace(DIFFERENCE, low=math.nan, high=math.nan, p_value=math.nan)
    assert "cannot be compared" in verdict("a", "b", alone)
    assert "p < 0.001" in verdict("a", "b", DIFFERENCE, 0.00001)
