"""Loading of ``--checkpoint``: a run, a saved model's folder, or a hub id."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from transformers import AutoConfig

from nlpcl import zoo
from nlpcl.core import hub
from nlpcl.core.errors import UserError, first_line
from nlpcl.nn.devices import Machine, choose_machine, on_device
from nlpcl.nn.model import ZooModel
from nlpcl.runs.checksums import MODEL, check_model
from nlpcl.runs.folder import RUNS, newest_run, read_record
from nlpcl.runs.predictor import Predictor
from nlpcl.runs.run import Run
from nlpcl.runs.weights import loaded_model, loaded_tokenizer, overlaid_encoder
from nlpcl.tasks import open_task
from nlpcl.tasks.spec import TaskSpec
from nlpcl.text.encoders import BUILTIN, check_tokenizer, load_text_encoder
from nlpcl.zoo.auto_classes import register_auto_classes

OWN_KIND = "nlpcl-"
"""How the ``model_type`` of models saved by nlpcl begins."""


def open_checkpoint(
    name: str | None,
    spec: TaskSpec,
    *,
    device: str,
    precision: str,
    assume_tuned: bool = False,
    own: zoo.Entry | None = None,
) -> Predictor:
    """Load a trained model for a task.

    Args:
        name: a run folder, a folder saved by ``save_pretrained``, a hub id, ``builtin``, or None
            for the newest finished run of the task below ``runs/``, else the built-in model.
        spec: of the task that it must be able to do.
        device: as in ``--device``.
        precision: as in ``--precision``.
        assume_tuned: take a plain encoder as one that was trained for the task.
        own: a model folder that the user has named; other code is executed only of a named run.

    Raises:
        UserError: nothing there, a model of another task, or an encoder that was never tuned.
    """
    register_auto_classes()
    if name is None:
        return open_newest(spec, own, device, precision)
    if name == BUILTIN:
        return open_builtin(spec, choose_machine(device, precision))
    folder = Path(name).expanduser()
    if (folder / "run.json").is_file():
        return open_run(folder, spec, device, precision)
    if not folder.is_dir() and (name.startswith((".", "/", "~")) or name.count("/") != 1):
        raise UserError("no such run or folder", f"--checkpoint {name}", "See: ls runs/")
    if folder.is_dir() and not (folder / "config.json").is_file():
        raise UserError(
            "holds neither run.json nor config.json, so it is no run and no saved model",
            f"--checkpoint {name}",
            "Give a folder made by nlpcl train.",
        )
    if folder.resolve().name == MODEL and (folder.resolve().parent / "run.json").is_file():
        run = folder.resolve().parent
        check_model(run, read_record(run))
    source = str(folder) if folder.is_dir() else name
    return open_saved(source, spec, choose_machine(device, precision), assume_tuned)


def open_newest(spec: TaskSpec, own: zoo.Entry | None, device: str, precision: str) -> Predictor:
    """Load the newest finished run of a task, else the task's built-in model.

    A run found rather than named executes no code that comes with it: one that would is passed
    over, which the description of the model says.

    Raises:
        UserError: there is none.
    """
    found, passed = newest_run(spec.name, own)
    if found is not None:
        known = own if own and read_record(found)["model"] == own.name else None
        opened = open_run(found, spec, device, precision, known)
    elif has_builtin(spec):
        opened = open_builtin(spec, choose_machine(device, precision))
    elif passed is not None:
        what = "brings Python code, which is not executed unasked"
        raise UserError(what, passed, f"If you trust it: --checkpoint {passed}")
    else:
        what = f"no trained {spec.noun} model: no finished run in {RUNS}/"
        raise UserError(what, how=advice(spec))
    if passed is None:
        return opened
    told = f"passed over: {passed}, which brings Python code; if you trust it: --checkpoint"
    return dataclasses.replace(opened, description=f"{opened.description} ({told} {passed})")


def open_run(
    folder: Path, spec: TaskSpec, device: str, precision: str, entry: zoo.Entry | None = None
) -> Predictor:
    """Load the model of a run, which must be of the task; ``entry`` replaces its copy of code."""
    run = Run(folder, device=device, precision=precision, entry=entry)
    if run.record["task"] != spec.name:
        raise UserError(
            f"is a model for {run.record['task']} ({run.record['model']}), not one for {spec.name}",
            f"--checkpoint {folder}",
            "Give another run.",
        )
    return run.predictor


def has_builtin(spec: TaskSpec) -> bool:
    """Whether a task has a built-in model in this installation."""
    return spec.builtin is not None and spec.builtin.is_there


def advice(spec: TaskSpec) -> str:
    """How to come by a model of a task."""
    return f"Train one: nlpcl train {spec.default_model}; or give --checkpoint RUN."


def open_builtin(spec: TaskSpec, machine: Machine) -> Predictor:
    """Load the task's built-in model.

    Raises:
        UserError: there is none.
    """
    builtin = spec.builtin
    if builtin is None or not builtin.is_there:
        what = f"there is no built-in {spec.noun} model"
        raise UserError(what, "--checkpoint builtin", advice(spec))
    if builtin.form == "model":
        source = str(builtin.weights.parent)
        return open_saved_model(source, kind_of(source), spec, machine, builtin.description)
    if builtin.form == "encoder":
        model, tokenizer = wrapped_encoder(BUILTIN, spec)
    else:
        model, tokenizer = overlaid_encoder(zoo.entry(spec.default_model), builtin.weights)
    opened = predictor(model, tokenizer, spec, machine, builtin.description, builtin.options)
    opened.task.adopt(builtin.weights.parent)
    return opened


def open_saved(source: str, spec: TaskSpec, machine: Machine, assume_tuned: bool) -> Predictor:
    """Load a folder or hub id saved by nlpcl or, with ``assume_tuned``, by others."""
    where = f"--checkpoint {source}"
    if not Path(source).is_dir():
        hub.require(source, where, kind="models", how="Without a network give a local folder.")
    kind = kind_of(source)
    if kind.startswith(OWN_KIND):
        return open_saved_model(source, kind, spec, machine, source)
    wraps = spec.prediction is not None and spec.prediction.wraps_encoders
    if not assume_tuned or not wraps:
        raise UserError(
            f"is a plain {kind} encoder: nothing shows that it was trained for {spec.name}",
            where,
            f"Fine-tune it: nlpcl train {spec.default_model} --backbone {source}"
            + ("; or, for a model trained elsewhere, add --assume-tuned." if wraps else "."),
        )
    model, tokenizer = wrapped_encoder(source, spec)
    return predictor(model, tokenizer, spec, machine, source)


def kind_of(source: str) -> str:
    """Return the ``model_type`` of a saved model."""
    try:
        return AutoConfig.from_pretrained(source, trust_remote_code=False).model_type
    except Exception as error:
        hub.refuse_code(error, f"--checkpoint {source}")
        raise UserError(
            f"cannot be loaded ({first_line(error)})",
            f"--checkpoint {source}",
            "Without a network give a folder.",
        ) from error


def wrapped_encoder(name: str, spec: TaskSpec) -> tuple[ZooModel, Any]:
    """Wrap a plain encoder in the task's default model; returns it with its tokenizer."""
    entry = zoo.entry(spec.default_model)
    model_class = entry.model_class()
    backbone, tokenizer = load_text_encoder(name, model_class.auto_class)
    return model_class.build(backbone, entry.config_class().model_options()), tokenizer


