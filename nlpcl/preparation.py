"""A new model with its task, from a configuration: what reads the input, encoder, head."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import torch

from nlpcl import zoo
from nlpcl.config import RunConfig
from nlpcl.data.splits import Splits
from nlpcl.encoders import load_text_encoder
from nlpcl.run import Run, make_task
from nlpcl.zoo.model import ZooModel


def prepare(
    entry: zoo.Entry, config: RunConfig, splits: Splits, device: torch.device, precision: str
) -> tuple[ZooModel, Any]:
    """A new model around the encoder that a configuration names, and its task."""
    if config.input == "speech":
        return prepare_speech(entry, config, splits, device, precision)
    model, tokenizer = build(entry, config)
    task = make_task(config, tokenizer, model)
    task.check_coverage(splits.train)
    return model, task


def build(entry: zoo.Entry, config: RunConfig) -> tuple[ZooModel, Any]:
    """A new text model and its tokenizer."""
    model_class = entry.model_class()

    def load(name: str) -> tuple[Any, Any]:
        if (Path(name) / "run.json").is_file():
            run = Run(name, device="cpu")
            return run.model.backbone, run.processor
        return load_text_encoder(name, model_class.auto_class, seed=config.seed)

    backbone, tokenizer = load(config.backbone)
    tokenizer = model_class.prepare(backbone, tokenizer, config)
    torch.manual_seed(config.seed)
    model = model_class.build(backbone, config.model_options())
    model.before_training(config, tokenizer, load)
    return model, tokenizer


def prepare_speech(
    entry: zoo.Entry, config: Any, splits: Splits, device: torch.device, precision: str
) -> tuple[ZooModel, Any]:
    """A new speech model, sized by the training clips, and its task."""
    from nlpcl.audio.front_end import load_front_end

    front_end = load_front_end(
        config.backbone,
        layer=config.layer,
        all_layers=config.weighted_sum,
        device=device,
        precision=precision,
    )
    counts = Counter(row["label"] for row in splits.train)
    labels = sorted(counts | Counter(row["label"] for row in splits.dev))
    speakers = sorted({row["speaker"] for row in splits.train})
    torch.manual_seed(config.seed)
    model_class: Any = entry.model_class()
    model = model_class.assemble(
        config.model_options(),
        width=front_end.width,
        layers=front_end.layers,
        labels=labels,
        speakers=len(speakers),
        encoder=None if config.encoder == "frozen" else front_end.encoder,
        class_counts=[counts[label] for label in labels],
    )
    task = make_task(config, front_end, model)
    task.speakers = {name: index for index, name in enumerate(speakers)}
    rows = task.encode(splits.train)
    model.set_input_statistics(task.frames(row) for row in rows)
    return model, task
