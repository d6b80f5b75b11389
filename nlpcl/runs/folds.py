"""Cross-validation: training on each fold of a protocol, with pooled out-of-fold predictions.

The run folder holds a whole run for each fold under ``folds/``; ``predictions.jsonl`` and
``report.json`` are made from the test predictions of all of them. ``model/`` is the model of one
fold, the one with the best dev score: it serves ``predict`` and tests on other corpora.
"""

from __future__ import annotations

import contextlib
import shutil
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nlpcl import zoo
from nlpcl.core import progress
from nlpcl.core.errors import UserError
from nlpcl.core.files import (
    atomic_folder,
    write_csv,
    write_json,
    write_json_lines,
)
from nlpcl.core.splits import Problem, Splits
from nlpcl.core.tables import Report
from nlpcl.data.fold_classes import lacking_classes
from nlpcl.data.leaks import leak_statement, title
from nlpcl.data.protocols import Fold
from nlpcl.nn.costs import mean_costs
from nlpcl.nn.devices import Machine
from nlpcl.runs import baselines
from nlpcl.runs.checksums import FILES, MODEL, check_model, model_checksums
from nlpcl.runs.evaluation import check_tests, say_collapse, split_table
from nlpcl.runs.folder import FOLDS, new_folder, read_record
from nlpcl.runs.provenance import listed_problems, study_record
from nlpcl.runs.rows import check_rows, load_unsplit, study_folds
from nlpcl.runs.run import Run
from nlpcl.runs.single import ended, fit_splits, how_to_go_on, resumed_folder
from nlpcl.tasks import spec, task_class


def cross_validate(
    entry: zoo.Entry,
    config: Any,
    machine: Machine,
    *,
    out: str | Path | None,
    quiet: bool,
    resume: bool,
    baseline: bool = True,
) -> Run:
    """Train and test on every fold; a resumed run keeps its finished folds.

    Raises:
        UserError: the protocol does not fit the data.
        KeyboardInterrupt: stopped by Ctrl-C; the run can be resumed.
    """
    with contextlib.ExitStack() as held:
        begun = held.enter_context(resumed_folder(Path(str(out)))) if resume else None
        clips = load_unsplit(config)
        check_rows(config, clips, quiet=quiet)
        parts = study_folds(clips.train, config)
        for fold in parts:
            check_tests(config, fold_splits(clips, fold))
        for line in lacking_classes(parts):
            clips.notes.append(line)
            if not quiet:
                progress.say(line)
        leaks = leak_statement(parts, clips.train)
        clips.protocol = title(config.protocol, parts)
        folder = begun or held.enter_context(new_folder(out, entry.name))
        record = study_record(entry, config, clips, leaks, folder, resume)
        write_json(folder / "run.json", record)
        try:
            runs = fit_folds(entry, config, clips, parts, machine, folder, quiet, baseline)
            best = best_fold(runs, parts)
            clips.problems = list(dict.fromkeys([*clips.problems, *problems_of(runs)]))
            record["data"]["problems"] = listed_problems(clips)
            record |= pool(folder, config, clips, leaks, runs, best)
            record[FILES] = model_checksums(folder)
            whole = record | shared_facts(runs, best)
            write_json(folder / "run.json", whole | ended(folder, whole))
        except BaseException as error:
            with contextlib.suppress(UserError):
                write_json(folder / "run.json", record | {"state": "interrupted"})
            if isinstance(error, KeyboardInterrupt):
                raise KeyboardInterrupt(how_to_go_on(entry, folder, is_usable=False)) from None
            raise
    return Run(folder, device=config.device, precision=config.precision, entry=entry)


def fit_folds(
    entry: zoo.Entry,
    config: Any,
    clips: Splits,
    parts: Sequence[Fold],
    machine: Machine,
    folder: Path,
    quiet: bool,
    baseline: bool = True,
) -> dict[str, Run]:
    """The runs of all folds, by their names."""
    runs: dict[str, Run] = {}
    for number, fold in enumerate(parts, start=1):
        if not quiet:
            progress.say(f"fold {number} of {len(parts)}: {fold.name}")
        place = folder / FOLDS / fold.name
        runs[fold.name] = fit_fold(entry, config, clips, fold, machine, place, quiet, baseline)
    return runs


