"""Thresholds and the distribution of scores, against naive counts."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from nlpcl.analysis.figures import entity_scores
from nlpcl.analysis.figures.entity_cells import cells_of, some_features
from nlpcl.analysis.figures.kinds import LeftOut, Options
from nlpcl.metrics.spans import row_spans
from nlpcl.tasks.entities.windows import owner

OPTIONS = Options()
LONG = "我在家今天天气很好没有他" * 3


@pytest.fixture
def rows(mention):
    return [
        {"text": "我在家。", "entities": [mention(2, 3, "LOC")]},
        {"text": "今天天气很好。", "entities": [mention(0, 4, "TIME"), mention(0, 2, "LOC")]},
        {"text": LONG, "entities": [mention(3, 5, "TIME"), mention(15, 17, "TIME")]},
        {"text": "没有。", "entities": []},
    ]


@pytest.fixture(params=[False, True], ids=["nested", "flat"])
def run(entity_run, rows, request):
    thresholds = {"LOC": 0.5, "TIME": -0.75}
    return entity_run(rows, max_length=16, overlap=6, flat=request.param, thresholds=thresholds)


def test_scores_at_a_threshold_are_counted_one_by_one():
    scores = np.array([2.0, 1.0, 0.95, -1.0, -3.9])
    right = np.array([True, False, True, True, False])
    rows = entity_scores.threshold_rows(scores, right, 5, -4.0)
    assert [row["threshold"] for row in rows] == pytest.approx([-4 + at / 10 for at in range(61)])
    for row in rows:
        kept = [ok for score, ok in zip(scores, right, strict=True) if score > row["threshold"]]
        assert (row["hits"], row["predicted"]) == (sum(kept), len(kept))
        precision = 100 * sum(kept) / len(kept) if kept else None
        assert row["precision"] == (None if precision is None else pytest.approx(precision))
        assert row["recall"] == pytest.approx(20 * sum(kept))
        assert row["F1"] == pytest.approx(200 * sum(kept) / (len(kept) + 5))
    assert rows[-1]["predicted"] == 0
    assert [row["predicted"] for row in rows if row["threshold"] in (1.0, 0.9)] == [3, 1]


def test_thresholds_are_those_the_model_would_decide_by(run, rows, drawn):
    found = entity_scores.load_thresholds(run, OPTIONS)
    features = run.task.encode([{"text": row["text"]} for row in rows])
    listed, _ = run.task.infer(run.model, features, "fp32")
    texts = run.task.reader.joined(features, listed, len(rows))
    gold = [row_spans(row["entities"]) for row in rows]
    for row in found.rows[::7]:
        decided = run.task.decided(texts, threshold=row["threshold"], flat=run.task.flat)
        spans = [{one.span for one in part} for part in decided]
        assert row["predicted"] == sum(map(len, spans))
        assert row["hits"] == sum(len(a & b) for a, b in zip(spans, gold, strict=True))
        assert row["gold"] == 5
    assert len({row["predicted"] for row in found.rows}) > 5
    (axes,) = entity_scores.draw_thresholds(**found.values).axes
    assert drawn.uprights(axes) == [-0.75, 0.5]
    lines = drawn.lines(axes)
    for name in ("precision", "recall", "F1"):
        points = [(row["threshold"], row[name]) for row in found.rows]
        assert_allclose(np.array(lines[name]), np.array(points, float))


def test_the_caption_tells_the_scores_of_the_report(run):
    predictions = run.predictions
    hits = sum(len(row_spans(r["gold"]) & row_spans(r["entities"])) for r in predictions)
    number = sum(len(row["entities"]) for row in predictions)
    caption = entity_scores.load_thresholds(run, OPTIONS).caption
    assert "keeps spans above -4 alone" in caption
    assert "in use, TIME -0.75, LOC 0.50: " in caption
    assert f"precision {100 * hits / number:.1f}, recall {20 * hits:.1f}" in caption
    assert caption.endswith("n = 4 texts, test set; invented.")


def test_without_gold_or_candidates_there_are_no_thresholds(entity_run, rows):
    run = entity_run(rows)
    with torch.no_grad():
        run.model.head.projection.weight.zero_()
        run.model.head.projection.bias.fill_(10.0)
        run.model.head.projection.bias.view(2, 2, -1)[:, 1] *= -1
    with pytest.raises(LeftOut, match="no span a score above -4"):
        entity_scores.load_thresholds(run, OPTIONS)
    run.examples = rows[3:], [True]
    with pytest.raises(LeftOut, match="no test text has an entity"):
        entity_scores.load_thresholds(run, OPTIONS)


def naive_cells(run, rows):
    """Type, first and last character → score and whether it is gold, of every span once."""
    cells = {}
    names, size = run.task.decision.types, run.task.reader.size
    for number, row in enumerate(rows):
        for feature in run.task.encode([{"text": row["text"]}]):
            with torch.inference_mode():
                logits = run.model(**run.task.collate([feature])).logits[0]
            for kind, m, n in torch.isfinite(logits).nonzero().tolist():
                first, last = feature["first"] + m - 1, feature["first"] + n - 1
                if owner(first, last, feature["windows"], size) == feature["number"]:
                    is_gold = (first, last + 1, names[kind]) in row_spans(row["entities"])
                    key = number, names[kind], first, last
                    assert key not in cells
                    cells[key] = float(logits[kind, m, n]), is_gold
    return cells


def test_every_span_is_counted_once_with_its_score(run, rows):
    expected = naive_cells(run, rows)
    # Of 36 characters in windows of 14, the longest spans are in none.
    assert len(expected) < 2 * sum(len(r["text"]) * (len(r["text"]) + 1) // 2 for r in rows)
    found = entity_scores.load_distribution(run, OPTIONS)
    for row in found.rows:
        inside = [
            gold
            for (_, name, *_), (score, gold) in expected.items()
            if name == row["type"] and row["from"] <= score < row["to"]
        ]
        assert (row["gold"], row["others"]) == (sum(inside), len(inside) - sum(inside))
    assert sum(row["gold"] + row["others"] for row in found.rows) == len(expected)
    assert sum(row["gold"] for row in found.rows) == 5
    assert f"n = 5 and {len(expected) - 5}" in found.caption


def test_bins_hold_all_scores_and_none_lies_on_both_sides_of_0():
    for low, high in ((-19.7, 6.2), (-0.3, -0.1), (2.0, 2.0), (-0.9, 0.25), (-900.0, 100.0)):
        edges = entity_scores.bin_edges(low, high)
        assert edges[0] <= low and high < edges[-1]
        assert low - edges[0] < edges[1] - edges[0]
        assert 0 in edges or edges[0] > 0 or edges[-1] < 0
        assert len(edges) <= 63
        assert_allclose(np.diff(edges), edges[1] - edges[0])


def test_histograms_are_drawn_for_each_type(run, drawn):
    found = entity_scores.load_distribution(run, OPTIONS)
    figure = entity_scores.draw_distribution(**found.values)
    panels = {drawn.title(axes): axes for axes in figure.axes}
    assert list(panels) == ["TIME   3 gold", "LOC   2 gold"]
    for title, axes in panels.items():
        rows = [row for row in found.rows if row["type"] == title.split()[0]]
        others, _, gold, _ = (patch.get_data() for patch in axes.patches)
        assert_allclose(others.values, [row["others"] for row in rows])
        assert_allclose(gold.values, [row["gold"] for row in rows])
        assert_allclose(gold.edges[:-1], [row["from"] for row in rows])
        assert axes.get_yscale() == "log"
        assert axes.get_ylim()[1] > max(row["others"] for row in found.rows)
    assert [drawn.uprights(axes) for axes in panels.values()] == [[-0.75], [0.5]]
    assert drawn.legend(figure.legends[0]) == ["other spans", "gold entities"]


def test_texts_are_sampled_where_their_cells_are_too_many(entity_run, rows, monkeypatch):
    run = entity_run(rows)
    features, found = some_features(run, 10, 0)
    assert len(features) == len(found.examples) == 4 and not found.sampling
    monkeypatch.setattr("nlpcl.analysis.figures.entity_cells.MOST_CELLS", 1)
    features, found = some_features(run, 10, 0)
    assert len(features) == len(found.examples) == 1
    assert found.sampling == "A random sample of 1 of 4 items. "
    assert len(cells_of(run, features).scores) == len(features[0]["spans"]) * (
        len(features[0]["spans"]) + 1
    )
