"""Tiny models of the zoo with batches they can read."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import pytest

from nlpcl import zoo
from nlpcl.core.splits import Splits


@dataclass
class Tiny:
    """A tiny model with its task and eight encoded rows."""

    model: Any
    task: Any
    rows: list[Any]
    examples: list[Any]
    config: Any

    def batch(self, rows: list[Any] | None = None) -> dict[str, Any]:
        return self.task.collate(self.rows if rows is None else rows)

    def unlabelled(self, rows: list[Any] | None = None) -> dict[str, Any]:
        batch = self.batch(rows)
        for name in ("labels", "speakers"):
            batch.pop(name, None)
        return batch

    @property
    def is_text(self) -> bool:
        return self.config.task != "emotion"

    @property
    def scores_tokens(self) -> bool:
        """Logits ``(B, L, V)`` rather than ``(B, C)``."""
        return self.config.task in {"correction", "masked_lm"}

    def own(self, logits: Any, alone: Any) -> Any:
        """Of the logits of a row in a batch those that it has alone."""
        return logits[tuple(slice(size) for size in alone.shape)]


@pytest.fixture(scope="session")
def examples(pairs) -> dict[str, list[dict[str, Any]]]:
    """Eight rows for each task, of different lengths."""
    correction = [{"source": wrong, "target": right} for wrong, right in pairs[:7]]
    correction.append({"source": "我再家。", "target": "我在家。"})
    assert len({len(row["source"]) for row in correction}) > 3
    texts = [{"text": row["target"]} for row in correction]
    labels = ["calm", "angry", "calm", "sad", "angry", "calm", "sad", "calm"]
    labelled = [row | {"label": label} for row, label in zip(texts, labels, strict=True)]
    spans = [
        {**row, "entities": invented_entities(row["text"], at)} for at, row in enumerate(texts)
    ]
    return {
        "correction": correction,
        "masked_lm": texts,
        "classification": labelled,
        "entities": spans,
    }


def invented_entities(text: str, number: int) -> list[dict[str, Any]]:
    """Two nested entities, none in every third text."""
    if number % 3 == 2:
        return []
    end = min(4, len(text))
    return [{"start": 0, "end": end, "type": "ORG"}, {"start": 0, "end": 2, "type": "LOC"}]


@pytest.fixture
def tiny(tiny_encoder, examples):
    """``tiny("sdcl", "bert", beta=0.0)`` → a model without dropout, its task and its rows."""

    def make(name: str, kind: str = "bert", dropout: float = 0.0, **options: Any) -> Tiny:
        from nlpcl.nn.devices import choose_machine
        from nlpcl.runs.build import build
        from nlpcl.tasks import open_task
        from nlpcl.text.encoders import load_text_encoder

        entry = zoo.entry(name)
        if entry.task.input == "speech":
            return tiny_speech(entry, dropout, options)
        if entry.config_class.task == "classification":
            options = {"dropout": dropout, **options}
        config = entry.config_class(max_length=64, **options).check()
        model_class = entry.model_class()
        folder = str(tiny_encoder(kind, dropout))
        if config.task in {"classification", "entities"}:
            chosen = examples[config.task]
            config = dataclasses.replace(config, backbone=folder)
            machine = choose_machine("cpu", "fp32")
            built = build(entry, config, Splits("invented", train=chosen), machine)
            return Tiny(*built, chosen, config)
        other = str(tiny_encoder(kind, dropout, seed=1))
        backbone, tokenizer = load_text_encoder(folder, model_class.auto_class, seed=1)
        model = model_class.build(backbone, config.model_options())
        # The teacher of a distillation is another encoder than the student.
        model.before_training(
            config, tokenizer, lambda _: load_text_encoder(other, model_class.auto_class, seed=2)
        )
        task = open_task(config, tokenizer, model.config)
        chosen = examples[config.task]
        return Tiny(model, task, task.encode(chosen), chosen, config)

    return make


def tiny_speech(entry: zoo.Entry, dropout: float, options: dict[str, Any]) -> Tiny:
    """A tiny model of speech, and eight clips of random frames of three emotions."""
    import torch

    from nlpcl.audio.front_end import load_front_end
    from nlpcl.tasks import open_task

    sizes = {"hidden": 16, "gru_layers": 1, "heads": 2, "dropout": dropout}
    known = {field.name for field in dataclasses.fields(entry.config_class)}
    sizes = {name: value for name, value in sizes.items() if name in known}
    if "attention_dropout" in known:
        sizes |= {"attention_dropout": dropout, "head_dropout": dropout}
    config = entry.config_class(**{**sizes, "input_norm": "none", **options}).check()
    torch.manual_seed(1)
    labels = ["angry", "calm", "sad"]
    model = entry.model_class().build(
        None, config.model_options(), width=12, layers=1, labels=labels, speakers=3
    )
    task = open_task(config, load_front_end("logmel"), model.config)
    rows = []
    for number in range(8):
        frames = torch.randn(5 + 2 * number, 12)
        rows.append({"row": number, "given": frames, "length": len(frames)})
        rows[-1] |= {"label": number % 3, "speaker": number % 2}
    return Tiny(model, task, rows, [], config)
