"""One training run: from rows that are split to a finished run folder."""

from __future__ import annotations

import contextlib
import datetime
import shutil
from pathlib import Path
from typing import Any

from nlpcl import zoo
from nlpcl.core import progress
from nlpcl.core.config import RunConfig
from nlpcl.core.errors import UserError, first_line
from nlpcl.core.files import atomic_folder, explained, write_csv, write_json, write_json_lines
from nlpcl.core.splits import Splits
from nlpcl.nn.costs import cost_table, parts_of, timed
from nlpcl.nn.devices import choose_device, choose_precision, on_device
from nlpcl.nn.model import ZooModel
from nlpcl.runs.build import prepare
from nlpcl.runs.provenance import now, start_record
from nlpcl.runs.run import OWN_CODE, RUNS, Run, evaluate, read_record
from nlpcl.training.records import Training
from nlpcl.training.trainer import train


def fit_splits(
    entry: zoo.Entry,
    config: RunConfig,
    splits: Splits,
    *,
    out: str | Path | None,
    quiet: bool,
    resume: bool,
) -> Run:
    """:func:`fit` on rows that are split already."""
    device = choose_device(config.device)
    precision = choose_precision(config.precision, device)
    model, task = prepare(entry, config, splits, device, precision)
    folder = prepare_folder(out, entry, resume)
    record = start_record(entry, config, splits, model, device, precision, folder, resume)
    write_json(folder / "run.json", record)
    if entry.own and not resume:
        keep_code(entry, folder)
    rows = task.encode(splits.train)
    dev_rows = task.encode(splits.dev)
    training: Training | None = None
    try:
        training = train(
            on_device(model, device),
            rows,
            getattr(task, "collate_training", task.collate),
            lambda current: task.dev_scores(current, splits.dev, dev_rows, precision, config),
            config,
            folder / "checkpoints",
            precision=precision,
            display=progress.choose(quiet),
            on_epoch=getattr(task, "set_epoch", None),
            resume=resume,
        )
    except KeyboardInterrupt:
        pass
    finally:
        if training is None or training.interrupted:
            # On a full disk this fails too; the reason for stopping is the one to report.
            with contextlib.suppress(UserError):
                write_json(folder / "run.json", record | {"state": "interrupted"})
    if training is None or training.interrupted:
        model_name = entry.folder if entry.own else entry.name
        raise KeyboardInterrupt(f"Go on with: nlpcl train {model_name} --resume {folder}")
    if hasattr(task, "after_training"):
        task.after_training(model, dev_rows, precision, config)
    save_model(model, task, folder)
    write_csv(folder / "history.csv", training.history)
    with timed(model, parts_of(model)) as timing:
        report, predictions = evaluate(model, task, splits, precision, config)
    if hasattr(task, "examine"):
        report.extend(task.examine(model, splits, precision))
    write_json_lines(folder / "predictions.jsonl", predictions)
    write_json(folder / "report.json", report.as_dict())
    ended = now()
    seconds = (ended - datetime.datetime.fromisoformat(record["started"])).total_seconds()
    done = {"state": "finished", "ended": ended.isoformat(), "seconds": round(seconds, 1)}
    # Not in the report, which is the same whenever a training is repeated.
    done["seconds_per_epoch"] = training.seconds_per_epoch
    done["costs"] = cost_table(model, timing).as_dict()
    write_json(folder / "run.json", record | done)
    # A finished run cannot be resumed; its best weights are in the model.
    shutil.rmtree(folder / "checkpoints", ignore_errors=True)
    return Run(folder, device=config.device, precision=config.precision)


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


def save_model(model: ZooModel, task: Any, folder: Path) -> None:
    """Weights (safetensors), configuration and what reads the input, all or nothing."""
    with atomic_folder(folder / "model") as place:
        try:
            model.save_pretrained(place)
            task.processor.save_pretrained(place)
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
