"""A model beside a plain baseline on the same test rows, and what must be said of it.

The baseline is fitted to the same training rows (:meth:`nlpcl.tasks.protocol.Task.baseline`). Its
answers are kept as ``baseline.jsonl``; a run of another corpus fits it anew.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from nlpcl.core.config import RunConfig
from nlpcl.core.files import write_json_lines
from nlpcl.core.json_files import read_json_lines
from nlpcl.core.splits import Splits
from nlpcl.core.tables import Cell, Report, Table
from nlpcl.metrics.chance import not_learnt
from nlpcl.metrics.clusters import clusters_of
from nlpcl.metrics.confusion import cell
from nlpcl.runs.ablation.comparison import Comparison, compare
from nlpcl.runs.answers import read_answers
from nlpcl.runs.shapes import PlainSpansRow
from nlpcl.tasks.baselines import Baseline
from nlpcl.tasks.protocol import Task
from nlpcl.tasks.spec import Answers, TaskSpec

FILE = "baseline.jsonl"
MODEL, PLAIN = "model", "baseline"
BELOW, NOT_ABOVE, NOT_LEARNT = "BELOW THE BASELINE", "NOT ABOVE THE BASELINE", "NOT LEARNT"

Rows = Sequence[Mapping[str, Any]]


def keep(folder: Path, found: Baseline) -> list[dict[str, Any]]:
    """Write the answers of a baseline into a run's folder, and return them."""
    rows = found.rows()
    write_json_lines(folder / FILE, rows)
    return rows


def kept(folder: Path, answers: Answers) -> list[dict[str, Any]]:
    """The answers of a run's baseline; empty where it has none.

    Args:
        folder: of the run.
        answers: what its rows hold.

    Raises:
        UserError: the file is damaged.
    """
    file = folder / FILE
    if not file.is_file():
        return []
    if answers == "labels":
        return read_answers(file, answers)
    rows: list[Any] = read_json_lines(file, PlainSpansRow)
    return rows


def add(
    report: Report, spec: TaskSpec, settings: RunConfig, rows: Rows, plain: Rows, name: str
) -> list[str]:
    """Add the baseline to a report, a table a test set, and say where the model is not better.

    Args:
        report: of the model, changed in place.
        spec: of the task.
        settings: of the run.
        rows: prediction rows of the model, by test set.
        plain: of the baseline.
        name: of the baseline.

    Returns:
        Warnings, one line each.
    """
    warnings: list[str] = []
    for place, test in enumerate(dict.fromkeys(row.get("test", "") for row in rows)):
        prefix = f"{test}/" if place else ""
        own = [row for row in rows if row.get("test", "") == test]
        other = in_order(own, [row for row in plain if row.get("test", "") == test])
        if other is None:
            continue
        found = compared(spec, settings, own, other)
        at = next(n for n, one in enumerate(report.tables) if one.name.startswith(prefix))
        report.tables.insert(at + 1, table(found, test, name, prefix))
        report.metrics |= metrics(found, spec.measures.selection, prefix)
        if said := remark(found[spec.measures.selection], spec.measures.selection, name):
            warnings.append(f"{test}: {said}" if place else said)
            first = report.tables[at]
            report.tables[at] = replace(first, note=f"{said} {first.note}".strip())
    return warnings


def in_order(rows: Rows, plain: Rows) -> Rows | None:
    """The baseline's answers to the model's test rows, in their order; None where one is missing.

    An evaluation may have left out or renamed rows since.
    """
    if [row.get("id") for row in rows] == [row.get("id") for row in plain]:
        return plain
    by_id = {row.get("id"): row for row in plain}
    ids = [row.get("id") for row in rows]
    if len(by_id) < len(plain) or not set(ids) <= by_id.keys() or len(set(ids)) < len(ids):
        return None
    return [by_id[one] for one in ids]


def compared(
    spec: TaskSpec, settings: RunConfig, rows: Rows, plain: Rows
) -> dict[str, tuple[float, float, Comparison]]:
    """By headline measure: the model's score, the baseline's, and the paired comparison.

    Gold is the model's: the same items are scored. Clusters of items are kept together.
    """
    summed = spec.measures.summed
    assert summed is not None
    plain = [{**one, "gold": row["gold"]} for one, row in zip(plain, rows, strict=True)]
    clusters = clusters_of(rows)
    found = {}
    for measure in spec.measures.headline:
        sums, score = summed(measure, [rows, plain], settings)
        parts = {PLAIN: {0: sums(plain)}, MODEL: {0: sums(rows)}}
        scores = {who: float(score(one[0].sum(0))) for who, one in parts.items()}
        (one,) = compare(parts, PLAIN, score, clusters and clusters.names)
        found[measure] = scores[MODEL], scores[PLAIN], one
    return found


