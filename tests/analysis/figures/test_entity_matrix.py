"""The span scores of a sentence: which one is shown, and that its cells are the model's."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from matplotlib.patches import Rectangle
from numpy.testing import assert_allclose

from nlpcl.analysis.figures import entity_matrix
from nlpcl.analysis.figures.kinds import LeftOut, Options

OPTIONS = Options()
NESTED = "今天天气很好。"


@pytest.fixture
def rows(mention):
    return [
        {"id": "flat", "text": "我在家他在家。", "entities": [
            mention(2, 3, "LOC"), mention(5, 6, "LOC"), mention(0, 1, "PER"), mention(3, 4, "PER"),
        ]},
        {"id": "nested", "text": NESTED, "entities": [
            mention(0, 4, "TIME"), mention(0, 2, "LOC"),
        ]},
        {"id": "long", "text": "今天天气很好。" * 4, "entities": [
            mention(0, 4, "TIME"), mention(0, 2, "LOC"), mention(7, 9, "LOC"),
        ]},
    ]  # fmt: skip


@pytest.fixture
def run(entity_run, rows):
    return entity_run(rows)


def test_a_short_sentence_with_nested_entities_is_chosen(run, rows):
    found = entity_matrix.load(run, OPTIONS)
    assert "nested; invented" in found.caption
    assert found.values["starts"] == found.values["ends"] == list(NESTED)
    run.examples = [rows[0]], [True]
    assert entity_matrix.load(run, OPTIONS).values["starts"] == list(rows[0]["text"])
    run.examples = [rows[2]], [True]
    with pytest.raises(LeftOut, match="longer than 22 tokens"):
        entity_matrix.load(run, OPTIONS)
    run.examples = [{"text": "没有。", "entities": []}], [True]
    with pytest.raises(LeftOut, match="no test text has an entity"):
        entity_matrix.load(run, OPTIONS)


def test_of_equal_sentences_that_with_more_types_then_the_shorter_one(mention):
    def pair(text, *spans):
        return {"text": text, "entities": [mention(*span) for span in spans]}, {
            "labels": spans, "spans": list(text),
        }  # fmt: skip

    pairs = [
        pair("一" * 9, (0, 1, "A"), (2, 3, "A")),
        pair("二" * 9, (0, 1, "A"), (2, 3, "B")),
        pair("三" * 8, (0, 1, "A"), (2, 3, "B")),
        pair("四" * 3, (0, 1, "A")),
    ]
    example, _ = entity_matrix.chosen(*zip(*pairs, strict=True))
    assert example["text"] == "三" * 8


def test_cells_are_the_models_scores(run):
    found = entity_matrix.load(run, OPTIONS)
    features = run.task.encode([{"text": NESTED}])
    with torch.inference_mode():
        logits = run.model(**run.task.collate(features)).logits[0]
    names = run.task.decision.types
    expected = {}
    for kind, name in enumerate(names):
        for first in range(len(NESTED)):
            for last in range(first, len(NESTED)):
                expected[name, first, last + 1] = float(logits[kind, first + 1, last + 1])
    assert {(r["type"], r["start"], r["end"]): r["score"] for r in found.rows} == pytest.approx(
        expected, abs=1e-5
    )
    assert all(row["text"] == NESTED[row["start"] : row["end"]] for row in found.rows)
    gold = {(r["start"], r["end"], r["type"]) for r in found.rows if r["gold"]}
    assert gold == {(0, 4, "TIME"), (0, 2, "LOC")}
    assert {row["predicted"] for row in found.rows} == {False, True}
    assert all(row["predicted"] == (row["score"] > 0) for row in found.rows)
    assert [matrix.type for matrix in found.values["matrices"]][-1] == "PER"  # it has none here
    for matrix in found.values["matrices"]:
        assert np.isnan(matrix.scores[np.tril_indices(len(NESTED), -1)]).all()
        for first, last in np.argwhere(np.isfinite(matrix.scores)):
            assert matrix.scores[first, last] == pytest.approx(
                expected[matrix.type, first, last + 1], abs=1e-5
            )


def test_gold_cells_are_framed_and_predicted_ones_dotted(run, drawn):
    found = entity_matrix.load(run, OPTIONS)
    axes = entity_matrix.draw(**found.values).axes
    for one, matrix in zip(axes, found.values["matrices"], strict=False):
        assert drawn.title(one) == matrix.type
        (image,) = one.images
        assert_allclose(np.ma.filled(image.get_array(), np.nan), matrix.scores)
        assert image.norm(0.0) == 0.5  # the middle of the colours
        frames = {tuple(np.add(p.get_xy(), 0.5)) for p in one.patches if isinstance(p, Rectangle)}
        assert frames == {
            (row["end"] - 1, row["start"])
            for row in found.rows
            if row["type"] == matrix.type and row["gold"]
        }
        dots = {tuple(point) for points in drawn.points(one) for point in points.tolist()}
        assert dots == {
            (row["end"] - 1, row["start"])
            for row in found.rows
            if row["type"] == matrix.type and row["predicted"]
        }
        assert drawn.ticks(one.xaxis) == drawn.ticks(one.yaxis) == list(NESTED)


def test_of_many_types_those_with_entities_are_shown(entity_run, mention):
    others = [
        {"id": f"o{at}", "text": "他" * 30, "entities": [mention(at, at + 1, f"type-{at}")] * 2}
        for at in range(8)
    ]
    row = {"id": "shown", "text": "我在家", "entities": [mention(2, 3, "LOC")]}
    run = entity_run([*others, row], thresholds={f"type-{at}": 99.0 for at in range(8)})
    found = entity_matrix.load(run, OPTIONS)
    types = [matrix.type for matrix in found.values["matrices"]]
    assert types[0] == "LOC" and len(types) == 6
    assert "3 further types without an entity here are not shown" in found.caption
    assert {row["type"] for row in found.rows} == set(types)


def test_tokens_that_share_a_character_are_one_row(entity_run, mention, monkeypatch):
    run = entity_run([{"id": "a", "text": "我在家", "entities": [mention(2, 3, "LOC")]}])
    read = run.task.reader.read

    def with_mark(texts):
        """A mark of the beginning stands for the first character too."""
        for offsets in read(texts):
            offsets.ids.insert(0, offsets.ids[0])
            offsets.spans.insert(0, offsets.spans[0])
            offsets.starts[:] = [True, False, *offsets.starts[1:]]
            offsets.ends[:] = [False, *offsets.ends]
            yield offsets

    monkeypatch.setattr(run.task.reader, "read", lambda texts: list(with_mark(texts)))
    found = entity_matrix.load(run, OPTIONS)
    assert found.values["starts"] == found.values["ends"] == ["我", "在", "家"]
    assert [matrix.gold for matrix in found.values["matrices"]] == [[(2, 2)]]
    assert len(found.rows) == 6
