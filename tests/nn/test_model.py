"""What every model is saved with, and the sum of its parts."""

from __future__ import annotations

import pytest
import torch
from torch.utils.data import Dataset

from nlpcl.nn.model import Output, Part, ZooConfig, weighted_sum


def test_a_configuration_comes_back_as_it_was_saved(tmp_path):
    from transformers import BertConfig

    saved = ZooConfig(BertConfig(hidden_size=24), {"beta": 0.5}, id2label={0: "a", 1: "b"})
    saved.save_pretrained(tmp_path)
    opened = ZooConfig.from_pretrained(tmp_path)
    assert isinstance(opened.backbone, BertConfig)
    assert opened.backbone.hidden_size == 24
    assert opened.options == {"beta": 0.5}
    assert opened.id2label == {0: "a", 1: "b"}
    assert ZooConfig().options == {}


def test_a_configuration_leaves_what_it_was_made_of_alone():
    given = {"model_type": "bert", "hidden_size": 24}
    ZooConfig(given)
    assert given == {"model_type": "bert", "hidden_size": 24}


class Rows(Dataset):
    def __len__(self):
        return 3

    def __getitem__(self, at):
        return {"inputs": torch.tensor([float(at)]), "labels": torch.tensor(at)}


def test_predictions_by_transformers_are_the_logits_alone(tmp_path):
    from transformers import Trainer, TrainingArguments

    class Model(torch.nn.Linear):
        config = ZooConfig()

        def forward(self, inputs, labels=None):
            part = Part(inputs.sum(), torch.tensor(1.0))
            return Output(loss=inputs.sum(), logits=2 * inputs, parts={"x": part})

    arguments = TrainingArguments(str(tmp_path), report_to=[], use_cpu=True, disable_tqdm=True)
    found = Trainer(Model(1, 1), arguments).predict(Rows()).predictions
    assert found.tolist() == [[0], [2], [4]]


def test_a_loss_is_the_weighted_sum_of_means():
    parts = {
        "x": Part(torch.tensor(6.0), torch.tensor(3.0)),
        "y": Part(torch.tensor(4.0), torch.tensor(8.0), 0.5),
        "empty": Part(torch.tensor(0.0), torch.tensor(0.0)),
    }
    assert float(weighted_sum(parts)) == pytest.approx(6 / 3 + 0.5 * 4 / 8)
    whole = {"x": torch.tensor(12.0), "empty": torch.tensor(5.0)}
    assert float(weighted_sum(parts, whole)) == pytest.approx(6 / 12 + 0.5 * 4 / 8)
    assert [float(part.mean()) for part in parts.values()] == [2.0, 0.5, 0.0]
