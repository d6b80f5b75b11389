"""Evaluation of a model on test sets."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nlpcl import tasks
from nlpcl.core.config import RunConfig
from nlpcl.core.splits import Splits, by_use
from nlpcl.core.tables import Report, Table
from nlpcl.tasks.renaming import check_gold, renamed
from nlpcl.tasks.spec import TaskSpec

if TYPE_CHECKING:
    from nlpcl.nn.model import ZooModel
    from nlpcl.tasks.protocol import Task


def evaluate(
    model: ZooModel, task: Task, splits: Splits, precision: str
) -> tuple[Report, list[dict[str, Any]]]:
    """Score every test set; metrics of the first have no prefix.

    Raises:
        UserError: test rows of a class that the model does not know.
    """
    from nlpcl.nn.gate_statistics import gate_table, watched

    if tasks.spec(task.config.task).answers == "labels":
        check_gold(splits, renamed(classes_of(model), task.names))
    report = Report()
    spec = tasks.spec(task.config.task)
    predictions: list[dict[str, Any]] = []
    for place, (name, examples) in enumerate(splits.test.items()):
        title = f"{name} test. {splits.protocol}"
        with watched(model.gates()) as gates:
            scores, rows = task.evaluate(model, examples, precision, title)
        say_collapse(scores, spec, rows)
        if gates:
            scores.tables.append(gate_table(gates, name))
        prefix = f"{name}/" if place else ""
        report.metrics |= {prefix + metric: value for metric, value in scores.metrics.items()}
        for table in scores.tables:
            report.tables.append(dataclasses.replace(table, name=prefix + table.name))
        predictions += [{"test": name, **row} for row in rows]
    report.tables.append(split_table(with_problems(splits, task)))
    return report, predictions


def with_problems(splits: Splits, task: Task) -> Splits:
    """Splits with the rows that a task could not use among their problems, each once."""
    problems = list(dict.fromkeys([*splits.problems, *task.problems]))
    return dataclasses.replace(splits, problems=problems)


def say_collapse(report: Report, spec: TaskSpec, rows: Sequence[Mapping[str, Any]]) -> None:
    """Say below the first table of a test whether the model, or that of a fold, has collapsed.

    Args:
        report: of the test, changed in place.
        spec: of the task.
        rows: its prediction rows; those of a study name their fold.
    """
    parts: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        parts.setdefault(row.get("fold", ""), []).append(row)
    found = {fold: spec.collapse(own) for fold, own in parts.items()}
    for fold, how in found.items():
        if how:
            where = f"the model of fold {fold}" if fold else "the model"
            first = report.tables[0]
            remark = f"COLLAPSED: {where} {how}."
            report.tables[0] = dataclasses.replace(first, note=f"{remark} {first.note}".strip())


def heard(record: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> str:
    """A sentence on the test clips by speakers that a run has heard; empty where there are none.

    Args:
        record: of the run, with the ``speakers`` that it was trained or selected on.
        rows: prediction rows.
    """
    known = set(record.get("speakers", ()))
    number = sum(row.get("speaker") in known for row in rows)
    if not number:
        return ""
    return (
        f"{number} of {len(rows)} clips are by speakers the model was trained on or selected "
        "with: in part SPEAKER-DEPENDENT."
    )


def check_tests(config: RunConfig, splits: Splits) -> None:
    """Refuse test rows of a class that no training row has, before anything is trained.

    Raises:
        UserError: there are some, or no model can be made for the training rows.
    """
    labels = tasks.task_class(config.task).facts(splits, config).get("labels")
    if labels is not None:
        check_gold(splits, labels)


def classes_of(model: ZooModel) -> list[str]:
    """The classes of a model, in the order of its logits."""
    names: Any = model.config.id2label or {}
    return [names[at] for at in range(len(names))]


def split_table(splits: Splits) -> Table:
    """Build a table of split sizes and of what was left out."""
    rows: Sequence[Any] = list(splits.sizes().items())
    notes = [*splits.notes]
    for named, problems in by_use(splits.problems).items():
        if problems:
            many = "rows" if len(problems) > 1 else "row"
            notes.append(f"{len(problems)} {many} {named} (listed by nlpcl data check)")
    return Table("splits", ["split", "rows"], rows, title="Data", note="; ".join(notes))


def marked(report: Report, remark: str) -> Report:
    """Put a remark in front of every title, once; nothing if it is empty."""
    for table in report.tables if remark else ():
        title = table.title or table.name
        if not title.startswith(remark.upper()):
            table.title = f"{remark.upper()}. {title}"
    return report
