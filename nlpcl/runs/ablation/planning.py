"""How many seeds or items would find a difference: a finished study read as a pilot."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from nlpcl.core.errors import UserError
from nlpcl.core.tables import Cell, Report, Table
from nlpcl.metrics.power import ENDLESS, FEWEST_SEEDS, POWER, Pilot
from nlpcl.runs.ablation.outcomes import Answered, answered, collect
from nlpcl.runs.ablation.plan import Plan
from nlpcl.runs.ablation.pooling import Answers, answers, in_order, reported
from nlpcl.runs.ablation.reuse import MARK, refuse_other


def plan_report(plan: Plan, out: Path | None, metrics: Sequence[str], points: float) -> Report:
    """Say what would detect a difference of so many points; nothing is trained.

    Args:
        plan: the ablation; those of its cells that are finished are the pilot.
        out: its folder.
        metrics: to plan for, from ``plan.task.measures.check``.
        points: the difference that is to be detected.

    Raises:
        UserError: no folder, not a positive number of points, trainings with other settings, or
            too few of them to tell how much seeds vary.
    """
    where = f"--plan {points:g}"
    if not (math.isfinite(points) and points > 0):
        raise UserError(f"{points:g} is not above 0", where, "Give the points to detect.")
    if out is None:
        raise UserError("reads finished trainings", where, "Name their folder by --out.")
    if not (out / MARK).is_file():
        raise UserError("holds no ablation", f"--out {out}", "Leave --plan out to train one.")
    for cell in plan.cells():
        refuse_other(out, cell)
    results = collect(plan, out)
    report = Report()
    for metric in metrics:
        for one in answered(plan, results, metric):
            report.tables.append(plan_table(plan, one, points))
    if not report.tables:
        raise UserError("none of these variants is finished", f"--out {out}", "Train them first.")
    return report


def plan_table(plan: Plan, found: Answered, points: float) -> Table:
    """Build a table of what the pilot detects, and of seeds or items that detect ``points``.

    Raises:
        UserError: the pilot tells nothing of seeds.
    """
    study = pilot_study(plan, found)
    systems = [one for one in range(1, len(study.names)) if study.same_as[one]]
    if not systems or not study.common.freedom:
        what = "takes two finished seeds of a variant and the baseline whose answers differ"
        raise UserError(what, f"--plan {points:g}", "Train more seeds first.")
    pilot = study.pilot(systems)
    item = plan.task.item
    now: Sequence[float | None] = [None] * len(systems)
    if pilot.seeds >= FEWEST_SEEDS:
        now = pilot.detectable(pilot.seeds).tolist()
    rows: list[list[Cell]] = [
        [study.names[system], now[at], *needed(pilot, at, points)]
        for at, system in enumerate(systems)
    ]
    seeds = max(pilot.seeds, FEWEST_SEEDS)
    columns = ["variant", "detectable now", "seeds needed"]
    if pilot.items:
        columns[2] += f" ({pilot.items} {item})"
        columns.append(f"{item} needed ({seeds} seeds)")
    test = f" on the {found.test} test" if found.n else ""
    title = f"{plan.entry.name}: what would detect {points:g} points of {found.metric}{test}"
    return Table(
        f"plan/{found.test}/{found.metric}", columns, rows, title=title, note=note(pilot, item)
    )


def pilot_study(plan: Plan, found: Answered) -> Answers:
    """Return the finished trainings.

    Raises:
        UserError: no variant shares a seed with the baseline.
    """
    if len(in_order(found.values, plan.baseline)) < 2:
        what = f"no variant is finished beside {plan.baseline}"
        raise UserError(what, "--plan", "Train them first.")
    if found.score is None:
        return reported(found.values, plan.baseline)
    return answers(found.parts, plan.baseline, found.score, found.names)


def needed(pilot: Pilot, variant: int, points: float) -> list[Cell]:
    """Return seeds and items that detect ``points``, or what any number of them would detect."""
    cells: list[Cell] = [pilot.seeds_for(points, variant)]
    if cells[0] is None:
        cells[0] = none_below(pilot.detectable(ENDLESS)[variant])
    if pilot.items:
        items = pilot.items_for(points, variant)
        seeds = max(pilot.seeds, FEWEST_SEEDS)
        least = pilot.detectable(seeds, ENDLESS)[variant]
        cells.append(none_below(least) if items is None else items)
    return cells


def none_below(least: float) -> str:
    """Say that no number detects the points."""
    return f"none (>= {math.ceil(100 * least) / 100:.2f} points)"


def note(pilot: Pilot, item: str) -> str:
    """Say how to read the table."""
    number = len(pilot.within)
    told = (
        f"Detected: found with a probability of {100 * POWER:.0f} % as verdicts are taken, "
        f"adjusted for {number} comparison{'s' if number > 1 else ''}. none: not with any number "
        f"of them; what would be detected then is in brackets. The pilot's {pilot.seeds} seeds "
        f"tell how much training varies only to about {pilot.uncertainty:.0f} %."
    )
    if pilot.clusters < pilot.items:
        told += f" More {item} means more clusters of the present size ({pilot.clusters} now)."
    return told
