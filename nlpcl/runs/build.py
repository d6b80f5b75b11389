"""Construction of a new model, its task and encoded training rows from a configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import torch
from transformers import AutoModel, AutoModelForMaskedLM

from nlpcl import tasks, zoo
from nlpcl.core.config import RunConfig
from nlpcl.core.errors import UserError
from nlpcl.core.splits import Splits
from nlpcl.nn.devices import Machine
from nlpcl.nn.model import ZooModel
from nlpcl.runs.run import Run
from nlpcl.tasks.protocol import Task
from nlpcl.text.encoders import for_states_alone, load_text_encoder
from nlpcl.training.inference import Feature
from nlpcl.zoo.auto_classes import register_auto_classes


class Built(NamedTuple):
    """Everything that training starts from.

    Args:
        model: on the processor.
        task: around what reads its input.
        rows: the training rows, encoded.
    """

    model: ZooModel
    task: Task
    rows: list[Feature]


def build(entry: zoo.Entry, config: RunConfig, splits: Splits, machine: Machine) -> Built:
    """Build a model around the encoder that a configuration names.

    Raises:
        UserError: an encoder that is not there or does not suit, or rows that no model can learn.
    """
    facts = tasks.task_class(config.task).facts(splits, config)
    if tasks.spec(config.task).input == "speech":
        model, processor = build_for_speech(entry, config, facts, machine)
    else:
        model, processor = build_for_text(entry, config, facts)
    task = tasks.open_task(config, processor, model.config)
    task.begin(splits.train)
    rows = task.encode(splits.train)
    model.set_input_statistics(task.inputs(rows))
    return Built(model, task, rows)


def build_for_text(
    entry: zoo.Entry, config: RunConfig, facts: dict[str, Any]
) -> tuple[ZooModel, Any]:
    """Build a text model and its tokenizer.

    Args:
        entry: the model's place in the zoo.
        config: the run's settings.
        facts: what the task knows of the training rows.
    """
    model_class = entry.model_class()
    backbone, tokenizer = open_text_encoder(entry, config, config.backbone)
    tokenizer = model_class.prepare(backbone, tokenizer, config)
    torch.manual_seed(config.seed)
    model = model_class.build(backbone, config.model_options(), **facts)
    model.before_training(config, tokenizer, lambda name: open_text_encoder(entry, config, name))
    return model, tokenizer


def open_text_encoder(entry: zoo.Entry, config: RunConfig, name: str) -> tuple[Any, Any]:
    """Load an encoder, from a run folder or by name, with its tokenizer."""
    register_auto_classes()
    auto_class = entry.model_class().auto_class
    if (Path(name) / "run.json").is_file():
        run = Run(name, device="cpu")
        check_encoder_of_run(run, entry, name)
        return run.model.backbone, run.processor
    if auto_class is AutoModel:
        with for_states_alone():
            return load_text_encoder(name, auto_class, seed=config.seed)
    return load_text_encoder(name, auto_class, seed=config.seed)


def check_encoder_of_run(run: Run, entry: zoo.Entry, name: str) -> None:
    """Reject a speech run, or one without the language-model head that the model needs."""
    where = f"--backbone {name}"
    if run.spec.input != "text":
        raise UserError("its encoder reads speech, not text", where, "Give a run on text.")
    needs_head = entry.model_class().auto_class is AutoModelForMaskedLM
    if needs_head and run.model.backbone.get_output_embeddings() is None:
        how = "Give a run of mlm, distill or sdcl, or the encoder that run began with."
        what = f"{run.record['model']} keeps no language-model head, which {entry.name} needs"
        raise UserError(what, where, how)


def build_for_speech(
    entry: zoo.Entry, config: Any, facts: dict[str, Any], machine: Machine
) -> tuple[ZooModel, Any]:
    """Build a speech model and its front end.

    Args:
        entry: the model's place in the zoo.
        config: the run's settings.
        facts: what the task knows of the training clips.
        machine: where the front end works.
    """
    from nlpcl.audio.front_end import load_front_end

    front_end = load_front_end(
        config.backbone,
        layer=config.layer,
        all_layers=config.weighted_sum,
        gate=config.gate,
        device=machine.device,
        precision=machine.precision,
    )
    torch.manual_seed(config.seed)
    model_class: Any = entry.model_class()
    encoder = None if config.encoder == "frozen" else front_end.encoder
    shape = {"width": front_end.width, "layers": front_end.layers}
    return model_class.build(encoder, config.model_options(), **facts, **shape), front_end
