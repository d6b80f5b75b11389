"""Explanations of a classifier against marked words."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from nlpcl.analysis.rationales import Drops, rationale_report
from nlpcl.core.errors import UserError
from nlpcl.core.splits import Splits
from nlpcl.metrics import rationales
from nlpcl.nn.model import ZooConfig
from nlpcl.text.words import read

WORDS = "今天早上在家里做饭听到这个好消息"
BAD = "坏"


class Counting(nn.Module):
    """Log-odds of the first class: 3 for each 做, less 1; as a sum over embeddings."""

    def __init__(self, tokenizer, size: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(size, 1)
        with torch.no_grad():
            self.embedding.weight.zero_()
            self.embedding.weight[tokenizer.convert_tokens_to_ids("做")] = 3.0
        self.config = ZooConfig(id2label={0: "bad", 1: "normal"})

    @property
    def backbone(self):
        return self

    def get_input_embeddings(self):
        return self.embedding

    def forward(self, input_ids, attention_mask):
        from nlpcl.nn.model import Output

        odds = (self.embedding(input_ids)[..., 0] * attention_mask).sum(1) - 1
        return Output(logits=torch.stack([odds, torch.zeros_like(odds)], 1))


class Opened:
    """As much of a run as the check reads."""

    precision = "fp32"

    def __init__(self, model, task) -> None:
        self.model, self.task = model, task


@pytest.fixture
def run(tiny_encoder):
    from transformers import AutoTokenizer

    from nlpcl.tasks.classification.task import Classification
    from nlpcl.zoo.asrm.config import Config

    tokenizer = AutoTokenizer.from_pretrained(tiny_encoder())
    model = Counting(tokenizer, len(tokenizer))
    return Opened(model, Classification(tokenizer, Config(max_length=64), model.config))


def sigmoid(value):
    return 1 / (1 + np.exp(-value))


@pytest.fixture
def splits():
    text = "我在家做饭。"  # six words; 做 is the fourth
    rows = [
        {"id": "1", "text": text, "label": "bad", "rationale": [[3, 4]]},
        {"id": "2", "text": text, "label": "bad"},
        {"id": "3", "text": text[:5], "label": "bad", "rationale": [[3, 5]]},
        {"id": "4", "text": text, "label": "bad", "rationale": [[90, 95]]},
    ]
    return Splits("invented", test={"invented": rows}, protocol="Invented.")


def test_a_model_that_counts_one_word_is_explained(run, splits):
    report, rows = rationale_report(run, splits, rows=10)
    metrics = report.metrics
    assert metrics["n"] == 2
    share = (1 / 6 + 2 / 5) / 2
    assert metrics["share"] == pytest.approx(100 * share)
    # Two words are taken of either text, the one that counts among them; each share holds it.
    drop = sigmoid(2.0) - sigmoid(-1.0)
    for method in ("gradients", "leave-one-out"):
        for kind in ("comprehensiveness", "comprehensiveness_aopc"):
            assert metrics[f"{method}/{kind}"] == pytest.approx(100 * drop, abs=1e-3)
        for kind in ("sufficiency", "sufficiency_aopc"):
            assert metrics[f"{method}/{kind}"] == pytest.approx(0, abs=1e-3)
        # 我 and 做 are chosen: one of two, one of one; one of two, one of two.
        assert metrics[f"{method}/token_f1"] == pytest.approx(100 * (2 / 3 + 1 / 2) / 2)
    assert metrics["random/comprehensiveness"] < metrics["gradients/comprehensiveness"]
    (table,) = report.tables
    assert table.columns == ["measure", "gradients", "leave-one-out", "random"]
    assert table.rows[4][:2] == ["token-F1", metrics["gradients/token_f1"]]
    assert "2 of 3 test texts" in table.title
    assert [row["id"] for row in rows] == ["1", "3"]
    word = rows[0]["words"][3]
    assert (word["start"], word["end"], word["marked"]) == (3, 4, True)
    assert word["gradients"] == pytest.approx(3.0, abs=1e-4)
    assert word["leave-one-out"] == pytest.approx(drop, abs=1e-4)


def test_a_sample_is_drawn_by_seed(run):
    rows = [
        {"id": str(at), "text": WORDS[: 4 + at], "label": "bad", "rationale": [[0, 2]]}
        for at in range(8)
    ]
    splits = Splits("invented", test={"invented": rows})

    def chosen(seed):
        report, found = rationale_report(run, splits, rows=3, seed=seed, steps=2)
        assert f"3 of 8 test texts with marked words, drawn with seed {seed}" in (
            report.tables[0].title
        )
        return [row["id"] for row in found]

    assert chosen(1) == chosen(1)
    assert len({tuple(chosen(seed)) for seed in range(4)}) > 1


def test_drops_are_those_of_single_texts(run):
    readings = [read(run.task, text) for text in ("我做", "做在家")]
    drops = Drops(run.model, run.task, readings, [0, 1], "fp32")
    found = drops.without([[1], [0]])
    drop = sigmoid(2.0) - sigmoid(-1.0)
    assert found == pytest.approx([drop, -drop], abs=1e-6)
    assert drops.alone([[0], [0]]) == pytest.approx([drop, 0], abs=1e-6)
    assert drops.without([[], []]) == pytest.approx([0, 0], abs=1e-9)


def test_the_measures_of_a_report_are_those_of_its_rows(run, splits):
    report, rows = rationale_report(run, splits)
    marks = [[word["marked"] for word in row["words"]] for row in rows]
    for method in ("gradients", "random"):
        weights = [[word[method] for word in row["words"]] for row in rows]
        found = rationales.agreement(weights, marks, rationales.mean_fraction(marks))
        assert report.metrics[f"{method}/auprc"] == pytest.approx(found.auprc)
        assert report.metrics[f"{method}/iou_f1"] == pytest.approx(found.iou_f1)


def test_rows_without_marks_are_refused(run):
    rows = [{"id": "1", "text": "我", "label": "bad"}]
    with pytest.raises(UserError, match="no test row has words marked"):
        rationale_report(run, Splits("invented", test={"invented": rows}))