def p_value(one: Comparison) -> float:
    """Two-sided, for these very models on other items; NaN where nothing can be tested."""
    from scipy.special import stdtr

    error = one.difference.standard_error
    if math.isnan(error):
        return math.nan
    if not error:
        return math.nan if one.difference.value else 1.0
    return 2 * float(stdtr(one.freedom, -abs(one.difference.value) / error))


def table(
    found: Mapping[str, tuple[float, float, Comparison]], test: str, name: str, prefix: str = ""
) -> Table:
    """The model beside the baseline, a line a measure."""
    rows: list[list[Cell]] = []
    for measure, (model, plain, one) in found.items():
        gap, p = one.difference, p_value(one)
        shown = None if math.isnan(p) else "< 0.001" if p < 0.001 else f"{p:.3f}"
        rows.append([measure, model, plain, gap.value, cell(gap.low), cell(gap.high), shown])
    first = next(iter(found.values()))[2].difference
    note = (
        f"The baseline is a {name}, fitted to the same training rows. Percent; the difference is "
        f"the model's, paired. 95 % intervals and p are of these very models on other test items: "
        f"{first.method}."
    )
    title = f"{test} test: beside a plain baseline" if test else "Beside a plain baseline"
    columns = ["score", "model", "baseline", "difference", "low", "high", "p"]
    return Table(f"{prefix}baseline", columns, rows, title=title, note=note)


def metrics(
    found: Mapping[str, tuple[float, float, Comparison]], selection: str, prefix: str = ""
) -> dict[str, float]:
    """``baseline_ua`` and the like, and ``above_baseline``: the difference by the main measure."""
    values = {f"{prefix}baseline_{measure}": plain for measure, (_, plain, _) in found.items()}
    gap = found[selection][2].difference
    named = {"above_baseline": gap.value, "above_baseline_low": gap.low}
    named |= {"above_baseline_high": gap.high, "above_baseline_p": p_value(found[selection][2])}
    values |= {prefix + key: value for key, value in named.items()}
    return {key: value for key, value in values.items() if not math.isnan(value)}


def remark(found: tuple[float, float, Comparison], measure: str, name: str) -> str:
    """A sentence where the model is below the baseline, or equal to it; else empty."""
    model, plain, one = found
    if model > plain:
        return ""
    gap = one.difference
    between = ""
    if not math.isnan(gap.low):
        between = f", 95 % interval {gap.low:+.1f} to {gap.high:+.1f}"
    kind, short = BELOW if gap.high < 0 else NOT_ABOVE, name.partition(" (")[0]
    return (
        f"{kind}: {measure} {model:.1f} against {plain:.1f} of a {short} "
        f"({gap.value:+.1f}{between})."
    )


def learning_remark(task: Task, splits: Splits, history: Sequence[Mapping[str, Any]]) -> str:
    """A sentence where the final training loss is near that of a constant answer; else empty."""
    name = f"loss_{task.class_loss}"
    constant = task.constant_loss(splits)
    if constant is None or not history or name not in history[-1]:
        return ""
    loss = float(history[-1][name])
    if not not_learnt(loss, constant):
        return ""
    return (
        f"{NOT_LEARNT}: the training loss of the last epoch is {loss:.2f}; always answering with "
        f"the class frequencies has {constant:.2f}."
    )


def of_folds(folds: Mapping[str, Sequence[str]]) -> list[str]:
    """One sentence for the models of all folds that have not learnt; none if all have.

    Args:
        folds: name of a fold → the warnings of its run.
    """
    found = {
        name: one
        for name, warnings in folds.items()
        for one in warnings
        if one.startswith(NOT_LEARNT)
    }
    if not found:
        return []
    first, said = next(iter(found.items()))
    what = f"{len(found)} of {len(folds)} folds have not learnt"
    return [f"{NOT_LEARNT}: the models of {what}; {first}: {said.removeprefix(NOT_LEARNT + ': ')}"]
