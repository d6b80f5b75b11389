from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from nlpcl.metrics.power import ENDLESS, Pilot, detectable


@pytest.mark.parametrize("freedom", [2.0, 4.5, 12.0, 40.0])
def test_a_detectable_difference_is_found_four_times_of_five(freedom):
    """With the true standard error; an estimated one is too small on average by ``bias``."""
    generator = np.random.default_rng(0)
    spread = np.sqrt(generator.chisquare(freedom, 100_000) / freedom)
    least = detectable(1.0, freedom, 0.05) * spread.mean()
    drawn = (generator.standard_normal(100_000) + least) / spread
    assert (drawn > stats.t.isf(0.025, freedom)).mean() == pytest.approx(0.8, abs=0.006)


def test_with_many_degrees_of_freedom_it_is_the_textbooks():
    wanted = 3 * (1.95996 + 0.84162)
    for freedom in (999.0, 1001.0, 1e8, math.inf):
        assert detectable(3.0, freedom, 0.05) == pytest.approx(wanted, rel=2e-3)
    assert detectable(1.0, math.inf, 0.05, power=0.5) == pytest.approx(1.95996, rel=1e-4)


def pilot(training=4.0, within=1.5, between=0.5, seeds=3, items=1000, number=1):
    same = 0.5 + 0.5 * np.eye(number)
    return Pilot(
        np.full(number + 1, training),
        within * same,
        between * same,
        np.full(number, float(number)),
        seeds,
        items,
        items,
    )


def test_one_comparison_by_hand():
    """Variance (2 · 4 + 1.5 - 0.5) / S of S - 1 degrees of freedom, and 0.5 of many."""
    found = pilot().detectable(5)[0]
    first, second = 9 / 5, 0.5
    freedom = (first + second) / (first / 4 + second / 999)
    assert found == pytest.approx(detectable(math.sqrt(first + second), freedom, 0.05))
    tenfold = pilot().detectable(5, 10)[0]
    first, second = 8.1 / 5, 0.05
    freedom = (first + second) / (first / 4 + second / 9999)
    assert tenfold == pytest.approx(detectable(math.sqrt(first + second), freedom, 0.05))


@pytest.mark.parametrize("number", [1, 3])
def test_the_numbers_needed_are_the_smallest(number):
    study = pilot(number=number)
    seeds = study.seeds_for(3.0, 0)
    assert study.detectable(seeds)[0] <= 3.0 < study.detectable(seeds - 1)[0]
    study = pilot(number=number, seeds=6)
    # Levels come from points of a distribution, and are not quite smooth.
    assert study.items_for(study.detectable(6, 4)[0], 0) == pytest.approx(4000, rel=0.05)
    assert study.seeds_for(1e6, 0) == 3


def test_what_no_number_detects():
    """Endless seeds leave the items' 0.5, endless items the seeds' 8 / 3."""
    study = pilot()
    floor = math.sqrt(0.5) * 2.806
    assert study.detectable(ENDLESS)[0] == pytest.approx(floor, rel=2e-3)
    assert study.seeds_for(0.99 * floor, 0) is None
    assert study.seeds_for(1.05 * floor, 0) > 100
    floor = detectable(math.sqrt(8 / 3), 2.0, 0.05)
    assert study.items_for(0.99 * floor, 0) is None
    assert study.items_for(1.05 * floor, 0) > 300
    # Where every seed has a test set of its own, seeds do all.
    assert pilot(between=0.0).seeds_for(0.1, 0) is not None


def test_more_comparisons_ask_for_more():
    assert pilot(number=6).detectable(60)[0] > 1.1 * pilot().detectable(60)[0]


def test_how_well_a_pilot_knows():
    assert pilot().uncertainty == pytest.approx(50)
    assert pilot(number=6, seeds=5).uncertainty == pytest.approx(100 / math.sqrt(48))
