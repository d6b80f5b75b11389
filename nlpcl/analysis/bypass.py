"""How much a trained model relies on each of its modules: scores with the module bypassed.

A bypassed module returns its first input. A drop says how much the rest of *this* model leans on
the module, not how good a model trained without it would be: that is what ``nlpcl ablate`` says.
Whether a gate or an attention is more than a constant is told by a second row: the gate is replaced
by its own mean over the test's texts and their tokens, the attention by a uniform one.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from torch import Tensor, nn

from nlpcl.core.errors import UserError
from nlpcl.core.splits import Splits
from nlpcl.core.tables import Cell, Report, Table
from nlpcl.metrics.clusters import clusters_of
from nlpcl.metrics.collapse import answer
from nlpcl.metrics.confusion import cell
from nlpcl.metrics.intervals import paired_bootstrap
from nlpcl.metrics.rates import exact_interval
from nlpcl.metrics.resampling import summed_units
from nlpcl.nn.costs import Timing, parameter_count, timed
from nlpcl.nn.gate_statistics import GateStatistics, replaced, watched
from nlpcl.nn.model import ZooModel
from nlpcl.runs.evaluation import evaluate
from nlpcl.runs.folder import FOLDS
from nlpcl.runs.rows import load_unsplit, study_folds
from nlpcl.runs.run import Run
from nlpcl.tasks.spec import TaskSpec

FULL = "(nothing)"
NOTE = (
    "A bypassed module returns its first input, without retraining: a drop tells how much this "
    "model relies on the module, not how good a model trained without it would be "
    "(nlpcl ablate). Time: percentage of the forward passes on the test set; changed: "
    "percentage of the answers that change."
)
PLAIN_NOTE = (
    " (its mean): instead of the gate, its mean over the texts and tokens of the test. (uniform): "
    "attention to all frames equally. Where that changes nothing, the module does no more than a "
    "constant would."
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


def plain_forms(
    model: ZooModel, gates: Mapping[str, GateStatistics]
) -> dict[str, tuple[nn.Module, Callable[..., Tensor]]]:
    """Name modules that may be replaced by a constant form, with the function that replaces them.

    Args:
        model: a trained model.
        gates: the statistics of its gates over the test.
    """

    def constant(factors: Tensor) -> Callable[..., Tensor]:
        return lambda states, mask: states * factors.to(states)

    found: dict[str, tuple[nn.Module, Callable[..., Tensor]]] = {}
    for name, gate in model.gates().items():
        found[f"{name} (its mean)"] = gate, constant(gates[name].mean)
    for name, attention in model.attentions().items():
        found[f"{name} (uniform)"] = attention, attention.uniform
    return found


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
    for part, rows in parts(run, splits, config):
        named = modules(part.model)
        if not named:
            what = f"{run.record['model']} has no module that can be bypassed"
            raise UserError(what, "--by module", "Score the model as it is.")
        sizes = {name: parameter_count(module) for name, module in named.items()}
        with timed(part.model, named) as measured, watched(part.model.gates()) as gates:
            add(answers, FULL, part, rows, config, names)
        timing.model += measured.model
        for name, calls in measured.calls.items():
            timing.modules[name] = timing.modules.get(name, 0.0) + measured.modules.get(name, 0.0)
            timing.calls[name] = timing.calls.get(name, 0) + calls
            with bypassed(named[name]):
                add(answers, name, part, rows, config, names)
        for name, (module, function) in plain_forms(part.model, gates).items():
            sizes[name] = parameter_count(module)
            with replaced(module, function):
                add(answers, name, part, rows, config, names)
    protocol = run.record["data"]["protocol"] if splits is None else splits.protocol
    predictions = [
        {"bypassed": name, **row}
        for name, found in answers.items()
        for rows in found.rows.values()
        for row in rows
    ]
    return report_of(answers, timing, sizes, run.spec, config, protocol), predictions


def parts(run: Run, splits: Splits | None, config: Any) -> Iterator[tuple[Run, Splits]]:
    """Yield the models to test with their rows: the run itself, or the folds of a study.

    Args:
        run: the run.
        splits: its rows; None for a study.
        config: of the study, with the place of its data.
    """
    if splits is not None:
        yield run, splits
        return
    clips = load_unsplit(config)
    for fold in study_folds(clips.train, config):
        folder = run.folder / FOLDS / fold.name
        machine = {"device": str(run.machine.device), "precision": run.precision}
        part = Run(folder, **machine, entry=run.entry)
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
            share = timing.percent(name) if name in timing.calls else None
            rows.append([name, sizes[name], share, *cells])
            if not number:
                report.metrics[f"drop/{name}"] = float(cells[1] or 0.0)
        if not number:
            report.metrics = {metric: float(rows[0][3] or 0.0), **report.metrics}
        columns = ["bypassed", "parameters", "time (%)", metric, "drop"]
        if test:
            columns += ["low", "high", "changed (%)"]
        n = f", n = {len(whole.rows[test])}" if test else ""
        title = f"Modules bypassed{f', {test} test' if test else ''}{n}. {protocol}".strip()
        plain = PLAIN_NOTE if len(sizes) > len(timing.calls) else ""
        note = f"{NOTE}{plain} Drop of {metric} in points"
        note += ", with its paired 95 % interval over resampled items or clusters." if test else "."
        note = " ".join(filter(None, [remarks(answers, test, spec), note]))
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
    pairs = np.stack([before, after], axis=1)[:, :, None]
    difference = paired_bootstrap(summed_units(pairs, together and together.names), score)
    changed = sum(answer(one) != answer(other) for one, other in zip(first, second, strict=True))
    # Resampling answers that are all the same gives no interval of width 0, but none.
    ends = [cell(end) if changed else None for end in (difference.low, difference.high)]
    return [float(score(after.sum(0))), difference.value, *ends, 100 * changed / len(first)]


def remarks(answers: Mapping[str, Answers], test: str, spec: TaskSpec) -> str:
    """Say which states of the model have collapsed, and what no changed answer stands for."""
    said: list[str] = []
    found: dict[str, list[str]] = {}
    for name, one in answers.items():
        how = spec.collapse(one.rows.get(test, []))
        found.setdefault(how, []).append(name)
    for how, names in found.items():
        if how:
            said.append(f"COLLAPSED: bypassing {', '.join(names)} the model {how}.")
    whole = [answer(row) for row in answers[FULL].rows.get(test, [])]
    others = [one.rows[test] for name, one in answers.items() if whole and name != FULL]
    if any([answer(row) for row in rows] == whole for rows in others):
        most = exact_interval(0, len(whole))[1]
        said.append(f"Where no answer changed, up to {most:.1f} % may (exact 95 % interval).")
    return " ".join(said)