def open_saved_model(
    source: str, kind: str, spec: TaskSpec, machine: Machine, description: str
) -> Predictor:
    """Load a model saved by nlpcl, with its tokenizer or front end.

    Raises:
        UserError: it is of another task, damaged, or lacks its tokenizer or front end.
    """
    where = f"--checkpoint {source}"
    entry = zoo.listed(kind.removeprefix(OWN_KIND), where=where)
    task = entry.config_class.task
    if task != spec.name:
        raise UserError(f"is a model for {task}, not one for {spec.name}", where, "Give another.")
    model = loaded_model(entry, source, where)
    if spec.input == "speech":
        from nlpcl.audio.front_end import open_front_end

        front_end = open_front_end(Path(source), device=machine.device, precision=machine.precision)
        # Whether the encoder is part of the model is seen in the model itself.
        learned = "frozen" if model.config.backbone is None else "full"
        return predictor(model, front_end, spec, machine, description, encoder=learned)
    tokenizer = loaded_tokenizer(source, where, model.config)
    check_tokenizer(source, tokenizer)
    return predictor(model, tokenizer, spec, machine, description)


def predictor(
    model: ZooModel,
    processor: Any,
    spec: TaskSpec,
    machine: Machine,
    description: str,
    options: Mapping[str, Any] | None = None,
    **settings: Any,
) -> Predictor:
    """Create a predictor from a model and its task, on the device.

    Args:
        model: in fp32.
        processor: what reads its input.
        spec: of the task.
        machine: where it runs.
        description: where it comes from.
        options: of ``predict`` that suit it.
        settings: of the configuration that its saved form does not tell.
    """
    config = zoo.entry(model.name).config_class(**settings)
    task = open_task(config, processor, model.config)
    placed = on_device(model, machine.device).eval()
    return Predictor(placed, task, spec, machine.precision, description, options or {})
