"""Evaluation of a model on test sets."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from nlpcl import tasks
from nlpcl.core.config import RunConfig
from nlpcl.core.splits import Splits, by_use
from nlpcl.core.tables import Report, Table
from nlpcl.tasks.renaming import check_gold, renamed

if TYPE_CHECKING:
    from nlpcl.nn.model import ZooModel
    from nlpcl.tasks.protocol import Task


def evaluate(
    model: ZooModel, task: Task, splits: Splits, precision: str
) -> tuple[Report, list[dict[str, Any]]]:
    """Scores and predictions on every test set; the first one gives the unprefixed metrics.

    Raises:
        UserError: test rows of a class that the model does not know.
    """
    if tasks.spec(task.config.task).answers == "labels":
        check_gold(splits, renamed(classes_of(model), task.names))
    report = Report()
    predictions: list[dict[str, Any]] = []
    for place, (name, examples) in enumerate(splits.test.items()):
        title = f"{name} test. {splits.protocol}"
        scores, rows = task.evaluate(model, examples, precision, title)
        prefix = f"{name}/" if place else ""
        report.metrics |= {prefix + metric: value for metric, value in scores.metrics.items()}
        for table in scores.tables:
            report.tables.append(dataclasses.replace(table, name=prefix + table.name))
        predictions += [{"test": name, **row} for row in rows]
    report.tables.append(split_table(splits))
    return report, predictions


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
            notes.append(f"{len(problems)} rows {named} (listed in run.json)")
    return Table("splits", ["split", "rows"], rows, title="Data", note="; ".join(notes))
