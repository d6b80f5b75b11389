"""Entities end to end on a tiny random encoder: windows, thresholds, predictions, reports."""

from __future__ import annotations

import dataclasses
from itertools import pairwise
from typing import Any

import pytest
import torch

from nlpcl import zoo
from nlpcl.core.errors import UserError
from nlpcl.core.splits import Splits
from nlpcl.nn.devices import choose_machine
from nlpcl.runs.build import Built, build
from nlpcl.runs.predictor import Predictor
from nlpcl.tasks.entities.calibration import Decision, best_threshold
from nlpcl.tasks.entities.windows import owner
from nlpcl.tasks.protocol import new_notes

TRAIN = [
    {"text": "我在家。", "entities": [{"start": 2, "end": 3, "type": "LOC"}]},
    {
        "text": "今天天气很好。",
        "entities": [{"start": 0, "end": 4, "type": "TIME"}, {"start": 0, "end": 2, "type": "LOC"}],
    },
    {"text": "没有。", "entities": []},
    {"text": "他在家", "entities": [{"start": 2, "end": 3, "type": "LOC"}]},
]


@pytest.fixture
def made(tiny_encoder):
    """``made(flat=True)`` → a model that was not trained, its task and its rows."""

    def make(**options: Any) -> Built:
        entry = zoo.entry("globalpointer")
        config = entry.config_class(backbone=str(tiny_encoder("bert", 0.1)), **options).check()
        splits = Splits("invented", train=TRAIN)
        built = build(entry, config, splits, choose_machine("cpu", "fp32"))
        built.model.eval()
        return built

    return make


def predictor(built: Built) -> Predictor:
    return Predictor(built.model, built.task, zoo.entry("globalpointer").task, "fp32", "tiny")


def test_types_are_ordered_by_how_many_there_are(made):
    assert made().task.decision.types == ["LOC", "TIME"]
    with pytest.raises(UserError, match="none of 1 training rows has an entity"):
        rows = Splits("none", train=[TRAIN[2]])
        type(made().task).facts(rows, made().task.config)


def test_labels_are_the_cells_of_the_entities(made):
    built = made()
    batch = built.task.collate(built.rows)
    assert batch["labels"].tolist()[1] == [[1, 1, 4], [0, 1, 2]]
    assert batch["labels"].tolist()[2] == [[-1] * 3] * 2
    logits = built.model(**batch).logits
    assert logits.shape == (4, 2, 9, 9)
    assert torch.isfinite(logits[1, 1, 1, 4]) and not torch.isfinite(logits[1, 1, 0, 4])


def test_windows_are_merged_exactly(made):
    built = made(max_length=16, overlap=6)
    task, model = built.task, built.model
    text = "我在家今天天气很好没有他" * 4
    features = task.encode([{"text": text}])
    assert len(features) > 4
    found, _ = task.infer(model, features, "fp32")
    (joined,) = task.reader.joined(features, found, 1)
    expected = {}
    with torch.inference_mode():
        for number, feature in enumerate(features):
            alone = model(**task.collate([feature])).logits[0]
            for kind, m, n in (alone > -4).nonzero().tolist():
                first, last = feature["first"] + m - 1, feature["first"] + n - 1
                if owner(first, last, feature["windows"], task.reader.size) == number:
                    expected[first, last + 1, kind] = float(alone[kind, m, n])
    ours = {(start, end, one.type): one.score for start, end, one in joined}
    # Every window lists its best spans alone; here these are all but a few.
    assert len(ours) == len(joined) and set(ours) <= set(expected)
    for key, score in ours.items():
        assert score == pytest.approx(expected[key], abs=1e-5)


def test_a_text_that_fits_has_one_window(made):
    task = made(max_length=16, overlap=6).task
    assert len(task.encode([{"text": "我" * 14}])) == 1
    assert len(task.encode([{"text": "我" * 15}])) == 2
    assert len(task.encode([{"text": ""}, {"text": " \n"}])) == 2


