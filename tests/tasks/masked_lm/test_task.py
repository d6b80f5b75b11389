"""Masked language modelling: what is noised, what is scored, and that noise depends on little."""

import pytest
import torch

from nlpcl.nn.model import Output, ZooConfig
from nlpcl.tasks.masked_lm.task import IGNORE, MaskedLM
from nlpcl.text.encoders import scratch_tokenizer
from nlpcl.zoo.mlm.config import Config

TEXTS = [{"text": "今天天气很好，我们去公园走走吧。"}, {"text": "他每天早上七点起床。" * 3}]


@pytest.fixture
def task():
    return MaskedLM(
        scratch_tokenizer(),
        Config(mlm_probability=0.3, light_fraction=0.0, seed=5, max_length=32),
        ZooConfig(),
    )


def test_long_texts_are_cut_and_nothing_is_lost(task):
    features = task.encode(TEXTS)
    assert max(len(feature["input_ids"]) for feature in features) <= 32
    read = "".join(c for feature in features for c in feature["characters"])
    assert read == "".join(row["text"] for row in TEXTS)


def test_labels_are_the_text_before_the_noise(task):
    for feature in task.encode(TEXTS):
        ids, labels = task.noised(feature, 0, task.even)
        original = feature["input_ids"]
        assert any(label != IGNORE for label in labels)
        for shown, label, right in zip(ids, labels, original, strict=True):
            assert label in (IGNORE, right)
            if label == IGNORE:
                assert shown == right
        assert labels[0] == labels[-1] == IGNORE


def test_noise_depends_on_seed_epoch_and_row_alone(task):
    first, second, *_ = task.encode(TEXTS)
    assert task.noised(first, 3, task.even) == task.noised(first, 3, task.even)
    assert task.noised(first, 3, task.even) != task.noised(first, 4, task.even)
    together, alone = task.collate([first, second]), task.collate([first])
    width = alone["input_ids"].shape[1]
    assert torch.equal(together["input_ids"][:1, :width], alone["input_ids"])
    task.set_epoch(1)
    assert not torch.equal(task.collate([first])["input_ids"], alone["input_ids"])


def test_text_without_han_is_read_by_the_tokenizers_pieces(task):
    (feature,) = task.encode([{"text": "a b c"}])
    assert feature["characters"] == [""] * len(feature["input_ids"])
    assert len(feature["input_ids"]) == 5


def test_decode_lists_labelled_positions_by_row(task):
    features = task.encode(TEXTS)[:2]
    batch = task.collate(features)
    selected = batch["labels"] != IGNORE
    logits = torch.nn.functional.one_hot(batch["labels"][selected], 9100).float()
    rows = task.decode(Output(logits=logits), batch, features)
    assert [len(row) for row in rows] == selected.sum(-1).tolist()
    for row in rows:
        assert torch.equal(row[:, 1], row[:, 2])


def test_observed_edits_are_made_in_training_alone(tmp_path):
    (tmp_path / "typos.tsv").write_text("source\ttarget\n今田\t今天\n", encoding="utf-8")
    options = {"mask_fraction": 0, "pinyin_fraction": 0, "near_pinyin_fraction": 0}
    options |= {"shape_fraction": 0, "random_fraction": 0, "observed_fraction": 1.0}
    config = Config(observed=str(tmp_path / "typos.tsv"), mlm_probability=0.9, light_fraction=0.0,
                    copy_fraction=0.0, **options)  # fmt: skip
    task = MaskedLM(scratch_tokenizer(), config, ZooConfig())
    task.begin([{"text": "今天天气，田里"}])
    (feature,) = task.encode([{"text": "今天天天天天"}])
    wrong, right = task.ids("田"), task.ids("天")
    ids, labels = task.noised(feature, 0, task.tables_of_text)
    changed = [at for at, label in enumerate(labels) if label == right]
    assert changed
    assert {ids[at] for at in changed} == {wrong}
    assert wrong not in task.noised(feature, 0, task.even)[0]
