"""Runs side by side."""

from __future__ import annotations

import pytest
from numpy.testing import assert_allclose

from nlpcl.analysis.figures import comparison
from nlpcl.analysis.figures.kinds import LeftOut, Options
from nlpcl.runs.run import Run

OPTIONS = Options()


@pytest.fixture
def runs_with(make_run):
    """``runs_with({"a": metrics, ...})`` → runs with these numbers in their reports."""

    def make(numbers, **more):
        return [
            Run(make_run(name, report={"metrics": metrics, "tables": []}, **more))
            for name, metrics in numbers.items()
        ]

    return make


def test_each_score_has_its_own_ends(runs_with, drawn):
    one = {"wa": 50.0, "wa_low": 42.0, "wa_high": 61.0, "ua": 40.0, "ua_low": 31.0, "ua_high": 44.0}
    other = {"wa": 60.0, "wa_low": 57.0, "wa_high": 64.0, "ua": 55.0}
    found = comparison.load(runs_with({"a": one, "b": other}), OPTIONS)
    (axes,) = comparison.draw(**found.values).axes
    names = drawn.ticks(axes.xaxis)
    wa, ua = names.index("wa"), names.index("ua")
    first, second = (dict((round(x, 9), y) for x, y in bars) for bars in drawn.bars(axes))
    assert (first[wa - 0.2], first[ua - 0.2]) == (50.0, 40.0)
    assert (second[wa + 0.2], second[ua + 0.2]) == (60.0, 55.0)
    left, right = drawn.whiskers(axes)
    assert_allclose(left[wa], [[wa - 0.2, 42], [wa - 0.2, 61]], atol=1e-9)
    assert_allclose(left[ua], [[ua - 0.2, 31], [ua - 0.2, 44]], atol=1e-9)
    assert_allclose(right, [[[wa + 0.2, 57], [wa + 0.2, 64]]], atol=1e-9)
    assert drawn.legend(axes.get_legend()) == ["a", "b"]
    assert found.caption.startswith("Percent, 95 % intervals;")


def test_a_score_that_a_run_lacks_has_no_bar(runs_with, drawn):
    found = comparison.load(runs_with({"a": {"ua": 40.0, "wa": 50.0}, "b": {"wa": 60.0}}), OPTIONS)
    (axes,) = comparison.draw(**found.values).axes
    place = drawn.ticks(axes.xaxis).index("wa")
    assert_allclose(drawn.bars(axes)[1], [(place + 0.2, 60.0)])
    assert drawn.whiskers(axes) == []
    assert "intervals" not in found.caption


def test_one_run_and_runs_of_other_tasks_are_no_comparison(make_run, runs_with):
    found = runs_with({"a": {"wa": 50.0}})
    with pytest.raises(LeftOut, match="two runs"):
        comparison.load(found, OPTIONS)
    other = make_run("b", task="correction", report={"metrics": {"wa": 1.0}, "tables": []})
    with pytest.raises(LeftOut, match="fewer than two runs of emotion"):
        comparison.load([*found, Run(other)], OPTIONS)


def test_protocols_that_differ_are_told(runs_with):
    one = runs_with({"a": {"wa": 50.0}}, data={"name": "x", "protocol": "five folds"})
    other = runs_with({"b": {"wa": 60.0}})
    assert "cannot be compared" in comparison.load([*one, *other], OPTIONS).caption
    assert (
        "cannot be compared"
        not in comparison.load(runs_with({"c": {"wa": 1.0}, "d": {"wa": 2.0}}), OPTIONS).caption
    )
