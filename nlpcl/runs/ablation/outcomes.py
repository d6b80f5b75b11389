"""Results of an ablation's cells: costs, predictions, scores, comparisons."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nlpcl.core.errors import UserError
from nlpcl.core.json_files import DAMAGED, read_json
from nlpcl.metrics.clusters import Clusters, clusters_of
from nlpcl.metrics.collapse import gold_answer
from nlpcl.metrics.confusion import ScoreFunction
from nlpcl.metrics.measures import Rows
from nlpcl.runs.ablation.comparison import Comparison, compare, compare_reported
from nlpcl.runs.ablation.identity import code_identity, differing
from nlpcl.runs.ablation.plan import Cell, Plan
from nlpcl.runs.ablation.reuse import is_finished
from nlpcl.runs.answers import read_answers
from nlpcl.runs.run import Run
from nlpcl.runs.shapes import CellNote

if TYPE_CHECKING:
    import numpy as np

OTHER_CODE = "kept from other code"
"""How a cell is marked that ``--reuse-other-code`` has kept."""
SHOWN = 3
"""Differences of the code that a table names."""


@dataclass
class Result:
    """A cell and its outcome.

    Args:
        cell: what was trained.
        state: ``finished``, ``failed``, ``interrupted`` or ``missing``.
        reason: why it failed, in one line.
        seconds: of training and test.
        peak_memory_mb: of its process, or of the GPU.
        parameters: weights of the model.
        rows: test predictions by test set.
        metrics: of its report.
        data: fingerprint and protocol of what it was trained on.
        code: where the code that trained it is not today's: how it differs, or that an earlier
            training by other code was replaced.
        warnings: of its run, such as that it has not learnt.
    """

    cell: Cell
    state: str
    reason: str = ""
    seconds: float | None = None
    peak_memory_mb: float | None = None
    parameters: int | None = None
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)
    code: str = ""
    warnings: Sequence[str] = ()


@dataclass(frozen=True)
class Scores:
    """Scores and comparisons by one metric on one test set.

    Args:
        test, metric: names.
        values: by variant and seed.
        comparisons: by variant, without the baseline.
        n: test items, over all seeds; 0 where only a number a run is known.
        clusters: what items were resampled by, empty for single items.
    """

    test: str
    metric: str
    values: Mapping[str, Mapping[int, float]]
    comparisons: Mapping[str, Comparison] = field(default_factory=dict)
    n: int = 0
    clusters: str = ""


def collect(plan: Plan, folder: Path) -> list[Result]:
    """Collect the outcomes; a cell whose data differ from the baseline's counts as failed."""
    code = code_identity(plan.entry)
    found = [collected(folder, cell, code) for cell in plan.cells()]
    data = {one.cell.seed: one.data for one in found if one.cell.variant == plan.baseline}
    for one in found:
        wanted = data.get(one.cell.seed)
        if one.data and wanted and one.data["fingerprint"] != wanted["fingerprint"]:
            one.state, one.reason = "failed", "its data differ from the baseline's at this seed"
            one.rows, one.metrics = {}, {}
    return found


def collected(folder: Path, cell: Cell, code: dict[str, str]) -> Result:
    """Read the outcome of one cell."""
    file = folder / cell.record
    note: CellNote = read_json(file, CellNote) if file.is_file() else {}
    if not is_finished(folder, cell):
        state = note.get("state", "missing")
        state = "interrupted" if state in {"begun", "finished"} else state
        return Result(cell, state, note.get("reason", ""), note.get("seconds"))
    run = Run(folder / cell.place)
    record = run.record
    data = {key: record.get("data", {}).get(key) for key in ("fingerprint", "protocol")}
    if None in data.values():
        raise UserError("data lacks fingerprint or protocol", run.folder / "run.json", DAMAGED)
    result = Result(
        cell,
        "finished",
        seconds=note.get("seconds", record.get("seconds")),
        peak_memory_mb=note.get("peak_memory_mb"),
        parameters=record.get("parameters"),
        metrics=run.metrics,
        data=data,
        code=code_remark(note, code),
        warnings=record.get("warnings", ()),
    )
    for row in read_answers(run.folder / "predictions.jsonl", run.spec.answers):
        result.rows.setdefault(row.get("test", "test"), []).append(row)
    return result


def code_remark(note: Mapping[str, Any], code: dict[str, str]) -> str:
    """Remark on the code that trained a finished cell; usually empty."""
    if others := differing(note.get("code", {}), code):
        return f"{OTHER_CODE}: {in_short(others)}"
    return f"retrained: {in_short(others)}" if (others := note.get("other_code")) else ""


def in_short(names: Sequence[str]) -> str:
    """The first few differences."""
    return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" * (len(names) > SHOWN))


