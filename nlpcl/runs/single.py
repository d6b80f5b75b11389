"""A single training run: from split rows to a finished run folder."""

from __future__ import annotations

import contextlib
import datetime
import shutil
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

from nlpcl import tasks, zoo
from nlpcl.core import progress
from nlpcl.core.config import RunConfig
from nlpcl.core.errors import UserError, first_line
from nlpcl.core.files import atomic_folder, write_csv, write_json, write_json_lines
from nlpcl.core.splits import Splits
from nlpcl.core.tables import Report
from nlpcl.nn.costs import cost_table, parts_of, timed
from nlpcl.nn.devices import Machine, on_device
from nlpcl.nn.model import ZooModel
from nlpcl.runs import baselines
from nlpcl.runs.build import Built, build
from nlpcl.runs.checksums import FILES, MODEL, check_model, checksum, model_checksums
from nlpcl.runs.evaluation import evaluate, with_problems
from nlpcl.runs.folder import OWN_CODE, begun_folder, new_folder, read_record
from nlpcl.runs.provenance import listed_problems, now, start_record
from nlpcl.runs.run import Run
from nlpcl.tasks import spec
from nlpcl.tasks.baselines import Baseline
from nlpcl.tasks.protocol import Task
from nlpcl.training.records import Training
from nlpcl.training.trainer import train
from nlpcl.training.updates import rehearse

RESULTS = ("history.csv", "predictions.jsonl", "report.json")
"""What a run leaves beside its model."""


def fit_splits(
    entry: zoo.Entry,
    config: RunConfig,
    splits: Splits,
    machine: Machine,
    *,
    out: str | Path | None,
    quiet: bool,
    resume: bool,
    baseline: bool = True,
) -> Run:
    """Like :func:`nlpcl.runs.fit.fit`, for rows that are already split."""
    with contextlib.ExitStack() as held:
        # A run that goes on is locked before the work begins; a new folder is made after what can
        # go wrong without one.
        begun = held.enter_context(resumed_folder(Path(str(out)))) if resume else None
        built = build(entry, config, splits, machine)
        rehearse(built.model, built.task.collate(built.rows[:2]), config)
        folder = begun or held.enter_context(new_folder(out, entry.name))
        return train_in(folder, entry, config, splits, machine, built, quiet, resume, baseline)


def train_in(
    folder: Path,
    entry: zoo.Entry,
    config: RunConfig,
    splits: Splits,
    machine: Machine,
    built: Built,
    quiet: bool,
    resume: bool,
    baseline: bool = True,
) -> Run:
    """Train in a run folder that this process alone writes to.

    Whatever ends the training early, what is on the disk can be gone on with.
    """
    model, task, rows = built
    task_spec = spec(config.task)
    record = start_record(entry, config, splits, model, machine, folder, resume)
    write_json(folder / "run.json", record)
    if entry.own and not resume:
        keep_code(entry, folder)
    is_finished = False
    try:
        dev_rows = task.encode(splits.dev)
        note_problems(record, splits, task)
        if task.problems and not quiet:
            first = task.problems[0]
            progress.say(f"{len(task.problems)} {task_spec.item} left out, such as {first}")
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
            on_history=lambda epochs: write_csv(folder / "history.csv", epochs),
            resume=resume,
        )
        record["progress"] = f"{len(training.history)} of {config.epochs} epochs"
        if training.interrupted:
            record["state"] = "interrupted"
            write_json(folder / "run.json", record)  # first of all: more signals may follow
        if training.has_best or not training.interrupted:
            task.after_training(model, dev_rows, machine.precision)
            save_model(model, task, folder, record)
        if not training.interrupted:
            plain = task.baseline(splits) if baseline else None
            finish(folder, record, model, task, splits, training, machine.precision, plain)
            is_finished = True
    except KeyboardInterrupt:
        pass
    finally:
        if not is_finished:
            record["state"] = "interrupted"
            # On a full disk this fails too; the reason for stopping is the one to report.
            with contextlib.suppress(UserError):
                write_json(folder / "run.json", record)
    if not is_finished:
        raise KeyboardInterrupt(how_to_go_on(entry, folder, bool(record.get(FILES))))
    # A finished run cannot be resumed; its best weights are in the model.
    shutil.rmtree(folder / "checkpoints", ignore_errors=True)
    return Run(folder, device=config.device, precision=config.precision, entry=entry)


