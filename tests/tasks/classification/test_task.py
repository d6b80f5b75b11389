"""Classification of texts with a tiny stand-in for the zoo's models."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as referee
from torch import nn

from nlpcl.core.errors import UserError
from nlpcl.nn.model import Output, Part, ZooModel, weighted_sum
from nlpcl.tasks.classification.config import ClassifyOptions
from nlpcl.tasks.classification.task import Classification
from nlpcl.tasks.protocol import new_notes
from nlpcl.text.encoders import load_text_encoder
from nlpcl.zoo.asrm.config import Config

LABELS = ("hateful", "normal")
EXAMPLES = [
    {"id": "1", "text": "我今天在家做饭", "label": "normal", "targets": ["a", "b"], "group": "x"},
    {"id": "2", "text": "他的朋友坐车去学校，" * 20, "label": "hateful", "targets": ["a"]},
    {"id": "3", "text": "好", "label": "hateful", "language": "zh", "group": "x"},
    {"id": "4", "text": "abc xyz", "label": "normal", "language": "en", "topic": "t", "file": "f"},
    {"id": "5", "text": "", "label": "normal", "targets": ["b"]},
    {"id": "6", "text": "妈妈 听到这个 好消息", "label": "hateful", "targets": ["b"]},
]


class Averaging(ZooModel):
    """Averages embeddings."""

    name = "averaging-test"

    def __init__(self, config):
        super().__init__(config)
        self.embedding = nn.Embedding(config.words, 8)
        self.head = nn.Linear(8, len(config.id2label))
        self.backbone = SimpleNamespace(
            config=SimpleNamespace(max_position_embeddings=66, model_type="bert")
        )
        self.post_init()

    def forward(self, input_ids, attention_mask, labels=None):
        mask = attention_mask.unsqueeze(-1)
        logits = self.head((self.embedding(input_ids) * mask).sum(1) / mask.sum(1))
        if labels is None:
            return Output(logits=logits)
        known = labels != -100
        loss = nn.functional.cross_entropy(logits[known], labels[known], reduction="sum")
        parts = {"ce": Part(loss, known.sum())}
        return Output(loss=weighted_sum(parts), logits=logits, parts=parts)


@pytest.fixture(scope="module")
def tokenizer(tiny_encoder):
    from transformers import AutoModelForMaskedLM

    return load_text_encoder(str(tiny_encoder()), AutoModelForMaskedLM)[1]


def made(words, labels=LABELS, seed=0, **saved):
    torch.manual_seed(seed)
    config = Averaging.config_class(words=words, id2label=dict(enumerate(labels)), **saved)
    return Averaging(config).eval()


@pytest.fixture(scope="module")
def model(tokenizer):
    return made(len(tokenizer))


@pytest.fixture(scope="module")
def task(tokenizer, model):
    return opened_task(tokenizer, model)


def opened_task(tokenizer, model, **settings):
    return Classification(tokenizer, Config(max_length=32, **settings), model.config)


def answered(task, model, texts, notes=None, **options):
    chosen = ClassifyOptions(**options)
    notes = new_notes() if notes is None else notes
    return task.stream(model, texts, precision="fp32", options=chosen, notes=notes)


def evaluate(task, model, examples=EXAMPLES):
    return task.evaluate(model, examples, "fp32", "title")


def test_one_text_is_one_feature_and_a_long_one_is_cut(task, tokenizer):
    features = task.encode(EXAMPLES)
    assert [feature["row"] for feature in features] == list(range(6))
    assert [feature["is_truncated"] for feature in features] == [False, True, *[False] * 4]
    assert [feature["is_empty"] for feature in features] == [*[False] * 4, True, False]
    assert [feature["label"] for feature in features] == [1, 0, 0, 1, 1, 0]
    for feature, example in zip(features, EXAMPLES, strict=True):
        wanted = tokenizer(example["text"], truncation=True, max_length=32)["input_ids"]
        assert feature["input_ids"] == wanted
        assert feature["length"] == len(wanted)


@pytest.mark.parametrize("text", ["我在家里做饭" * 20_000, "abc " * 25_000, "😀" * 100_000])
def test_a_huge_text_takes_no_time(task, model, text, cpu_seconds):
    assert cpu_seconds(lambda: list(answered(task, model, [text]))) < 2
    (row,) = answered(task, model, [text])
    assert row["is_truncated"] or row["text"].startswith("😀")
    assert row["label"] in LABELS


def test_batches_are_padded_and_unknown_classes_ignored(task):
    rows = task.encode([*EXAMPLES[2:4], {"text": "好", "label": "unheard of"}])
    batch = task.collate(rows)
    width = max(len(row["input_ids"]) for row in rows)
    assert batch["input_ids"].shape == batch["attention_mask"].shape == (3, width)
    assert batch["attention_mask"].sum(1).tolist() == [row["length"] for row in rows]
    assert batch["labels"].tolist() == [0, 1, -100]
    assert "labels" not in task.collate(task.encode([{"text": "好"}]))


def test_an_encoder_that_knows_no_token_is_refused(task):
    task.begin(EXAMPLES)
    task.begin([])
    with pytest.raises(UserError, match="unknown to it"):
        task.begin([{"text": "😀 😀 😀 😀 😀 😀"}])


def test_dev_scores_select_by_macro_f1_then_loss(task, model):
    features = task.encode(EXAMPLES)
    scores = task.dev_scores(model, features, "fp32")
    batch = task.collate(features)
    output = model(**batch)
    predicted = output.logits.argmax(-1)
    assert scores["loss"] == pytest.approx(float(output.loss.detach()), rel=1e-5)
    wanted = 100 * referee.f1_score(batch["labels"], predicted, average="macro")
    assert scores["macro_f1"] == pytest.approx(wanted)
    assert scores["selection"] == pytest.approx(wanted - scores["loss"] / 1000)
    with pytest.raises(UserError, match="no row has one of the classes hateful, normal"):
        task.dev_scores(model, task.encode([{"text": "a", "label": "x"}]), "fp32")


def test_a_threshold_is_chosen_saved_and_used(tokenizer, tmp_path):
    model = made(len(tokenizer))
    with torch.no_grad():
        model.head.bias[1] += 5.0  # without a threshold everything is normal
    task = opened_task(tokenizer, model)
    tuning = opened_task(tokenizer, model, tune_threshold=True)
    features = task.encode(EXAMPLES)
    plain = task.dev_scores(model, features, "fp32")
    tuned = tuning.dev_scores(model, features, "fp32")
    assert "threshold" not in plain
    assert tuned["macro_f1"] > plain["macro_f1"]
    task.after_training(model, features, "fp32")
    assert getattr(model.config, "threshold", None) is None
    tuning.after_training(model, features, "fp32")
    model.save_pretrained(tmp_path)
    opened = Averaging.from_pretrained(tmp_path).eval()
    assert opened.config.threshold == tuned["threshold"]
    assert opened.config.positive_label == "hateful"
    report, rows = evaluate(opened_task(tokenizer, opened), opened)
    assert report.metrics["macro_f1"] == pytest.approx(tuned["macro_f1"])
    assert report.metrics["threshold"] == tuned["threshold"]
    for row in rows:
        assert (row["label"] == "hateful") == (
            row["probabilities"]["hateful"] >= tuned["threshold"]
        )
    streamed = list(answered(task, opened, [row["text"] for row in EXAMPLES]))
    for row, answer in zip(rows, streamed, strict=True):
        assert answer["label"] == (row["label"] if row["text"] else None)


def test_three_classes_never_have_a_threshold(tokenizer):
    model = made(len(tokenizer), ("hate", "normal", "offensive"))
    task = opened_task(tokenizer, model, tune_threshold=True)
    rows = [{**row, "label": row["label"].removesuffix("ful")} for row in EXAMPLES]
    assert "threshold" not in task.dev_scores(model, task.encode(rows), "fp32")
    task.after_training(model, task.encode(rows), "fp32")
    assert getattr(model.config, "threshold", None) is None


def test_evaluation_against_scikit_learn(task, model):
    examples = [
        {
            "id": str(n),
            "text": "我好" * (n % 7) + "abcxyz今天"[n % 8],
            "label": LABELS[n * n % 5 % 2],
        }
        for n in range(60)
    ]
    report, rows = evaluate(task, model, examples)
    assert [row["id"] for row in rows] == [row["id"] for row in examples]
    gold = [row["gold"] == "hateful" for row in rows]
    scores = [row["probabilities"]["hateful"] for row in rows]
    predicted = [row["label"] == "hateful" for row in rows]
    values = report.metrics
    assert values["wa"] == pytest.approx(100 * referee.accuracy_score(gold, predicted))
    assert values["macro_f1"] == pytest.approx(
        100 * referee.f1_score(gold, predicted, average="macro")
    )
    assert values["auroc"] == pytest.approx(100 * referee.roc_auc_score(gold, scores))
    assert values["average_precision"] == pytest.approx(
        100 * referee.average_precision_score(gold, scores)
    )
    assert values["f1_hateful"] == pytest.approx(100 * referee.f1_score(gold, predicted))
    for name in ("wa", "ua", "macro_f1", "weighted_f1", "auroc", "average_precision", "ece"):
        assert values[f"{name}_low"] <= values[name] <= values[f"{name}_high"] or name == "ece"
    names = {table.name for table in report.tables}
    assert {"classification", "classes", "confusion", "calibration", "threshold_curve"} <= names
    assert "ece" in [row[0] for row in report.tables[0].rows]
    json.dumps(report.as_dict(), allow_nan=False)


def test_counts_and_kept_fields(task, model):
    report, rows = evaluate(task, model)
    assert len(rows) == 6
    assert report.metrics["n_truncated"] == 1
    assert report.metrics["n_empty"] == 1
    assert [row["is_truncated"] for row in rows] == [False, True, *[False] * 4]
    assert rows[0]["targets"] == ["a", "b"]
    assert "targets" not in rows[2]
    assert rows[2]["language"] == "zh"
    assert rows[3]["topic"] == "t"
    assert "file" not in rows[3]
    assert "clusters" in report.tables[0].note, "rows of one group are resampled together"


def test_one_class_in_the_test_set_leaves_ranking_scores_out(task, model):
    report, _ = evaluate(task, model, [row for row in EXAMPLES if row["label"] == "normal"])
    assert "auroc" not in report.metrics
    json.dumps(report.as_dict(), allow_nan=False)
    with pytest.raises(UserError, match="unknown label 'x'"):
        evaluate(task, model, [{"text": "a", "label": "x"}])


TEXTS = st.lists(st.text(max_size=12) | st.sampled_from(["", " ", "好" * 50, "\ud800"]), max_size=9)


@settings(deadline=None, max_examples=100)
@given(TEXTS, st.integers(1, 4))
def test_every_text_gets_one_row_in_order(task, model, texts, size):
    notes = new_notes()
    rows = list(answered(task, model, texts, chunk_size=size, notes=notes))
    assert [row["text"] for row in rows] == texts
    counts = notes["texts"]
    assert counts["all"] == len(texts)
    assert counts["empty"] == sum(row["label"] is None for row in rows)
    assert counts["truncated"] == sum(row["is_truncated"] for row in rows)
    for row in rows:
        if row["label"] is None:
            assert row["probabilities"] == {}
            continue
        assert sum(row["probabilities"].values()) == pytest.approx(1, abs=1e-5)
        assert row["label"] == max(
            row["probabilities"], key=lambda name: row["probabilities"][name]
        )
        (single,) = answered(task, model, [row["text"]])
        assert single["probabilities"] == pytest.approx(row["probabilities"], abs=2e-6)


def test_the_stream_takes_no_more_than_a_chunk(task, model):
    taken = []

    def source():
        for number in range(100):
            taken.append(number)
            yield "好"

    rows = answered(task, model, source(), chunk_size=5)
    next(rows)
    assert len(taken) == 5
