"""How much a trained model relies on each of its modules: scores with the module bypassed.

A bypassed module returns its first input. A drop says how much the rest of *this* model leans on
the module, not how good a model trained without it would be: that is what ``nlpcl ablate`` says.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from torch import Tensor, nn

from nlpcl.core.errors import UserError
from nlpcl.core.splits import Splits
from nlpcl.core.tables import Cell, Report, Table
from nlpcl.data.protocols import folds
from nlpcl.metrics.clusters import clusters_of
from nlpcl.nn.costs import Timing, parameter_count, timed
from nlpcl.runs.ablation.comparison import paired
from nlpcl.runs.evaluation import evaluate
from nlpcl.runs.folder import FOLDS
from nlpcl.runs.rows import load_unsplit
from nlpcl.runs.run import Run
from nlpcl.tasks.spec import TaskSpec

FULL = "(nothing)"
NOTE = (
    "A bypassed module returns its first input, without retraining: a drop tells how much this "
    "model relies on the module, not how good a model trained without it would be "
    "(nlpcl ablate). Time: percentage of the forward passes on the test set; changed: "
    "percentage of the answers that change."
)


@dataclass
class Answers:
    """Predictions of the model on the test sets, with or without one module.

    Args:
        rows: prediction rows of every test set.
        metrics: of the report, for tasks without prediction rows.
    """

    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)


def modules(model: Any) -> dict[str, nn.Module]:
    """Return the modules that can be bypassed: encoder layers, and those that the model names."""
    return encoder_layers(getattr(model, "backbone", None)) | dict(model.modules_to_bypass())


def encoder_layers(backbone: nn.Module | None) -> dict[str, nn.Module]:
    """Name ``encoder layer 1``, ...: the largest stack of modules of one type in the encoder."""
    stacks = [
        stack
        for stack in ([] if backbone is None else backbone.modules())
        if isinstance(stack, nn.ModuleList) and len({type(layer) for layer in stack}) == 1
    ]
    if not stacks:
        return {}
    largest = max(stacks, key=parameter_count)
    return {f"encoder layer {number}": layer for number, layer in enumerate(largest, start=1)}


@contextlib.contextmanager
def bypassed(module: nn.Module) -> Iterator[None]:
    """Context manager in which the module returns its first input.

    Where it returns several things, only the first of them is replaced.

    Raises:
        ValueError: when it runs: its output is not shaped like its first input.
    """

    def replace(module: nn.Module, given: tuple[Any, ...], named: Any, output: Any) -> Any:
        first = given[0] if given else next(iter(named.values()))
        result = output[0] if isinstance(output, tuple) else output
        if not isinstance(result, Tensor) or first.shape != result.shape:
            raise ValueError(f"{type(module).__name__} changes the shape and cannot be bypassed")
        first = first.to(result.dtype)
        return (first, *output[1:]) if isinstance(output, tuple) else first

    # With a hook the module's own calculation runs too, so that its further outputs are there.
    handle = module.register_forward_hook(replace, with_kwargs=True)
    try:
        yield
    finally:
        handle.remove()


def module_report(
    run: Run, splits: Splits | None, config: Any, names: Mapping[str, str] | None = None
) -> tuple[Report, list[dict[str, Any]]]:
    """Evaluate a run with the whole model, and with each module bypassed.

    Args:
        run: a trained model, or a study: then each fold's own model answers for its own test
            clips, and the answers are scored together.
        splits: the test rows; not read for a study.
        config: of the evaluation.
        names: class of the model → what the rows call it.

    Returns:
        A table for each test set, and every prediction row with the name of what was bypassed.

    Raises:
        UserError: the model has no module that can be bypassed, or a fold has no model.
    """
    answers: dict[str, Answers] = {}
    timing, sizes = Timing(), {}
    for part, rows in parts(run, splits):
        named = modules(part.model)
        if not named:
            what = f"{run.record['model']} has no module that can be bypassed"
            raise UserError(what, "--by module", "Score the model as it is.")
        sizes = {name: parameter_count(module) for name, module in named.items()}
        with timed(part.model, named) as measured:
            add(answers, FULL, part, rows, config, names)
        timing.model += measured.model
        for name, calls in measured.calls.items():
            timing.modules[name] = timing.modules.get(name, 0.0) + measured.modules.get(name, 0.0)
            timing.calls[name] = timing.calls.get(name, 0) + calls
            with bypassed(named[name]):
                add(answers, name, part, rows, config, names)
    protocol = run.record["data"]["protocol"] if splits is None else splits.protocol
    predictions = [
        {"bypassed": name, **row}
        for name, found in answers.items()
        for rows in found.rows.values()
        for row in rows
    ]
    return report_of(answers, timing, sizes, run.spec, config, protocol), predictions


def parts(run: Run, splits: Splits | None) -> Iterator[tuple[Run, Splits]]:
    """Yield the models to test with their rows: the run itself, or the folds of a study."""
    if splits is not None:
        yield run, splits
        return
    config: Any = run.config
    clips = load_unsplit(config)
    for fold in folds(clips.train, config.protocol, config.seed, config.dev_fraction):
        folder = run.folder / FOLDS / fold.name
        part = Run(folder, device=str(run.machine.device), precision=run.precision)
        yield part, Splits(clips.name, test={clips.name: list(fold.test)})


def add(
    answers: dict[str, Answers],
    name: str,
    run: Run,
    splits: Splits,
    config: Any,
    names: Mapping[str, str] | None,
) -> None:
    """Note what a model gives in its present state."""
    report, rows = evaluate(run.model, run.task_for(config, names), splits, run.precision)
    place = answers.setdefault(name, Answers())
    place.metrics |= report.metrics
    for row in rows:
        place.rows.setdefault(row["test"], []).append(row)


def report_of(
    answers: Mapping[str, Answers],
    timing: Timing,
    sizes: Mapping[str, int],
    spec: TaskSpec,
    config: Any,
    protocol: str,
) -> Report:
    """Build one table per test set; the metrics are those of the first."""
    metric = spec.measures.selection
    whole = answers[FULL]
    report = Report()
    for number, test in enumerate(whole.rows or [""]):
        rows: list[list[Cell]] = []
        for name, found in answers.items():
            cells = drop_cells(whole, found, test, spec, config)
            if name == FULL:
                rows.append([name, None, None, cells[0], *[None] * (len(cells) - 1)])
                continue
            rows.append([name, sizes[name], timing.percent(name), *cells])
            if not number:
                report.metrics[f"drop/{name}"] = float(cells[1] or 0.0)
        if not number:
            report.metrics = {metric: float(rows[0][3] or 0.0), **report.metrics}
        columns = ["bypassed", "parameters", "time (%)", metric, "drop"]
        if test:
            columns += ["low", "high", "changed (%)"]
        n = f", n = {len(whole.rows[test])}" if test else ""
        title = f"Modules bypassed{f', {test} test' if test else ''}{n}. {protocol}".strip()
        note = f"{NOTE} Drop of {metric} in points"
        note += ", with its paired 95 % interval over resampled items or clusters." if test else "."
        prefix = f"{test}/" if number else ""
        report.tables.append(
            Table(f"{prefix}modules", columns, rows, title=title, note=note, digits=1)
        )
    return report


def drop_cells(
    whole: Answers, found: Answers, test: str, spec: TaskSpec, config: Any
) -> list[Cell]:
    """Metric and drop; with prediction rows, also the interval and the percentage that changed."""
    metric, summed = spec.measures.selection, spec.measures.summed
    if not test or summed is None:
        return [found.metrics[metric], whole.metrics[metric] - found.metrics[metric]]
    first, second = whole.rows[test], found.rows[test]
    sums, score = summed(metric, [first, second], config)
    before, after = sums(first), sums(second)
    together = clusters_of(first)
    difference, _ = paired([before], [after], score, together and together.names, 1000, 0)
    changed = sum(answer(one) != answer(other) for one, other in zip(first, second, strict=True))
    ends = [None if np.isnan(end) else float(end) for end in (difference.low, difference.high)]
    return [float(score(after.sum(0))), difference.value, *ends, 100 * changed / len(first)]


def answer(row: Mapping[str, Any]) -> Any:
    """Return the prediction in a row: the label, or the corrected text."""
    return row["label"] if "label" in row else row["target"]
