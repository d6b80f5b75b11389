"""Schedules of α and of the learning rate."""

from __future__ import annotations

import itertools
import math

import pytest

from nlpcl.core.schedules import ALPHA_SCHEDULES, saturating, waiting_then_linear, warmup_cosine


def test_documented_schedule_waits_rises_and_stays():
    assert [waiting_then_linear(done) for done in (0.0, 0.05, 0.1)] == [0.0, 0.0, 0.0]
    assert waiting_then_linear(0.4) == pytest.approx(0.5)
    assert [waiting_then_linear(done) for done in (0.7, 0.9, 1.0)] == [1.0, 1.0, 1.0]


def test_dann_schedule():
    for done in (0.0, 0.1, 0.5, 1.0):
        assert saturating(done) == pytest.approx(2 / (1 + math.exp(-10 * done)) - 1)


@pytest.mark.parametrize("name", ALPHA_SCHEDULES)
def test_no_schedule_jumps(name):
    values = [ALPHA_SCHEDULES[name](place / 1000) for place in range(1001)]
    steps = [after - before for before, after in itertools.pairwise(values)]
    assert min(steps) >= 0
    assert max(steps) < 0.01
    assert values[0] == 0
    assert values[-1] == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("updates", [2, 7, 100, 6950])
@pytest.mark.parametrize("restarts", [0, 1, 3])
@pytest.mark.parametrize("warmup", [0.0, 0.1])
def test_learning_rate_ends_at_the_floor(updates, restarts, warmup):
    factor = warmup_cosine(updates, warmup=warmup, floor=2e-4, restarts=restarts)
    values = [factor(update) for update in range(updates)]
    assert values[-1] == pytest.approx(2e-4)
    assert factor(updates) == pytest.approx(2e-4)
    assert max(values) <= 1
    assert min(values) > 0
    rising = math.ceil(warmup * updates)
    if updates >= 100:
        assert values[rising] == pytest.approx(1)
        peaks = [
            place for place in range(max(1, rising), updates) if values[place] > values[place - 1]
        ]
        assert len(peaks) == restarts
        for place in peaks:
            assert values[place] == pytest.approx(1)
            assert values[place - 1] == pytest.approx(2e-4)


def test_warm_up_is_a_line_that_begins_above_0():
    factor = warmup_cosine(100, warmup=0.1)
    assert [factor(update) for update in range(10)] == pytest.approx([n / 10 for n in range(1, 11)])


def test_half_way_down_is_half():
    assert warmup_cosine(101, warmup=0.0)(50) == pytest.approx(0.5)


def test_one_update_learns_at_the_peak():
    assert warmup_cosine(1, warmup=0.1)(0) == 1
