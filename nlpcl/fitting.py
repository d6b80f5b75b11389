"""Training a model: from settings to a finished run folder."""

from __future__ import annotations

import contextlib
import datetime
import shutil
import sys
from pathlib import Path
from typing import Any

import torch

from nlpcl import progress, zoo
from nlpcl.config import RunConfig
from nlpcl.devices import choose_device, choose_precision, on_device
from nlpcl.encoders import load_text_encoder
from nlpcl.errors import UserError, first_line
from nlpcl.files import atomic_folder, explained, write_csv, write_json, write_json_lines
from nlpcl.provenance import now, start_record
from nlpcl.run import OWN_CODE, RUNS, Run, evaluate, load_splits, make_task, read_record
from nlpcl.trainer import train
from nlpcl.zoo.model import ZooModel


def fit(
    config: RunConfig,
    *,
    out: str | Path | None = None,
    quiet: bool = True,
    resume: bool = False,
) -> Run:
    """Train a model, score it on the test sets, and keep everything in a run folder.

    Args:
        config: a model's ``Config``.
        out: the run folder; ``runs/<model>-<time>`` by default.
        quiet: no progress display.
        resume: go on with the run in ``out``.

    Returns:
        The finished run.

    Raises:
        UserError: a mistake in the settings, the data or the encoder.
        KeyboardInterrupt: stopped by Ctrl-C; the run can be resumed.
    """
    config.check()
    entry = entry_of(config)
    device = choose_device(config.device)
    precision = choose_precision(config.precision, device)
    if config.threads:
        torch.set_num_threads(config.threads)
    splits = load_splits(config)
    if not splits.train or not splits.dev:
        raise UserError(
            f"has {len(splits.train)} training and {len(splits.dev)} dev rows",
            f"--data {config.data}",
            "It is for testing only (nlpcl eval), or too small to hold a dev set out.",
        )
    model, tokenizer = build(entry, config)
    task = make_task(config, tokenizer, model)
    task.check_coverage(splits.train)
    folder = prepare_folder(out, entry, resume)
    record = start_record(entry, config, splits, model, device, precision, folder, resume)
    write_json(folder / "run.json", record)
    if entry.own and not resume:
        keep_code(entry, folder)
    rows = task.encode(splits.train)
    dev_rows = task.encode(splits.dev)
    interrupted = True
    try:
        epochs, interrupted = train(
            on_device(model, device),
            rows,
            task.collate,
            lambda current: task.dev_scores(current, splits.dev, dev_rows, precision, config),
            config,
            folder / "checkpoints",
            precision=precision,
            display=progress.choose(quiet),
            on_epoch=getattr(task, "set_epoch", None),
            resume=resume,
        )
    except KeyboardInterrupt:
        interrupted = True
    finally:
        if interrupted:
            # On a full disk this fails too; the reason for stopping is the one to report.
            with contextlib.suppress(UserError):
                write_json(folder / "run.json", record | {"state": "interrupted"})
    if interrupted:
        model_name = entry.folder if entry.own else entry.name
        raise KeyboardInterrupt(f"Go on with: nlpcl train {model_name} --resume {folder}")
    save_model(model, tokenizer, folder)
    write_csv(folder / "history.csv", epochs)
    report, predictions = evaluate(model, task, splits, precision, config)
    write_json_lines(folder / "predictions.jsonl", predictions)
    write_json(folder / "report.json", report.as_dict())
    ended = now()
    seconds = (ended - datetime.datetime.fromisoformat(record["started"])).total_seconds()
    done = {"state": "finished", "ended": ended.isoformat(), "seconds": round(seconds, 1)}
    write_json(folder / "run.json", record | done)
    return Run(folder, device=config.device, precision=config.precision)


def resume(folder: str | Path, *, model: str | None = None, quiet: bool = True) -> Run:
    """Go on with an interrupted run, under the settings it began with.

    Args:
        folder: the run folder.
        model: the model it is expected to be of, if any.
        quiet: no progress display.
    """
    run = Run(folder)
    if model is not None and run.record["model"] != model:
        raise UserError(
            f"is a run of {run.record['model']}, not of {model}",
            f"--resume {folder}",
            f"Use: nlpcl train {run.record['model']} --resume {folder}",
        )
    return fit(run.config, out=folder, quiet=quiet, resume=True)


def build(entry: zoo.Entry, config: RunConfig) -> tuple[ZooModel, Any]:
    """A new model around the encoder that a configuration names, and its tokenizer."""
    model_class = entry.model_class()

    def load(name: str) -> tuple[Any, Any]:
        if (Path(name) / "run.json").is_file():
            run = Run(name, device="cpu")
            return run.model.backbone, run.tokenizer
        return load_text_encoder(name, model_class.auto_class, seed=config.seed)

    backbone, tokenizer = load(config.backbone)
    tokenizer = model_class.prepare(backbone, tokenizer, config)
    torch.manual_seed(config.seed)
    model = model_class.build(backbone, config.model_options())
    model.before_training(config, tokenizer, load)
    return model, tokenizer


def entry_of(config: RunConfig) -> zoo.Entry:
    """The model whose ``Config`` this is."""
    module = sys.modules[type(config).__module__]
    package = module.__name__.rpartition(".")[0]
    if package.startswith(zoo.__name__ + "."):
        return zoo.entry(package.rpartition(".")[2].replace("_", "-"))
    if not getattr(module, "__file__", None):
        raise UserError("belongs to no model folder", type(config).__name__)
    return zoo.own_entry(Path(str(module.__file__)).parent)


def prepare_folder(out: str | Path | None, entry: zoo.Entry, resume: bool) -> Path:
    """A new, empty run folder; or the one to resume, checked."""
    if resume:
        folder = Path(str(out))
        if read_record(folder).get("state") == "finished":
            raise UserError("is finished already", folder, f"See it: nlpcl eval {folder}")
        return folder
    if out is not None:
        folder = Path(out)
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise UserError(
                "exists and is not empty",
                f"--out {folder}",
                f"Choose another, or go on with it: --resume {folder}",
            )
    else:
        stamp = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
        base = RUNS / f"{entry.name}-{stamp}"
        folder, number = base, 1
        while folder.exists():
            number += 1
            folder = base.with_name(f"{base.name}-{number}")
    with explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
    return folder


def save_model(model: ZooModel, tokenizer: Any, folder: Path) -> None:
    """Weights (safetensors), configuration and tokenizer, all or nothing."""
    with atomic_folder(folder / "model") as place:
        try:
            model.save_pretrained(place)
            tokenizer.save_pretrained(place)
        except OSError:
            raise
        except Exception as error:  # safetensors has an exception of its own for a full disk
            raise OSError(first_line(error)) from error


def keep_code(entry: zoo.Entry, folder: Path) -> None:
    """Copy the Python files of a user's model folder, so that the run can be read without it."""
    packages = [path.parent for path in entry.folder.glob("*/__init__.py")]
    files = [file for place in (entry.folder, *packages) for file in place.glob("*.py")]
    with atomic_folder(folder / OWN_CODE) as place:
        for file in files:
            target = place / entry.folder.name / file.relative_to(entry.folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)