def test_long_texts_are_counted_or_refused(made):
    opened = predictor(made(max_length=16, overlap=6))
    notes = new_notes()
    rows = list(opened.stream(["我在家", "我" * 40], notes=notes))
    assert [row["windows"] for row in rows] == [1, 5]
    (remark,) = opened.task.remarks(notes)
    assert remark.startswith("1 of 2 text is longer than 14 tokens")
    with pytest.raises(UserError, match="text 2 has 40 tokens, and the model reads 14"):
        list(opened.stream(["我在家", "我" * 40], on_long="error"))


def test_predictions_are_spans_of_the_text(made):
    opened = predictor(made())
    texts = ["  我 在\t家e\u0301👨\u200d👩😀 Ann's", "", "\ud800我", "x" * 300]
    for text, row in zip(texts, opened.stream(texts, threshold=-4.0), strict=True):
        assert row["text"] == text
        for one in row["entities"]:
            assert text[one["start"] : one["end"]] == one["text"] != ""
            assert one["text"] == one["text"].strip()
            assert one["score"] > -4 and 0 <= one["probability"] <= 1


@pytest.mark.parametrize(("trained", "asked"), [(False, True), (True, None), (True, False)])
def test_flat_is_as_asked_or_else_as_in_training(made, trained, asked):
    opened = predictor(made(flat=trained))
    given = {} if asked is None else {"flat": asked}
    (row,) = opened.stream(["我在家 Ann's"], threshold=-4.0, **given)
    pairs = pairwise(row["entities"])
    is_flat = all(one["end"] <= following["start"] for one, following in pairs)
    assert is_flat == (trained if asked is None else asked)


def test_batches_hold_few_span_matrices(made):
    task = made(max_length=512).task
    long = [{"input_ids": [0] * 512}]
    assert task.batch_tokens(long) <= 1 << 23
    types = [
        {"text": "我在家", "entities": [{"start": 0, "end": 1, "type": f"T{n}"}]} for n in range(60)
    ]
    entry = zoo.entry("globalpointer")
    many = build(
        entry, task.config, Splits("many", train=types), choose_machine("cpu", "fp32")
    ).task
    assert many.batch_tokens(long) == 512  # one matrix of 60 types is enough


def test_what_tokens_cannot_express_stays_missed_and_is_listed(made):
    built = made(max_length=16, overlap=2)
    rows = [
        {"text": "我 在家", "entities": [{"start": 0, "end": 2, "type": "LOC"}]},  # ends in a blank
        {"text": "我" * 30, "entities": [{"start": 0, "end": 20, "type": "LOC"}]},  # in no window
        {"text": "我在家", "entities": [{"start": 2, "end": 3, "type": "ELSE"}]},
    ]
    assert [span for _, span in built.task.reader.unexpressed(rows)] == [
        (0, 2, "LOC"),
        (0, 20, "LOC"),
    ]
    report, predictions = built.task.evaluate(built.model, rows, "fp32", "test")
    assert report.metrics["n_gold"] == 3 and report.metrics["n_unexpressed"] == 2
    assert report.metrics["recall"] == 0
    tables = {table.name: table for table in report.tables}
    assert len(tables["unexpressed"].rows) == 2
    assert any("ELSE" in str(row[0]) for row in tables["texts"].rows)
    assert predictions[2]["gold"] == [{"start": 2, "end": 3, "type": "ELSE"}]


def test_probabilities_and_thresholds_are_fitted_on_dev(made, monkeypatch):
    built = made(tune_threshold=True)
    task = built.task
    rows = [{**TRAIN[0], "text": f"我在家{'。' * (n % 5)}"} for n in range(40)]
    features = task.encode(rows)
    scores = torch.linspace(-3, 3, 40).tolist()

    def invented(model: Any, given: Any, precision: str) -> Any:
        # Right and wrong spans, of which those above 1 alone are mostly right.
        found = [
            [(0, 3, 3, scores[n]), (0, 1, 1, scores[n] - 2), (0, 1, 2, 0.5)] for n in range(40)
        ]
        from nlpcl.tasks.entities.decoding import Candidate

        return [[Candidate(*one) for one in listed] for listed in found], {"loss": 1.0}

    monkeypatch.setattr(type(task), "infer", lambda self, *given: invented(*given))
    task.after_training(built.model, features, "fp32")
    decision = task.decision
    every = [*scores, *(score - 2 for score in scores), *[0.5] * 40]
    expected = best_threshold(every, [True] * 40 + [False] * 80, 40)
    assert decision.thresholds["LOC"] == pytest.approx(expected) and expected > 0.5
    assert decision.slope != 1.0
    assert Decision.of_model(built.model.config) == decision
    predicted = task.decided(task.reader.joined(features, invented(0, 0, "")[0], 40))
    assert all(one.score > decision.thresholds[one.type] for found in predicted for one in found)