@dataclass(frozen=True)
class Answered:
    """The answers on one test set, as sums of a metric.

    Args:
        test, metric: names.
        values: of the metric, by variant and seed.
        parts: sums of every item by variant and seed; empty where only values are known.
        score: function of summed sums.
        clusters: of the items, None where they are independent.
        n: items, over all seeds.
    """

    test: str
    metric: str
    values: Mapping[str, Mapping[int, float]]
    parts: Mapping[str, Mapping[int, np.ndarray]] = field(default_factory=dict)
    score: ScoreFunction | None = None
    clusters: Clusters | None = None
    n: int = 0

    @property
    def names(self) -> list[str] | None:
        """The cluster of each item."""
        return None if self.clusters is None else self.clusters.names


def score(
    plan: Plan, results: Sequence[Result], metric: str, *, with_tests: bool = True
) -> list[Scores]:
    """Score every test set; with ``with_tests``, compare each variant with the baseline."""
    scored = []
    for one in answered(plan, results, metric):
        found: Sequence[Comparison] = []
        if one.score is None:
            found = compare_reported(one.values, plan.baseline)
        elif with_tests:
            found = compare(one.parts, plan.baseline, one.score, one.names)
        kind = "" if one.clusters is None else one.clusters.field
        by_variant = {each.variant: each for each in found}
        scored.append(Scores(one.test, metric, one.values, by_variant, one.n, kind))
    return scored


def answered(plan: Plan, results: Sequence[Result], metric: str) -> list[Answered]:
    """Gather the answers of all finished cells, by test set."""
    if plan.task.measures.summed is None:
        values: dict[str, dict[int, float]] = {name: {} for name in plan.variants}
        for one in results:
            if metric in one.metrics:
                values[one.cell.variant][one.cell.seed] = one.metrics[metric]
        return [Answered("test", metric, values)]
    tests = list(dict.fromkeys(name for one in results for name in one.rows))
    return [answered_test(plan, results, metric, test) for test in tests]


def answered_test(plan: Plan, results: Sequence[Result], metric: str, test: str) -> Answered:
    """Gather the answers on one test set."""
    tested = [one for one in results if test in one.rows]
    settings = next(iter(plan.variants.values()))
    everything = [one.rows[test] for one in tested]
    summed = plan.task.measures.summed
    assert summed is not None
    parts_of, function = summed(metric, everything, settings)
    places, items = item_places(tested, test)
    parts: dict[str, dict[int, np.ndarray]] = {name: {} for name in plan.variants}
    values: dict[str, dict[int, float]] = {name: {} for name in plan.variants}
    for one in tested:
        sums = parts_of(one.rows[test])
        variant, seed = one.cell.variant, one.cell.seed
        values[variant][seed] = float(function(sums.sum(0)))
        parts[variant][seed] = spread_out(
            sums, [places[key] for key in keys(one.rows[test])], places
        )
    return Answered(test, metric, values, parts, function, clusters_of(items), len(places))


def keys(rows: Rows) -> list[Hashable]:
    """Keys that identify test items: ids, or position and content if ids are not unique."""
    ids = [row.get("id") for row in rows]
    if None not in ids and len(set(ids)) == len(ids):
        return list(ids)
    return [
        (number, row.get("source", row.get("text")), gold_answer(row))
        for number, row in enumerate(rows)
    ]


def item_places(
    tested: Sequence[Result], test: str
) -> tuple[dict[Hashable, int], list[dict[str, Any]]]:
    """Indices of all test items, and a prediction row of each in that order.

    Splits may differ between seeds, so an item need not be tested at each of them.

    Raises:
        UserError: two variants were tested on other items at the same seed.
    """
    places: dict[Hashable, int] = {}
    items: list[dict[str, Any]] = []
    by_seed: dict[int, tuple[str, set[tuple[Hashable, Hashable]]]] = {}
    for one in tested:
        listed = keys(one.rows[test])
        golds = {(key, gold_answer(row)) for key, row in zip(listed, one.rows[test], strict=True)}
        first, wanted = by_seed.setdefault(one.cell.seed, (one.cell.title, golds))
        if golds != wanted:
            what = f"{first} and {one.cell.title} were tested on different items"
            raise UserError(what, f"test {test}", "Leave out what changes the test data.")
        for key, row in zip(listed, one.rows[test], strict=True):
            if key not in places:
                places[key] = len(places)
                items.append(row)
    return places, items


def spread_out(sums: np.ndarray, at: Sequence[int], places: Mapping[Hashable, int]) -> np.ndarray:
    """Spread the sums of tested items over all items, NaN where one was not tested."""
    import numpy as np

    whole = np.full((len(places), sums.shape[1]), np.nan)
    whole[list(at)] = sums
    return whole
