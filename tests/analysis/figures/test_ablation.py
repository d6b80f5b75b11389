"""Differences to the baseline, and what variants cost."""

from __future__ import annotations

import pytest
from numpy.testing import assert_allclose

from nlpcl.analysis.figures import ablation
from nlpcl.analysis.figures.kinds import LeftOut, Options
from nlpcl.analysis.figures.sources import AblationSource, open_sources
from nlpcl.analysis.figures.style import COLOURS, RIGHT, WRONG

OPTIONS = Options()


def test_forest_shows_differences_with_their_ends(make_ablation, compared, drawn):
    rows = [
        compared("span", 1.0, 0.5, 1.75),
        compared("none", -2.0, -3.0, -1.25),
        compared("both", 0.25, -0.5, 0.5, is_found=False),
        compared("span", 4.0, 3.0, 6.0, test="other", metric="wa"),
    ]
    source = open_sources([make_ablation(rows, [])])[0]
    found = ablation.load_forest(source, OPTIONS)
    figure = ablation.draw_forest(**found.values)
    above, below = figure.axes
    # The first variant stands on top.
    assert drawn.ticks(above.yaxis) == ["both", "none", "span"]
    assert drawn.middles(above) == [[(0.25, 0)], [(-2.0, 1)], [(1.0, 2)]]
    assert_allclose(
        drawn.whiskers(above),
        [[[[-0.5, 0], [0.5, 0]]], [[[-3, 1], [-1.25, 1]]], [[[0.5, 2], [1.75, 2]]]],
    )
    assert [text.get_text() for text in above.texts] == [
        "+0.25 (-0.50 to +0.50)",
        "-2.00 (-3.00 to -1.25)",
        "+1.00 (+0.50 to +1.75)",
    ]
    assert [text.xyann[1] for text in above.texts] == [0, 1, 2]
    assert drawn.uprights(above) == [0]
    marks = [bars[0] for bars in above.containers]
    assert [mark.get_color() for mark in marks] == [COLOURS[7], WRONG, RIGHT]
    assert [mark.get_markerfacecolor() for mark in marks] == ["none", WRONG, RIGHT]
    assert above.get_xlabel() == "difference to original, points"
    assert [drawn.title(axes) for axes in figure.axes] == [
        "macro f1 on invented",
        "wa on other",
    ]
    assert drawn.middles(below) == [[(4.0, 0)]]
    assert_allclose(drawn.whiskers(below), [[[[3, 0], [6, 0]]]])


def test_forest_draws_the_first_panels_and_says_so(make_ablation, compared):
    rows = [compared("span", 1.0, 0.5, 1.5, metric=f"m{at}") for at in range(6)]
    found = ablation.load_forest(open_sources([make_ablation(rows, [])])[0], OPTIONS)
    assert [row["metric"] for row in found.values["rows"]] == ["m0", "m1", "m2", "m3"]
    assert len(found.rows) == 6
    assert "The first 4 of 6 metrics" in found.caption
    assert "n = 80, 2 seed(s)" in found.caption


def test_forest_tells_of_failed_cells_and_lost_variants(make_ablation, compared):
    cells = [
        {"variant": "none", "seed": 0, "state": "failed", "reason": "out of memory", "folder": "x"},
        {"variant": "span", "seed": 0, "state": "finished", "reason": "", "folder": "y"},
    ]
    folder = make_ablation([compared("span", 1.5, 0.5, 2.5)], cells)
    source = open_sources([folder])[0]
    found = ablation.load_forest(source, OPTIONS)
    assert "Not finished and left out: none seed 0. " in found.caption
    assert "Without a comparison: none" in found.caption
    assert found.rows[0]["difference"] == 1.5


def test_forest_without_intervals_is_drawn(make_ablation, compared, drawn):
    folder = make_ablation([compared("span", 1.5, None, None, is_found=False)], [])
    found = ablation.load_forest(AblationSource(folder, open_sources([folder])[0].record), OPTIONS)
    (axes,) = ablation.draw_forest(**found.values).axes
    assert drawn.middles(axes) == [[(1.5, 0)]]
    assert [text.get_text() for text in axes.texts] == ["+1.50"]


def test_an_ablation_without_comparisons_has_no_forest(make_ablation):
    cells = [{"variant": "span", "seed": 0, "state": "failed", "reason": "no space", "folder": "x"}]
    with pytest.raises(LeftOut, match="no space"):
        ablation.load_forest(open_sources([make_ablation([], cells)])[0], OPTIONS)


def test_costs_are_a_point_a_training(make_ablation, drawn):
    def cell(variant, seed, value, seconds, parameters, state="finished"):
        scores = {"invented": {"macro_f1": value, "wa": 1.0}}
        told = {"variant": variant, "seed": seed, "state": state, "scores": scores}
        return told | {"seconds": seconds, "parameters": parameters, "folder": "x"}

    cells = [
        cell("original", 0, 70.0, 10.0, 1_250_000),
        cell("span", 0, 72.0, 20.0, 2_000_000),
        cell("original", 1, 71.0, 12.0, 1_250_000),
        cell("span", 1, 73.0, None, 2_000_000),
        cell("span", 2, 99.0, 20.0, 2_000_000, state="failed"),
    ]
    found = ablation.load_costs(open_sources([make_ablation([], cells)])[0], OPTIONS)
    assert "4 trainings" in found.caption
    figure = ablation.draw_costs(**found.values)
    seconds, parameters = figure.axes
    assert [part.tolist() for part in drawn.points(seconds)] == [[[10, 70], [12, 71]], [[20, 72]]]
    assert [part.tolist() for part in drawn.points(parameters)] == [
        [[1.25e6, 70], [1.25e6, 71]],
        [[2e6, 72], [2e6, 73]],
    ]
    assert [axes.get_xlabel() for axes in figure.axes] == ["seconds", "parameters"]
    assert parameters.xaxis.get_major_formatter()(1_250_000) == "1.25 M"
    assert seconds.get_ylabel() == "macro f1"
    assert drawn.legend(figure.legends[0]) == ["original", "span"]


def test_no_times_are_a_reason(make_ablation):
    cell = {"variant": "a", "seed": 0, "folder": "x", "state": "finished"}
    cells = [cell | {"scores": {"t": {"wa": 1.0}}}]
    with pytest.raises(LeftOut, match="a score and a time"):
        ablation.load_costs(open_sources([make_ablation([], cells)])[0], OPTIONS)
