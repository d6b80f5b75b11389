"""The plain baseline of a run in a later evaluation: its kept answers, or fitted anew.

On the run's own test sets its answers were kept; for other data it is fitted again to the rows that
the model was trained on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from nlpcl.core.config import RunConfig
from nlpcl.core.errors import UserError
from nlpcl.core.splits import Example, Splits
from nlpcl.core.tables import Report
from nlpcl.runs.baselines import Rows, add, kept
from nlpcl.runs.rows import load_data, study_folds
from nlpcl.runs.run import Run
from nlpcl.tasks.renaming import merged, renamed


def add_to_evaluation(
    run: Run,
    config: RunConfig,
    report: Report,
    rows: Rows,
    others: Splits | None,
    names: Mapping[str, str],
) -> list[str]:
    """:func:`add` to an evaluation of a run that was trained beside a baseline.

    Args:
        run: what was evaluated.
        config: its settings with those of the evaluation.
        report: of the evaluation, changed in place.
        rows: its predictions.
        others: test sets of other data, which the baseline is fitted anew for; None for the run's
            own, whose answers it has kept.
        names: class of the model → what the rows call it.

    Returns:
        Warnings, one line each.
    """
    if "baseline" not in run.record:
        return []
    name = run.record["baseline"]
    if others is None:
        plain = under_names(kept(run.folder, run.spec.answers), names)
        return add(report, run.spec, config, rows, plain, name)
    try:
        train = training_rows(run)
    except UserError as error:
        report.tables[0].note = f"{report.tables[0].note} No plain baseline: {error}".strip()
        return []
    found = run.task_for(config, names).baseline(replace(others, train=train))
    return [] if found is None else add(report, run.spec, config, rows, found.rows(), found.name)


def training_rows(run: Run) -> list[Example]:
    """The rows that a run's model was trained on, of a study those of its model's fold.

    Raises:
        UserError: they cannot be read, or are not what they were.
    """
    splits = load_data(run.config)
    train = splits.train
    if run.is_study:
        made, name = study_folds(train, run.config), run.record.get("model_fold", "")
        train = next((list(one.train) for one in made if one.name == name), [])
    if not train or splits.fingerprint() != run.record.get("data", {}).get("fingerprint"):
        raise UserError("the data of the training have changed", run.folder)
    return train


def under_names(plain: Rows, names: Mapping[str, str]) -> list[dict[str, Any]]:
    """The answers of a baseline whose classes are called otherwise in an evaluation."""
    if not names or not plain or "probabilities" not in plain[0]:
        return [dict(row) for row in plain]
    labels = list(plain[0]["probabilities"])
    shown = renamed(labels, names)
    values = merged([[row["probabilities"][one] for one in labels] for row in plain], labels, names)
    rows = []
    for row, own in zip(plain, values, strict=True):
        best = shown[max(range(len(shown)), key=lambda at: own[at])]
        probabilities = dict(zip(shown, own, strict=True))
        rows.append({**row, "label": best, "probabilities": probabilities})
    return rows
