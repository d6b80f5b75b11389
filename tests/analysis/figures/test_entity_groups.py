"""Entities by length, depth and training: the sums of single texts are those of the corpus."""

from __future__ import annotations

import json

import numpy as np
import pytest
from numpy.testing import assert_allclose

from nlpcl.analysis.figures import entity_groups
from nlpcl.analysis.figures.kinds import Options
from nlpcl.metrics.entity_groups import by_depth, by_length, by_seen
from nlpcl.metrics.measures import span_pairs
from nlpcl.runs.run import Run

OPTIONS = Options()


@pytest.fixture
def make(make_run, mention, tmp_path):
    """``make(data)`` → a run with nested entities, trained on a folder or on what is gone."""

    def row(number, gold, found):
        spans = [mention(*span, 0.9) for span in found]
        text = {"text": "北京大学在上海", "gold": [mention(*span) for span in gold]}
        return {"test": "t", "id": str(number), "windows": 1, "entities": spans} | text

    rows = [
        row(0, [(0, 2, "LOC"), (0, 4, "ORG"), (5, 7, "LOC")], [(0, 2, "LOC"), (0, 4, "ORG")]),
        row(1, [(0, 2, "LOC"), (0, 4, "ORG")], [(0, 2, "LOC"), (1, 3, "PER")]),
        row(2, [(5, 7, "LOC"), (5, 7, "ORG")], [(5, 7, "LOC"), (0, 7, "PER")]),
        row(3, [(0, 2, "LOC"), (0, 4, "ORG")], [(0, 2, "LOC")]),
    ]
    folder = tmp_path / "data"
    folder.mkdir()
    train = [{"text": "去上海", "entities": [mention(1, 3, "LOC")]}, {"text": "无", "entities": []}]
    for part in ("train", "dev", "test"):
        lines = [json.dumps(one | {"text": part[:2] + one["text"]}) + "\n" for one in train]
        moved = [line.replace('"start": 1, "end": 3', '"start": 3, "end": 5') for line in lines]
        (folder / f"{part}.jsonl").write_text("".join(moved), encoding="utf-8")

    def make(data=str(folder)):
        config = {"data": data, "seed": 0, "epochs": 1}
        return Run(make_run(task="entities", model="globalpointer", rows=rows, config=config))

    return make


def test_groups_have_the_scores_of_their_entities(make):
    run = make()
    found = entity_groups.load(run, OPTIONS)
    rows = {(row["by"], row["group"], row["score"]): row for row in found.rows}
    pairs = span_pairs(run.predictions)
    lengths = by_length(pairs)
    assert [group for by, group, _ in rows if by == "length"] == list(lengths) == ["2", "4", "5–7"]
    for group, score in lengths.items():
        row = rows["length", group, "F1"]
        assert row["value"] == pytest.approx(score.f1)
        assert (row["hits"], row["predicted"], row["gold"]) == (
            score.hits, score.predicted, score.gold,
        )  # fmt: skip
    # LOC and ORG at one place are two entities.
    assert (rows["length", "2", "F1"]["hits"], rows["length", "2", "F1"]["gold"]) == (4, 6)
    for depth, score in by_depth(pairs).items():
        recall, precision = (
            rows["depth", str(depth), "recall"],
            rows["depth", str(depth), "precision"],
        )
        assert recall["value"] == pytest.approx(100 * score.found / score.gold)
        assert precision["value"] == pytest.approx(100 * score.right / score.predicted)
    seen = by_seen(pairs, [row["text"] for row in run.predictions], {"上海"})
    assert seen["seen"].gold == 3
    for group, score in seen.items():
        assert rows["training", group, "F1"]["value"] == pytest.approx(score.f1)
        assert rows["training", group, "recall"]["value"] == pytest.approx(score.recall)
        assert rows["training", group, "precision"]["value"] == pytest.approx(score.precision)


def test_intervals_lie_around_values(make):
    rows = entity_groups.load(make(), OPTIONS).rows
    known = [row for row in rows if row["low"] is not None]
    assert all(row["low"] <= row["value"] <= row["high"] for row in known)
    assert {(row["by"], row["score"]) for row in known} >= {("length", "F1"), ("depth", "recall")}


def test_training_data_that_are_gone_cost_their_panel_alone(make, drawn):
    run = make("/nowhere/train.jsonl")
    found = entity_groups.load(run, OPTIONS)
    assert {row["by"] for row in found.rows} == {"length", "depth"}
    assert "its data are not at hand" in found.caption
    axes = entity_groups.draw(**found.values).axes
    assert [one.get_xlabel() for one in axes] == ["characters of the entity", "depth of nesting"]


def test_bars_stand_above_their_groups(make, drawn):
    found = entity_groups.load(make(), OPTIONS)
    figure = entity_groups.draw(**found.values)
    lengths, depths, training = figure.axes
    assert drawn.ticks(lengths.xaxis) == ["2\n6 / 5", "4\n3 / 1", "5–7\n0 / 1"]
    assert_allclose(drawn.bars(lengths), [[(0, 800 / 11), (1, 50), (2, 0)]])
    precision, recall = drawn.bars(depths)
    values = {(r["group"], r["score"]): r["value"] for r in found.rows if r["by"] == "depth"}
    assert_allclose([y for _, y in precision], [values["0", "precision"], values["1", "precision"]])
    assert_allclose([y for _, y in recall], [values["0", "recall"], values["1", "recall"]])
    assert len(drawn.bars(training)) == 3
    assert drawn.legend(figure.legends[0]) == ["F1", "precision", "recall"]


def test_a_score_that_is_undefined_has_a_gap(drawn):
    row = {"by": "length", "group": "2", "score": "F1", "value": 50.0, "low": None, "high": None}
    gap = row | {"by": "depth", "score": "precision", "value": None}
    rows = [row, gap, gap | {"score": "recall", "value": 10.0}, gap | {"group": "1"}]
    rows = [one | {"gold": 1, "predicted": 0} for one in rows]
    depths = entity_groups.draw(rows).axes[1]
    heights = [[height for _, height in bars] for bars in drawn.bars(depths)]
    assert_allclose(heights[0], [np.nan, np.nan])
    assert heights[1] == [10.0]


def test_without_nested_entities_depths_are_not_drawn():
    row = {"by": "length", "group": "2", "score": "F1", "value": 50.0, "low": 40.0, "high": 60.0}
    row |= {"gold": 1, "predicted": 1}
    flat = row | {"by": "depth", "group": "0", "score": "recall"}
    assert len(entity_groups.draw([row, flat]).axes) == 1
    assert len(entity_groups.draw([row, flat, flat | {"group": "1"}]).axes) == 2