def how_to_go_on(entry: zoo.Entry, folder: Path, is_usable: bool) -> str:
    """What is said of a run that was stopped."""
    name = entry.folder if entry.own else entry.name
    usable = f"Its best epoch so far can be used: nlpcl eval {folder}. " if is_usable else ""
    return f"{usable}Go on with: nlpcl train {name} --resume {folder}"


def finish(
    folder: Path,
    record: dict[str, Any],
    model: ZooModel,
    task: Task,
    splits: Splits,
    training: Training,
    precision: str,
    plain: Baseline | None = None,
) -> None:
    """Evaluate the trained model, beside a plain baseline, and complete the run's record."""
    write_csv(folder / "history.csv", training.history)
    with timed(model, parts_of(model)) as timing:
        report, predictions = evaluate(model, task, splits, precision)
    note_problems(record, splits, task)
    report.extend(task.examine(model, splits, precision))
    if training.empty_terms is not None:
        report.tables.append(training.empty_terms)
    record["warnings"] = warnings(report, task, splits, training)
    if plain is not None and predictions:
        record["baseline"], spec = plain.name, tasks.spec(task.config.task)
        rows = baselines.keep(folder, plain)
        record["warnings"] += baselines.add(
            report, spec, task.config, predictions, rows, plain.name
        )
    write_json_lines(folder / "predictions.jsonl", predictions)
    write_json(folder / "report.json", report.as_dict())
    check_model(folder, record)
    # Not in the report, which is the same whenever a training is repeated.
    times = {"seconds_per_epoch": training.seconds_per_epoch}
    costs = {"costs": cost_table(model, timing).as_dict()}
    write_json(folder / "run.json", record | ended(folder, record) | times | costs)


def warnings(report: Report, task: Task, splits: Splits, training: Training) -> list[str]:
    """Say where a model has not learnt, below the first table of its report too."""
    said = baselines.learning_remark(task, splits, training.history)
    if not said:
        return []
    if report.tables:
        report.tables[0].note = f"{said} {report.tables[0].note}".strip()
    return [said]


def note_problems(record: dict[str, Any], splits: Splits, task: Task) -> None:
    """List in the record of a run which rows the task could not use so far."""
    record["data"]["problems"] = listed_problems(with_problems(splits, task))


def ended(folder: Path, record: Mapping[str, Any]) -> dict[str, Any]:
    """Return state, time, duration and checksums of a run that ends now."""
    moment = now()
    seconds = (moment - datetime.datetime.fromisoformat(record["started"])).total_seconds()
    names = [*RESULTS, *([baselines.FILE] if (folder / baselines.FILE).is_file() else [])]
    results = {name: checksum(folder / name) for name in names}
    return {
        "state": "finished",
        "ended": moment.isoformat(),
        "seconds": round(seconds, 1),
        FILES: record[FILES] | results,
    }


@contextlib.contextmanager
def resumed_folder(folder: Path) -> Generator[Path]:
    """The folder of a run that is not finished, to go on in.

    Raises:
        UserError: it is finished, or another process works on it.
    """
    with begun_folder(folder):
        refuse_finished(folder)  # by now
        yield folder


def refuse_finished(folder: Path) -> None:
    """Refuse to go on with a finished run.

    Raises:
        UserError: it is one.
    """
    if read_record(folder).get("state") == "finished":
        raise UserError("is finished already", folder, f"See it: nlpcl eval {folder}")


def save_model(model: ZooModel, task: Task, folder: Path, record: dict[str, Any]) -> None:
    """Save weights (safetensors), configuration and processor, atomically.

    Their checksums are added to the record of the run.
    """
    with atomic_folder(folder / MODEL) as place:
        try:
            model.save_pretrained(place)
            task.processor.save_pretrained(place)
        except OSError:
            raise
        except Exception as error:  # safetensors has an exception of its own for a full disk
            raise OSError(first_line(error)) from error
    record[FILES] = model_checksums(folder)
    write_json(folder / "run.json", record)


def keep_code(entry: zoo.Entry, folder: Path) -> None:
    """Copy the Python files of a user's model folder, so that the run does not depend on it."""
    packages = [path.parent for path in entry.folder.glob("*/__init__.py")]
    files = [file for place in (entry.folder, *packages) for file in place.glob("*.py")]
    with atomic_folder(folder / OWN_CODE) as place:
        for file in files:
            target = place / entry.folder.name / file.relative_to(entry.folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)
