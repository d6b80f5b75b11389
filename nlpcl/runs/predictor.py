"""What ``--checkpoint`` may name: a run, a saved model's folder, or a hub id."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoTokenizer

from nlpcl import zoo
from nlpcl.core import hub
from nlpcl.core.errors import UserError, first_line
from nlpcl.core.files import ASSETS
from nlpcl.nn.devices import choose_device, choose_precision, on_device
from nlpcl.runs.run import RUNS, Predictor, Run, make_task, newest_run
from nlpcl.text.encoders import BUILTIN, check_tokenizer, load_builtin, load_text_encoder
from nlpcl.text.encoders import has_builtin as has_builtin_encoder
from nlpcl.zoo.auto_classes import register_auto_classes

BUILTIN_THRESHOLD = 0.9
"""Least probability of a change by the built-in corrector: it must prefer leaving text alone."""

DEFAULT_MODEL = {"correction": "sdcl", "emotion": "emotion-gru", "classification": "asrm"}
"""The model that a task is trained by, and that a plain encoder is read as."""
BUILTIN_EMOTION = ASSETS / "emotion"
"""The emotion model that comes with the package, saved as a run's ``model/``."""


def open_checkpoint(
    name: str | None, task: str, *, device: str, precision: str, assume_tuned: bool = False
) -> Predictor:
    """A trained model for a task.

    Args:
        name: a run folder, a folder saved by ``save_pretrained``, a hub id, or None for the newest
            finished run of the task below ``runs/``.
        task: what it must be able to do, e.g. ``correction``.
        device: as in ``--device``.
        precision: as in ``--precision``.
        assume_tuned: take a plain masked language model as one that was trained to correct.

    Raises:
        UserError: nothing there, a model of another task, or an encoder that was never tuned.
    """
    register_auto_classes()
    if name is None:
        found = newest_run(task)
        if found is None and has_builtin(task):
            return open_builtin(task, device, precision)
        if found is None:
            raise UserError(
                f"no trained {task} model: no finished run in {RUNS}/",
                how=f"Train one: nlpcl train {DEFAULT_MODEL[task]}; or give --checkpoint.",
            )
        return open_run(found, task, device, precision)
    if name == BUILTIN and has_builtin(task):
        return open_builtin(task, device, precision)
    folder = Path(name).expanduser()
    if (folder / "run.json").is_file():
        return open_run(folder, task, device, precision)
    if not folder.is_dir() and (name.startswith((".", "/", "~")) or name.count("/") != 1):
        raise UserError("no such run or folder", f"--checkpoint {name}", "See: ls runs/")
    if folder.is_dir() and not (folder / "config.json").is_file():
        raise UserError(
            "holds neither run.json nor config.json, so it is no run and no saved model",
            f"--checkpoint {name}",
            "Give a folder made by nlpcl train.",
        )
    return open_saved(
        str(folder) if folder.is_dir() else name, task, device, precision, assume_tuned
    )


def has_builtin(task: str) -> bool:
    """Whether this installation holds a model for a task."""
    if task == "emotion":
        return (BUILTIN_EMOTION / "model.safetensors").is_file()
    return task == "correction" and has_builtin_encoder()


def open_builtin(task: str, device: str, precision: str) -> Predictor:
    """The model for a task that comes with the package."""
    if task == "emotion":
        return open_speech(BUILTIN_EMOTION, task, device, precision, "the built-in emotion model")
    entry = zoo.entry(DEFAULT_MODEL[task])
    config = entry.config_class()
    backbone, tokenizer = load_builtin()
    place = choose_device(device)
    model = entry.model_class().build(backbone, config.model_options())
    return Predictor(
        on_device(model, place).eval(),
        make_task(config, tokenizer, model),
        choose_precision(precision, place),
        "the built-in corrector",
        {"threshold": BUILTIN_THRESHOLD},
    )


def open_speech(
    folder: Path, task: str, device: str, precision: str, description: str
) -> Predictor:
    """A speech model saved by nlpcl, with the front end described beside it."""
    from nlpcl.audio.front_end import open_front_end

    place = choose_device(device)
    chosen = choose_precision(precision, place)
    kind = AutoConfig.from_pretrained(folder).model_type
    entry = zoo.entry(kind.removeprefix("nlpcl-"))
    try:
        model = entry.model_class().from_pretrained(folder, dtype=torch.float32)
    except Exception as error:
        where = f"--checkpoint {folder}"
        raise UserError(f"cannot be loaded ({first_line(error)})", where, "Is it whole?") from error
    front_end = open_front_end(folder, device=place, precision=chosen)
    # Whether the encoder is part of the model is seen in the model itself.
    learned = "frozen" if model.config.backbone is None else "full"
    config = entry.config_class(encoder=learned)
    task_object = make_task(config, front_end, model)
    return Predictor(on_device(model, place).eval(), task_object, chosen, description)


def open_run(folder: Path, task: str, device: str, precision: str) -> Predictor:
    """The model of a run, if it is of the task."""
    run = Run(folder, device=device, precision=precision)
    if run.record["task"] != task:
        raise UserError(
            f"is a {run.record['task']} model ({run.record['model']}), not one for {task}",
            f"--checkpoint {folder}",
            "Give another run.",
        )
    return run.predictor


def open_saved(
    source: str, task: str, device: str, precision: str, assume_tuned: bool
) -> Predictor:
    """A folder or hub id, saved by nlpcl or, with ``assume_tuned``, by anybody."""
    where = f"--checkpoint {source}"
    if not Path(source).is_dir():
        hub.require(source, where, kind="models", how="Without a network give a local folder.")
    try:
        kind = AutoConfig.from_pretrained(source).model_type
    except Exception as error:
        raise UserError(
            f"cannot be loaded ({first_line(error)})", where, "Without a network give a folder."
        ) from error
    name = kind.removeprefix("nlpcl-")
    if not kind.startswith("nlpcl-") and (not assume_tuned or task != "correction"):
        raise UserError(
            f"is a plain {kind} encoder: nothing shows that it was trained for {task}",
            where,
            f"Fine-tune it: nlpcl train {DEFAULT_MODEL[task]} --backbone {source}; or, for a model "
            "trained elsewhere, add --assume-tuned.",
        )
    entry = zoo.entry(name if kind.startswith("nlpcl-") else DEFAULT_MODEL[task])
    config = entry.config_class()
    if config.task != task:
        raise UserError(f"is a {config.task} model, not one for {task}", where, "Give another.")
    if config.input == "speech":
        return open_speech(Path(source), task, device, precision, source)
    place = choose_device(device)
    model: Any
    if kind.startswith("nlpcl-"):
        try:
            model = entry.model_class().from_pretrained(source, dtype=torch.float32)
            tokenizer = AutoTokenizer.from_pretrained(source)
        except Exception as error:
            raise UserError(
                f"cannot be loaded ({first_line(error)})", where, "Is the folder whole?"
            ) from error
        check_tokenizer(source, tokenizer)
    else:
        model_class = entry.model_class()
        backbone, tokenizer = load_text_encoder(source, model_class.auto_class)
        model = model_class.build(backbone, config.model_options())
    task_object = make_task(config, tokenizer, model)
    return Predictor(
        model.to(place).eval(), task_object, choose_precision(precision, place), source
    )