def test_agreement_of_two_passes_needs_dropout(made, tiny_encoder):
    splits = Splits("invented", train=TRAIN, test={"invented": TRAIN})
    built = made()
    entry = zoo.entry("globalpointer")
    config = dataclasses.replace(built.task.config, backbone=str(tiny_encoder("bert", 0.0)))
    still = build(entry, config, splits, choose_machine("cpu", "fp32"))
    for one in (built, still):
        with torch.no_grad():
            one.model.head.projection.weight *= 30  # far from 0, so that masks matter
    before = torch.get_rng_state()
    dropped = built.task.examine(built.model, splits, "fp32").metrics
    assert torch.equal(before, torch.get_rng_state())
    assert dropped == built.task.examine(built.model, splits, "fp32").metrics
    assert dropped["consistency"] < 100
    assert still.task.examine(still.model, splits, "fp32").metrics["consistency"] == 100
    assert not built.model.training


def test_gold_types_of_another_name_are_missed_and_told_with_the_remedy(made):
    rows = [TRAIN[0], {"text": "我在家", "entities": [{"start": 2, "end": 3, "type": "Ort"}]}]
    built = made()
    report, _ = built.task.evaluate(built.model, rows, "fp32", "")
    (table,) = (one for one in report.tables if one.name == "texts")
    assert table.rows[-1] == ["gold types that the model does not know, missed: Ort", 1]
    assert table.note.startswith("It knows LOC, TIME. nlpcl eval --map-types OLD=NEW")
    assert report.metrics["n_gold"] == 2
    (plain,) = (
        one
        for one in built.task.evaluate(built.model, rows[:1], "fp32", "")[0].tables
        if one.name == "texts"
    )
    assert len(plain.rows) == len(table.rows) - 1 and not plain.note


def test_packed_windows_hold_the_same_tokens_and_entities(made):
    built = made(max_length=20)
    rows = [*TRAIN, {"text": "天" * 18, "entities": [{"start": 17, "end": 18, "type": "LOC"}]}] * 2
    features = built.task.encode(rows)
    packed = built.task.reader.packed(features)
    # 4 + 7 + 3 tokens, and 3 in the one behind them, where 18 more do not fit.
    assert [len(one["input_ids"]) - 2 for one in packed] == [17, 18, 17, 18]

    def inner(some, name):
        return [value for one in some for value in one[name][1:-1]]

    def entities(some):
        return [
            (kind, one["input_ids"][begin : end + 1])
            for one in some
            for kind, begin, end in one["labels"]
        ]

    for name in ("input_ids", "starts", "ends"):
        assert inner(packed, name) == inner(features, name)
    for one in packed:
        assert one["input_ids"][0] == features[0]["input_ids"][0]
        assert one["input_ids"][-1] == features[0]["input_ids"][-1]
        assert not one["starts"][0] and not one["ends"][-1]
    assert entities(packed) == entities(features)
    assert features == built.task.encode(rows)  # as they were


def test_batches_are_packed_as_often_as_asked_and_alike_in_each_run(made):
    def widths(task, epoch):
        task.set_epoch(epoch)
        features = task.encode(TRAIN)
        orders = [features[at:] + features[:at] for at in range(4)]
        return [len(task.collate_training(some)["input_ids"]) for some in orders]

    assert {*widths(made(pack=0.0).task, 0)} == {4}
    assert {*widths(made(pack=1.0).task, 0)} == {1}
    drawn = [widths(made().task, epoch) for epoch in range(6)]
    assert {width for row in drawn for width in row} == {1, 4}
    assert len({tuple(row) for row in drawn}) > 2
    assert drawn == [widths(made().task, epoch) for epoch in range(6)]
    assert drawn != [widths(made(seed=1).task, epoch) for epoch in range(6)]
