"""A single training run: from split rows to a finished run folder."""

from __future__ import annotations

import contextlib
import datetime
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nlpcl import zoo
from nlpcl.core import progress
from nlpcl.core.config import RunConfig
from nlpcl.core.errors import UserError, first_line
from nlpcl.core.files import atomic_folder, explained, write_csv, write_json, write_json_lines
from nlpcl.core.splits import Splits
from nlpcl.nn.costs import cost_table, parts_of, timed
from nlpcl.nn.devices import Machine, on_device
from nlpcl.nn.model import ZooModel
from nlpcl.runs.build import build
from nlpcl.runs.evaluation import evaluate
from nlpcl.runs.folder import OWN_CODE, read_record, stamped_folder
from nlpcl.runs.provenance import now, start_record
from nlpcl.runs.run import Run
from nlpcl.tasks.protocol import Task
from nlpcl.training.records import Training
from nlpcl.training.trainer import train


def fit_splits(
    entry: zoo.Entry,
    config: RunConfig,
    splits: Splits,
    machine: Machine,
    *,
    out: str | Path | None,
    quiet: bool,
    resume: bool,
) -> Run:
    """Like :func:`nlpcl.runs.fit.fit`, for rows that are already split."""
    model, task, rows = build(entry, config, splits, machine)
    folder = prepare_folder(out, entry, resume)
    record = start_record(entry, config, splits, model, machine, folder, resume)
    write_json(folder / "run.json", record)
    if entry.own and not resume:
        keep_code(entry, folder)
    dev_rows = task.encode(splits.dev)
    training: Training | None = None
    try:
        training = train(
            on_device(model, machine.device),
            rows,
            task.collate_training,
            lambda current: task.dev_scores(current, dev_rows, machine.precision),
            config,
            folder / "checkpoints",
            precision=machine.precision,
            display=progress.choose(quiet),
            on_epoch=task.set_epoch,
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
    task.after_training(model, dev_rows, machine.precision)
    save_model(model, task, folder)
    write_csv(folder / "history.csv", training.history)
    finish(folder, record, model, task, splits, training, machine.precision)
    # A finished run cannot be resumed; its best weights are in the model.
    shutil.rmtree(folder / "checkpoints", ignore_errors=True)
    return Run(folder, device=config.device, precision=config.precision)


def finish(
    folder: Path,
    record: dict[str, Any],
    model: ZooModel,
    task: Task,
    splits: Splits,
    training: Training,
    precision: str,
) -> None:
    """Evaluate the trained model and complete the run's record."""
    with timed(model, parts_of(model)) as timing:
        report, predictions = evaluate(model, task, splits, precision)
    report.extend(task.examine(model, splits, precision))
    write_json_lines(folder / "predictions.jsonl", predictions)
    write_json(folder / "report.json", report.as_dict())
    # Not in the report, which is the same whenever a training is repeated.
    times = {"seconds_per_epoch": training.seconds_per_epoch}
    costs = {"costs": cost_table(model, timing).as_dict()}
    write_json(folder / "run.json", record | ended(record) | times | costs)


def ended(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return state, time and duration of a run that ends now."""
    moment = now()
    seconds = (moment - datetime.datetime.fromisoformat(record["started"])).total_seconds()
    return {"state": "finished", "ended": moment.isoformat(), "seconds": round(seconds, 1)}


def prepare_folder(out: str | Path | None, entry: zoo.Entry, resume: bool) -> Path:
    """Create an empty run folder, or check the one to resume."""
    if resume:
        folder = Path(str(out))
        if read_record(folder).get("state") == "finished":
            raise UserError("is finished already", folder, f"See it: nlpcl eval {folder}")
        return folder
    if out is None:
        folder = stamped_folder(entry.name)
    else:
        folder = Path(out)
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise UserError(
                "exists and is not empty",
                f"--out {folder}",
                f"Choose another, or go on with it: --resume {folder}",
            )
    with explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
    return folder


def save_model(model: ZooModel, task: Task, folder: Path) -> None:
    """Save weights (safetensors), configuration and processor, atomically."""
    with atomic_folder(folder / "model") as place:
        try:
            model.save_pretrained(place)
            task.processor.save_pretrained(place)
        except OSError:
            raise
        except Exception as error:  # safetensors has an exception of its own for a full disk
            raise OSError(first_line(error)) from error


def keep_code(entry: zoo.Entry, folder: Path) -> None:
    """Copy the Python files of a user's model folder, so that the run does not depend on it."""
    packages = [path.parent for path in entry.folder.glob("*/__init__.py")]
    files = [file for place in (entry.folder, *packages) for file in place.glob("*.py")]
    with atomic_folder(folder / OWN_CODE) as place:
        for file in files:
            target = place / entry.folder.name / file.relative_to(entry.folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)
