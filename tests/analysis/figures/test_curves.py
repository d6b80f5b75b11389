"""Training curves: replicates, their means and bands, selected epochs."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from nlpcl.analysis.figures import curves
from nlpcl.analysis.figures.kinds import LeftOut, Options
from nlpcl.analysis.figures.sources import open_sources
from nlpcl.runs.run import Run

OPTIONS = Options()


def test_curves_are_means_over_folds_with_deviation_and_n(make_run, history):
    found = curves.load_runs([Run(make_run(history=history))], OPTIONS)
    cells = {(row["name"], row["epoch"]): row for row in found.rows}
    ua = cells["dev_ua", 2.0]
    assert (ua["mean"], ua["n"]) == (75.0, 2)
    assert ua["std"] == pytest.approx(np.std([70, 80], ddof=1))
    # The loss that is no number is left out, and n says so.
    assert (cells["loss", 1.0]["mean"], cells["loss", 1.0]["n"]) == (1.0, 1)
    assert cells["loss", 1.0]["std"] == ""
    assert cells["loss", 2.0]["n"] == 2


def test_a_run_is_drawn_with_the_band_of_its_folds(make_run, history, drawn):
    found = curves.load_runs([Run(make_run(history=history))], OPTIONS)
    figure = curves.draw(**found.values)
    panels = {drawn.title(axes): axes for axes in figure.axes if drawn.title(axes)}
    assert list(panels) == [
        *("loss", "parts of the loss", "dev scores", "learning rate", "gradient norm"),
        "α of the adversary",
    ]
    loss = drawn.lines(panels["loss"])
    assert loss["loss"] == [(1, 1.0), (2, 0.75), (3, 0.5)]  # of folds 1 / epoch and 2 / epoch
    assert loss["dev loss"] == [(1, 2.0), (2, 1.0), (3, pytest.approx(2 / 3))]
    assert drawn.legend(panels["loss"].get_legend()) == ["loss", "dev loss"]
    deviation = np.sqrt([0, 0.125, 0.5 / 9])  # of 0.5 and 1, and of 1/3 and 2/3
    assert_allclose(
        [drawn.band(panels["loss"])[at] for at in (1.0, 2.0, 3.0)],
        [(mean - one, mean + one) for mean, one in zip((1, 0.75, 0.5), deviation, strict=True)],
    )
    scores = panels["dev scores"]
    assert drawn.lines(scores)["dev ua"] == [(1, 45), (2, 75), (3, 105)]
    assert_allclose(drawn.band(scores)[2.0], (75 - 50**0.5, 75 + 50**0.5))  # of 70 and 80
    # Both folds had the same gradient norm: there is no band.
    assert drawn.lines(panels["gradient norm"])["grad norm"] == [(1, 1), (2, 1), (3, 1)]
    assert not panels["gradient norm"].collections
    assert all(drawn.uprights(axes) == [2.0, 3.0] for axes in panels.values())


def test_curves_mark_the_epoch_each_fold_selected(make_run, history):
    found = curves.load_runs([Run(make_run(history=history))], OPTIONS)
    assert found.values["selected"] == {"run": [2.0, 3.0]}
    panels = found.values["curves_by_panel"]
    assert [curve.name for curve in panels["parts of the loss"]] == [
        "loss_emotion",
        "loss_speaker",
    ]


def test_the_only_part_of_a_loss_has_no_panel(make_run):
    rows = [{"epoch": 1.0, "loss": 2.0, "loss_emotion": 2.0}]
    found = curves.load_runs([Run(make_run(history=rows))], OPTIONS)
    assert list(found.values["curves_by_panel"]) == ["loss"]


@pytest.mark.filterwarnings("error:Attempt to set non-positive")
@pytest.mark.parametrize(
    ("small", "scale"),
    [
        ((0.02, 0.05, 0.01), "log"),
        ((0.0, 0.05, 0.01), "log"),
        ((1, 2, 1), "linear"),
        ((-0.02, -0.05, 0.01), "linear"),
    ],
)
def test_a_divergence_beside_the_loss_of_the_task_is_legible(make_run, drawn, small, scale):
    rows = [
        {"epoch": at + 1.0, "loss": 5.0, "loss_spans": 4.0 - at, "loss_rdrop": part}
        for at, part in enumerate(small)
    ]
    figure = curves.draw(**curves.load_runs([Run(make_run(history=rows))], OPTIONS).values)
    panels = {drawn.title(axes): axes for axes in figure.axes}
    parts = panels["parts of the loss"]
    assert parts.get_yscale() == scale
    assert drawn.lines(parts)["loss rdrop"] == list(enumerate(small, start=1))
    assert drawn.lines(parts)["loss spans"] == [(1, 4), (2, 3), (3, 2)]
    low, high = parts.get_ylim()
    shown = [value for value in small if value > 0]
    assert low < min(shown) and high > 4
    assert scale == "linear" or low > min(shown) / 3
    assert panels["loss"].get_yscale() == "linear"


def test_runs_that_differ_in_the_seed_alone_are_replicates(make_run, history, drawn):
    one = [row for row in history if row["fold"] == "fold-1"]
    two = [row for row in history if row["fold"] == "fold-2"]
    folders = [
        make_run(f"seed-{seed}", history=rows, config={"epochs": 3, "seed": seed})
        for seed, rows in enumerate((one, two))
    ]
    other = make_run("other", history=one, config={"epochs": 3, "seed": 0, "lr": 1.0})
    found = curves.load_runs([Run(folder) for folder in [*folders, other]], OPTIONS)
    counts = {(row["run"], row["n"]) for row in found.rows if row["name"] != "loss"}
    assert counts == {("seed-0", 2), ("other", 1)}
    assert "seed-0 (n = 2), other (n = 1), line: mean" in found.caption
    figure = curves.draw(**found.values)
    panels = {drawn.title(axes): axes for axes in figure.axes}
    ua = panels["dev ua"]
    lines = drawn.lines(ua)
    assert lines["seed-0"] == [(1, 45), (2, 75), (3, 105)]
    assert lines["other"] == [(1, 40), (2, 70), (3, 100)]
    assert drawn.uprights(ua) == [2.0, 3.0, 2.0]
    assert len(ua.collections) == 1  # one run alone has no band
    assert drawn.legend(figure.legends[0]) == ["seed-0", "other"]
    colours = {line.get_label(): line.get_color() for line in ua.lines}
    assert [line.get_color() for line in figure.legends[0].get_lines()] == [
        colours["seed-0"],
        colours["other"],
    ]


def test_an_ablation_is_drawn_by_variant(make_ablation, make_run, history, drawn):
    cells = [
        {"variant": name, "seed": seed, "state": state, "folder": f"{name}-{seed}"}
        for name, seed, state in (
            ("original", 0, "finished"),
            ("original", 1, "finished"),
            ("span", 0, "finished"),
            ("span", 1, "failed"),
        )
    ]
    folder = make_ablation([], cells)
    halves = [[row for row in history if row["fold"] == f"fold-{at}"] for at in (1, 2)]
    for cell in cells:
        settings = {"variant": cell["variant"], "seed": cell["seed"]}
        own = halves[cell["seed"]]
        make_run(f"ablation/{cell['folder']}", task="classification", config=settings, history=own)
    found = curves.load_ablation(open_sources([folder])[0], OPTIONS)
    assert "original (n = 2), span (n = 1)" in found.caption
    panels = {drawn.title(axes): axes for axes in curves.draw(**found.values).axes}
    lines = drawn.lines(panels["dev ua"])
    assert lines["original"] == [(1, 45), (2, 75), (3, 105)]
    assert lines["span"] == [(1, 40), (2, 70), (3, 100)]


def test_nothing_to_draw_is_a_reason(make_ablation, make_run, history):
    with pytest.raises(LeftOut, match="no training of the ablation"):
        curves.load_ablation(open_sources([make_ablation([], [])])[0], OPTIONS)
    with pytest.raises(LeftOut, match="no numbers"):
        curves.load_runs([Run(make_run(history=[{"epoch": 1.0}]))], OPTIONS)
    runs = [
        Run(make_run(f"r{at}", history=history, config={"lr": at / 10 + 0.1})) for at in range(9)
    ]
    with pytest.raises(LeftOut, match="9 groups of runs; 8"):
        curves.load_runs(runs, OPTIONS)