def best_fold(runs: dict[str, Run], parts: Sequence[Fold]) -> str:
    """The fold with the best dev score; of those that have trained on most classes."""
    learnt = {fold.name: len({row["label"] for row in fold.train}) for fold in parts}
    return max(runs, key=lambda name: (learnt[name], runs[name].best_dev_score))


def problems_of(runs: dict[str, Run]) -> list[Problem]:
    """Rows that the folds could not use."""
    return [Problem(**one) for run in runs.values() for one in run.record["data"]["problems"]]


def shared_facts(runs: dict[str, Run], best: str) -> dict[str, Any]:
    """Merge the records of the folds, and list the speakers that the kept model was trained on."""
    first = next(iter(runs.values())).record
    facts = {key: first[key] for key in ("parameters", "device", "precision")}
    costs = [run.record["costs"] for run in runs.values() if "costs" in run.record]
    facts |= {"costs": mean_costs(costs).as_dict()} if costs else {}
    epochs = [run.record.get("seconds_per_epoch") for run in runs.values()]
    facts["seconds_per_epoch"] = statistics.median(filter(None, epochs)) if any(epochs) else None
    return facts | {"model_fold": best, "speakers": runs[best].record.get("speakers", [])}


def fit_fold(
    entry: zoo.Entry,
    config: Any,
    clips: Splits,
    fold: Fold,
    machine: Machine,
    folder: Path,
    quiet: bool,
    baseline: bool = True,
) -> Run:
    """Train a fold, resume it, or read it if it is finished."""
    begun = (folder / "run.json").is_file()
    if begun and read_record(folder).get("state") == "finished":
        return Run(folder, device=config.device, precision=config.precision, entry=entry)
    splits = fold_splits(clips, fold)
    return fit_splits(
        entry, config, splits, machine, out=folder, quiet=quiet, resume=begun, baseline=baseline
    )


def fold_splits(clips: Splits, fold: Fold) -> Splits:
    """The clips of a fold."""
    return Splits(
        clips.name,
        train=list(fold.train),
        dev=list(fold.dev),
        test={clips.name: list(fold.test)},
        protocol=f"{clips.protocol}; fold {fold.name}",
        classes=sorted({row["label"] for row in clips.train}),
    )


def pool(
    folder: Path,
    config: Any,
    clips: Splits,
    leaks: dict[str, Any],
    runs: dict[str, Run],
    best: str,
) -> dict[str, Any]:
    """Pool predictions, history and report of the folds, and keep the model of the best fold.

    Returns:
        What the record says of the pooled answers: the baseline and the warnings.
    """
    rows: list[dict[str, Any]] = []
    epochs: list[dict[str, Any]] = []
    for name, run in runs.items():
        rows += [{"fold": name, **row} for row in run.all_predictions]
        epochs += [{"fold": name, **row} for row in run.history]
    metrics = [run.metrics for run in runs.values()]
    report = task_class(config.task).pooled(rows, metrics, leaks, clips.protocol)
    say_collapse(report, spec(config.task), rows)
    report.tables.append(split_table(clips))
    facts = pool_baselines(folder, config, report, rows, runs)
    write_json_lines(folder / "predictions.jsonl", rows)
    write_csv(folder / "history.csv", epochs)
    with atomic_folder(folder / MODEL) as place:
        shutil.copytree(runs[best].folder / MODEL, place, dirs_exist_ok=True)
    check_model(folder, runs[best].record)
    write_json(folder / "report.json", report.as_dict())
    return facts


def pool_baselines(
    folder: Path, config: Any, report: Report, rows: list[dict[str, Any]], runs: dict[str, Run]
) -> dict[str, Any]:
    """Pool the answers of the folds' baselines, and add them to the report.

    Returns:
        The baseline's name, if there is one, and the warnings.
    """
    listed = {name: run.record.get("warnings", []) for name, run in runs.items()}
    warnings = baselines.of_folds(listed)
    report.tables[0].note = " ".join([*warnings, report.tables[0].note]).strip()
    names = {run.record.get("baseline", "") for run in runs.values()}
    if len(names) > 1 or "" in names:
        return {"warnings": warnings}
    answers = spec(config.task).answers
    plain = [
        {"fold": name, **row}
        for name, run in runs.items()
        for row in baselines.kept(run.folder, answers)
    ]
    write_json_lines(folder / baselines.FILE, plain)
    name = names.pop()
    warnings += baselines.add(report, spec(config.task), config, rows, plain, name)
    return {"baseline": name, "warnings": warnings}
