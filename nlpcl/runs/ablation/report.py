"""The report of an ablation: tables of differences, verdicts and cells; ``ablation.json``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from nlpcl.core.tables import Cell, Report, Table
from nlpcl.metrics.confusion import cell as number
from nlpcl.metrics.power import FEWEST_SEEDS
from nlpcl.metrics.variance import UNEQUAL
from nlpcl.runs.ablation.collapse import collapse_of, say_collapse
from nlpcl.runs.ablation.comparison import Comparison, spread
from nlpcl.runs.ablation.outcomes import OTHER_CODE, Result, Scores
from nlpcl.runs.ablation.plan import Plan


def make_report(
    plan: Plan, results: Sequence[Result], compared: Sequence[Scores], further: Sequence[Scores]
) -> Report:
    """Build all tables.

    Args:
        plan: of the ablation.
        results: of its cells.
        compared: metrics and test sets with comparisons; the first one leads.
        further: headline metrics, shown without comparisons.
    """
    report = Report()
    for place, scores in enumerate(compared):
        suffix = f"/{scores.test}/{scores.metric}" if place else ""
        table = difference_table(plan, scores, f"comparison{suffix}")
        table.note = " ".join([table.note, *protocols(results), *code_notes(results)])
        verdicts = verdict_table(plan, scores, f"verdicts{suffix}")
        report.tables.append(say_collapse(table, plan.task, results))
        if verdicts.rows:
            report.tables.append(say_collapse(verdicts, plan.task, results, in_rows=True))
        for name, values in scores.values.items():
            if values:
                report.metrics[f"{name}/{scores.metric}{suffix}"] = spread(list(values.values()))[0]
    if further:
        report.tables.append(further_table(plan, further))
    report.tables += [cost_table(plan, results), cell_table(plan, results, compared)]
    return report


def difference_table(plan: Plan, scores: Scores, name: str) -> Table:
    """Build a table of means, deviations, differences with intervals, and p-values."""
    rows: list[list[Cell]] = []
    for variant in plan.variants:
        values = list(scores.values[variant].values())
        mean, deviation = spread(values) if values else (None, None)
        cells = difference_cells(scores.comparisons.get(variant))
        rows.append([variant, mean, deviation, *cells])
    columns = ["variant", "mean", "std", "difference", "low", "high"]
    columns += ["p (Dunnett)", "p (Holm)"]
    test = f" on the {scores.test} test" if scores.n else ""
    size = f"n = {scores.n} {plan.task.item}, " if scores.n else ""
    title = f"{plan.entry.name}: {scores.metric}{test} ({size}{seeds_in_words(plan.seeds)})"
    note = " ".join([*method_notes(plan, scores), *plan.notes])
    return Table(name, columns, rows, title=title, note=note)


def difference_cells(found: Comparison | None) -> list[Cell]:
    """Cells with difference, interval and p-values; empty for the baseline."""
    if found is None:
        return [None] * 5
    gap = found.difference
    return [
        gap.value,
        number(gap.low),
        number(gap.high),
        shown(found.p_dunnett),
        shown(found.p_holm),
    ]


def shown(p_value: float) -> str | None:
    """Format a p-value."""
    if math.isnan(p_value):
        return None
    return "< 0.001" if p_value < 0.001 else f"{p_value:.3f}"


def cost_table(plan: Plan, results: Sequence[Result]) -> Table:
    """Build a table of finished seeds, parameters, mean seconds and peak memory by variant."""
    rows: list[list[Cell]] = []
    for variant in plan.variants:
        own = [one for one in results if one.cell.variant == variant and one.state == "finished"]
        seconds = [one.seconds for one in own if one.seconds is not None]
        memory = [one.peak_memory_mb for one in own if one.peak_memory_mb is not None]
        cells: list[Cell] = [
            own[0].parameters if own else None,
            sum(seconds) / len(seconds) if seconds else None,
            round(max(memory)) if memory else None,
        ]
        rows.append([variant, f"{len(own)} of {len(plan.seeds)}", *cells])
    columns = ["variant", "seeds", "parameters", "seconds", "memory (MB)"]
    note = "seconds: mean of a training with its test. memory: the most its process held, or what "
    note += "it took of the GPU."
    return Table("costs", columns, rows, title="Costs", note=note, digits=1)


def protocols(results: Sequence[Result]) -> list[str]:
    """Describe how the data were split."""
    found = dict.fromkeys(one.data["protocol"] for one in results if one.data)
    return [text if text.endswith(".") else f"{text}." for text in found if text]


def method_notes(plan: Plan, scores: Scores) -> list[str]:
    """Describe the statistics."""
    found = list(scores.comparisons.values())
    notes = [f"Percent; std over seeds (ddof 1). Differences are to {plan.baseline}."]
    if not found:
        return [*notes, "Nothing can be compared: the baseline or all others did not finish."]
    gap = max(found, key=lambda one: (not one.answers_alike, one.difference.seeds)).difference
    whom = "models trained anew" if gap.seeds > 1 else "these very models"
    whom += " and of other test items" if scores.n else ""
    notes.append(f"95 % intervals are of {whom}: {gap.method}.")
    if any(not math.isnan(one.p_dunnett) for one in found):
        notes.append(
            f"p: adjusted for {len(found)} comparisons with one baseline by Dunnett's method, "
            "which the verdicts follow, and by Holm's."
            if len(found) > 1
            else "p: of a single comparison, so that nothing is adjusted."
        )
    elif gap.seeds < FEWEST_SEEDS:
        notes.append(
            f"No verdict with fewer than {FEWEST_SEEDS} seeds, which tell too little of how much "
            f"training varies: --seeds {FEWEST_SEEDS} with this --out goes on."
        )
    notes += variance_notes(plan, found)
    if scores.clusters and gap.clusters != gap.n:
        notes.append(f"Clusters: {scores.clusters}.")
    return notes


def variance_notes(plan: Plan, found: Sequence[Comparison]) -> list[str]:
    """Say which variants are not pooled with the others."""
    names = list(dict.fromkeys(name for one in found for name in one.varies_more))
    if not names:
        return []
    what = "every comparison rests" if plan.baseline in names else "comparisons with it rest"
    if len(names) > 1 and plan.baseline not in names:
        what = "comparisons with them rest"
    return [
        f"SEEDS VARY UNEQUALLY: clearly more in {' and '.join(names)} than in the others "
        f"(Cochran's test, p < {UNEQUAL:g}), so that {what} on the seeds of two variants alone."
    ]


def verdict_table(plan: Plan, scores: Scores, name: str) -> Table:
    """Build a table with one sentence per variant; empty where all only ask for more seeds."""
    nothing_judged = all(math.isnan(one.p_dunnett) for one in scores.comparisons.values())
    items = plan.task.item if scores.n else ""
    rows: list[list[Cell]] = []
    for variant in plan.variants:
        found = scores.comparisons.get(variant)
        if found is not None and not (nothing_judged and found.waits_for_seeds):
            rows.append([variant, found.verdict(items)])
        elif found is None and variant != plan.baseline:
            rows.append([variant, "cannot be compared: no seed finished beside the baseline's."])
    return Table(name, ["variant", "verdict"], rows, title=f"Verdicts ({scores.metric})")


def further_table(plan: Plan, further: Sequence[Scores]) -> Table:
    """Build a table of means and deviations of the headline metrics."""
    tests = {one.test for one in further}
    columns = ["variant"]
    columns += [one.metric if len(tests) == 1 else f"{one.test} {one.metric}" for one in further]
    rows = [
        [name, *(with_deviation(list(one.values[name].values())) for one in further)]
        for name in plan.variants
    ]
    return Table("scores", columns, rows, title="Scores", note="Percent; mean ± std over seeds.")


def with_deviation(values: Sequence[float]) -> str | None:
    """Format a mean and deviation: ``71.07 ± 1.51``."""
    if not values:
        return None
    mean, deviation = spread(values)
    return f"{mean:.2f}" if deviation is None else f"{mean:.2f} ± {deviation:.2f}"


def cell_table(plan: Plan, results: Sequence[Result], compared: Sequence[Scores]) -> Table:
    """Build a table of all trainings with their outcome, and other code if there is any."""
    columns = ["variant", "seed", "state", "value", "seconds", "memory (MB)", "reason", "code"]
    rows: list[list[Cell]] = []
    for one in results:
        lead = compared[0].values if compared else {}
        value = lead.get(one.cell.variant, {}).get(one.cell.seed)
        costs = [one.seconds, one.peak_memory_mb]
        reason = one.reason or collapse_of(plan.task, one) or " ".join(one.warnings)
        last = [reason or None, one.code or None]
        rows.append([one.cell.variant, one.cell.seed, one.state, value, *costs, *last])
    if not any(one.code for one in results):
        columns, rows = columns[:-1], [row[:-1] for row in rows]
    failed = sum(one.state == "failed" for one in results)
    note = f"{failed} of {len(results)} trainings failed." if failed else ""
    return Table("cells", columns, rows, title="Trainings", note=note, digits=1)


def code_notes(results: Sequence[Result]) -> list[str]:
    """Notes on trainings by other code that were kept or replaced; empty if there are none."""
    kept = sum(one.code.startswith(OTHER_CODE) for one in results)
    anew = sum(bool(one.code) for one in results) - kept
    notes = []
    if kept:
        notes.append(f"OTHER CODE: {kept} of {len(results)} trainings were kept from other code.")
    if anew:
        notes.append(f"{anew} of {len(results)} trainings by other code were replaced.")
    return notes


def seeds_in_words(seeds: Sequence[int]) -> str:
    """Format seeds: ``seeds 0 to 2``."""
    if len(seeds) == 1:
        return f"seed {seeds[0]}"
    return f"seeds {seeds[0]} to {seeds[-1]}"


def as_record(
    plan: Plan,
    results: Sequence[Result],
    compared: Sequence[Scores],
    further: Sequence[Scores],
    state: str,
) -> dict[str, Any]:
    """Return the content of ``ablation.json``: plan, cells and statistics."""
    items = {scores.test: plan.task.item if scores.n else "" for scores in compared}
    return {
        "model": plan.entry.name,
        "task": plan.task.name,
        "state": state,
        "baseline": plan.baseline,
        "selection": plan.task.measures.selection if plan.task.measures.summed else None,
        "seeds": list(plan.seeds),
        "notes": list(plan.notes),
        "variants": {name: dict(own) for name, own in plan.settings.items()},
        "cells": [
            cell_record(one, [*compared, *further]) | {"collapsed": collapse_of(plan.task, one)}
            for one in results
        ],
        "comparisons": [
            comparison_record(scores, one, items[scores.test])
            for scores in compared
            for one in scores.comparisons.values()
        ],
    }


def cell_record(one: Result, compared: Sequence[Scores]) -> dict[str, Any]:
    """Return a cell as plain values, with scores by test set and metric."""
    scores: dict[str, dict[str, float]] = {}
    for found in compared:
        value = found.values.get(one.cell.variant, {}).get(one.cell.seed)
        if value is not None:
            scores.setdefault(found.test, {})[found.metric] = value
    return {
        "variant": one.cell.variant,
        "seed": one.cell.seed,
        "folder": one.cell.place.as_posix(),
        "state": one.state,
        "reason": one.reason,
        "parameters": one.parameters,
        "seconds": one.seconds,
        "peak_memory_mb": one.peak_memory_mb,
        "code": one.code,
        "scores": scores,
    }


def comparison_record(scores: Scores, one: Comparison, items: str) -> dict[str, Any]:
    """Return a comparison as plain values; None if nothing could be resampled."""
    gap = one.difference
    return {
        "test": scores.test,
        "metric": scores.metric,
        "variant": one.variant,
        "baseline": one.baseline,
        "difference": gap.value,
        "low": number(gap.low),
        "high": number(gap.high),
        "level": gap.level,
        "standard_error": number(gap.standard_error),
        "freedom": number(one.freedom),
        "p_value": number(one.p_value),
        "p_holm": number(one.p_holm),
        "p_dunnett": number(one.p_dunnett),
        "detectable": number(one.detectable),
        "n": gap.n,
        "clusters": gap.clusters,
        "seeds": gap.seeds,
        "method": gap.method,
        "is_found": one.is_found,
        "verdict": one.verdict(items),
    }
