"""Spans near the threshold in two passes with dropout."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from nlpcl.analysis.figures import entity_stability as stability
from nlpcl.analysis.figures import making
from nlpcl.analysis.figures.kinds import LeftOut, Options
from nlpcl.analysis.figures.sources import open_sources

OPTIONS = Options()


@pytest.fixture
def rows(mention):
    return [
        {"text": "我在家今天天气很好。", "entities": [mention(2, 3, "LOC")]},
        {"text": "今天天气很好。", "entities": [mention(0, 4, "TIME"), mention(0, 2, "LOC")]},
    ]


def passes(name="run", score=(), first=(), second=()):
    arrays = (np.array(part, float) for part in (score, first, second))
    return stability.Passes(name, "invented", 2, *arrays)


def test_a_decision_differs_where_one_pass_alone_is_above_the_threshold():
    one = passes(
        score=[0.5, 0.25, -0.5, 3.0, -0.1],
        first=[0.5, -0.5, -1.0, 2.0, 0.0],
        second=[1.5, 0.25, 0.5, 2.5, -0.2],
    )
    change, flips = stability.changes(one)
    assert_allclose(change, [1, 0.75, 1.5, 0.5, 0.2])
    assert flips.tolist() == [False, True, True, False, False]
    rows = {row["from"]: row for row in stability.bins_of(one) if row["spans"]}
    assert list(rows) == [-1, 0, 3]
    assert [rows[0][key] for key in ("to", "spans", "differ", "differ (%)")] == [1, 2, 1, 50]
    assert rows[0]["mean change"] == pytest.approx(0.875)
    assert (rows[-1]["spans"], rows[-1]["mean change"]) == (2, pytest.approx(0.85))


def test_spans_are_those_near_the_threshold_of_their_type(entity_run, rows):
    run = entity_run(rows, thresholds={"LOC": 1.0, "TIME": -2.0})
    one = stability.passes_of(run, 0)
    expected = []
    for row in rows:
        with torch.inference_mode():
            logits = run.model(**run.task.collate(run.task.encode([{"text": row["text"]}]))).logits
        limits = torch.tensor([run.task.decision.threshold(at) for at in range(2)])
        near = (logits[0] - limits[:, None, None]).flatten()
        expected += [value for value in near.tolist() if abs(value) < stability.REACH]
    assert_allclose(sorted(one.score), sorted(expected), atol=1e-5)
    assert run.task.decision.types == ["LOC", "TIME"]
    # Both passes drop out, each its own; the draws are the same whenever the figure is drawn.
    assert (one.first != one.second).all() and (one.first != one.score).all()
    again = stability.passes_of(run, 0)
    assert_allclose(again.first, one.first)
    assert_allclose(again.second, one.second)
    assert not run.model.training


def test_runs_are_drawn_beside_one_another(entity_run, rows, drawn):
    runs = [entity_run(rows, name=name) for name in ("plain", "rdrop")]
    lost = SimpleNamespace(name="lost", has_model=False)
    found = stability.load_runs([*runs, lost], OPTIONS)
    assert "Without a model: lost." in found.caption
    assert "plain: 2 texts" in found.caption and "rdrop: 2 texts" in found.caption
    change, differ, spans = stability.draw(**found.values).axes
    for axes, key in ((change, "mean change"), (differ, "differ (%)"), (spans, "spans")):
        for name in ("plain", "rdrop"):
            own = [row for row in found.rows if row["run"] == name]
            shown = [row[key] if row["spans"] >= 5 else np.nan for row in own]
            points = [(row["from"] + 0.5, value) for row, value in zip(own, shown, strict=True)]
            assert_allclose(drawn.lines(axes)[name], np.array(points, float))
    assert spans.get_yscale() == "log"
    assert drawn.legend(change.figure.legends[0]) == ["plain", "rdrop"]


def test_what_says_nothing_is_left_out(entity_run, rows):
    with pytest.raises(LeftOut, match="have no dropout"):
        stability.load_runs([entity_run(rows, dropout=0.0)], OPTIONS)
    with pytest.raises(LeftOut, match="hardly any span"):
        stability.compared([passes(score=[0.5], first=[0.1], second=[0.2])], "")
    many = [SimpleNamespace(name=str(at), has_model=True) for at in range(9)]
    with pytest.raises(LeftOut, match="9 runs; 8"):
        stability.load_runs(many, OPTIONS)


def test_of_each_variant_the_first_training_is_drawn(make_ablation, monkeypatch):
    def cell(name, seed, has_model=True):
        return SimpleNamespace(name=name, seed=seed, has_model=has_model)

    cells = [cell("span", 0), cell("original", 0, False), cell("original", 1), cell("span", 1)]
    ablation = open_sources([make_ablation([], [])])[0]
    monkeypatch.setattr(type(ablation), "cells", lambda self: cells)
    seen = []

    def looked_at(run, seed):
        seen.append((run.name, run.seed))
        near = np.linspace(-0.9, 0.9, 20)
        return passes(run.name, near, near + 0.5, near)

    monkeypatch.setattr(stability, "passes_of", looked_at)
    found = stability.load_ablation(ablation, OPTIONS)
    assert seen == [("original", 1), ("span", 0)]
    assert list(dict.fromkeys(row["run"] for row in found.rows)) == ["original", "span"]
    cells[:] = [cell("span", 0, False)]
    with pytest.raises(LeftOut, match="has left a model"):
        stability.load_ablation(ablation, OPTIONS)


def test_ablations_of_other_tasks_and_runs_without_a_model_say_why(make_ablation, make_run):
    folder = make_ablation([], [])
    reasons = {name: reason for _, name, _, reason in making.listing(open_sources([folder]))}
    assert reasons["borderline"] == "it is for runs of entities"
    record = json.loads((folder / "ablation.json").read_text())
    (folder / "ablation.json").write_text(json.dumps(record | {"task": "entities"}))
    (row,) = (row for row in making.listing(open_sources([folder])) if row[1] == "borderline")
    assert row[2:] == (True, "")
    run = make_run(task="entities", model="globalpointer")
    (row,) = (row for row in making.listing(open_sources([run])) if row[1] == "borderline")
    assert row[2:] == (False, "no run holds a model")
