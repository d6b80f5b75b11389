"""A new model with its task, from a configuration: what reads the input, encoder, head."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForMaskedLM

from nlpcl import zoo
from nlpcl.core.config import RunConfig
from nlpcl.core.errors import UserError
from nlpcl.core.splits import Splits
from nlpcl.nn.model import ZooModel
from nlpcl.runs.run import Run, make_task
from nlpcl.text.encoders import for_states_alone, load_text_encoder
from nlpcl.zoo.auto_classes import register_auto_classes


def prepare(
    entry: zoo.Entry, config: RunConfig, splits: Splits, device: torch.device, precision: str
) -> tuple[ZooModel, Any]:
    """A new model around the encoder that a configuration names, and its task."""
    if config.input == "speech":
        return prepare_speech(entry, config, splits, device, precision)
    if config.task == "classification":
        return prepare_classifier(entry, config, splits)
    model, tokenizer = build(entry, config)
    task = make_task(config, tokenizer, model)
    task.check_coverage(splits.train)
    return model, task


def build(entry: zoo.Entry, config: RunConfig) -> tuple[ZooModel, Any]:
    """A new text model and its tokenizer."""
    model_class = entry.model_class()
    backbone, tokenizer = open_text_encoder(entry, config, config.backbone)
    tokenizer = model_class.prepare(backbone, tokenizer, config)
    torch.manual_seed(config.seed)
    model = model_class.build(backbone, config.model_options())
    model.before_training(config, tokenizer, lambda name: open_text_encoder(entry, config, name))
    return model, tokenizer


def open_text_encoder(entry: zoo.Entry, config: RunConfig, name: str) -> tuple[Any, Any]:
    """The encoder of a run folder, or one by its name, with its tokenizer."""
    register_auto_classes()
    if (Path(name) / "run.json").is_file():
        run = Run(name, device="cpu")
        check_encoder_of_run(run, entry, name)
        return run.model.backbone, run.processor
    return load_text_encoder(name, entry.model_class().auto_class, seed=config.seed)


def check_encoder_of_run(run: Run, entry: zoo.Entry, name: str) -> None:
    """Refuse a run of speech, and one without the language-model head that a model needs."""
    where = f"--backbone {name}"
    if run.config.input != "text":
        raise UserError("its encoder reads speech, not text", where, "Give a run on text.")
    needs_head = entry.model_class().auto_class is AutoModelForMaskedLM
    if needs_head and run.model.backbone.get_output_embeddings() is None:
        how = "Give a run of mlm, distill or sdcl, or the encoder that run began with."
        what = f"{run.record['model']} keeps no language-model head, which {entry.name} needs"
        raise UserError(what, where, how)


def prepare_classifier(entry: zoo.Entry, config: RunConfig, splits: Splits) -> tuple[ZooModel, Any]:
    """A new classifier of text, with the classes of the training rows, and its task.

    Raises:
        UserError: fewer than two classes.
    """
    counts = Counter(row["label"] for row in splits.train if row.get("label") is not None)
    labels = sorted(counts)
    if len(labels) < 2:
        what = f"all have the label {labels[0]!r}" if labels else "none has a label"
        raise UserError(
            f"of {len(splits.train)} training rows {what}",
            f"--data {config.data}",
            "A classifier needs rows of two classes or more.",
        )
    model_class: Any = entry.model_class()
    with for_states_alone():
        encoder, tokenizer = open_text_encoder(entry, config, config.backbone)
    tokenizer = model_class.prepare(encoder, tokenizer, config)
    torch.manual_seed(config.seed)
    model = model_class.assemble(
        config.model_options(),
        encoder=encoder,
        labels=labels,
        class_counts=[counts[label] for label in labels],
    )
    model.before_training(config, tokenizer, lambda name: open_text_encoder(entry, config, name))
    task = make_task(config, tokenizer, model)
    task.labels = labels
    task.check_coverage(splits.train)
    return model, task


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
