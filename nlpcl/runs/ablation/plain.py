"""The variants of an ablation beside a plain baseline, which is fitted once for each split.

Trainings of one seed share their rows, so that their baseline is one and the same; so is that of
all seeds where the split does not depend on the seed.
"""

from __future__ import annotations

import dataclasses
import hashlib
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypedDict

from nlpcl.core.files import make_folder, write_json
from nlpcl.core.json_files import read_json
from nlpcl.core.splits import Splits
from nlpcl.core.tables import Cell as Value
from nlpcl.core.tables import Table
from nlpcl.metrics.confusion import cell as number
from nlpcl.runs.ablation.comparison import compare, spread
from nlpcl.runs.ablation.outcomes import Result, answered_test
from nlpcl.runs.ablation.plan import Cell, Plan
from nlpcl.runs.baselines import BELOW, PLAIN, in_order, p_value
from nlpcl.runs.folds import fold_splits
from nlpcl.runs.rows import load_splits, load_unsplit, study_folds
from nlpcl.runs.run import Run

FOLDER = "baselines"


class Kept(TypedDict):
    """A baseline in the folder of an ablation.

    Args:
        name: what it is.
        identity: of the settings and rows that it was fitted to.
        rows: its answers.
    """

    name: str
    identity: str
    rows: list[dict[str, Any]]


def plain_table(plan: Plan, results: Sequence[Result], folder: Path, metric: str) -> Table | None:
    """The variants beside the plain baseline of their task; None where there is none.

    Args:
        plan: of the ablation.
        results: of its cells.
        folder: of the ablation, which keeps the baseline's answers.
        metric: that is compared.

    Raises:
        UserError: the data cannot be read any more.
    """
    finished = [one for one in results if one.rows and one.cell.variant == plan.baseline]
    if plan.task.measures.summed is None or not finished:
        return None
    test = next(iter(finished[0].rows))
    found: list[Result] = []
    name = ""
    for one in finished:
        kept = of_seed(folder, one.cell)
        plain = [row for row in kept["rows"] if row.get("test") == test] if kept else []
        rows = in_order(one.rows[test], plain)
        if kept is None or rows is None:
            return None
        name = kept["name"]
        # With the texts and gold of the model's rows, by which items are recognised.
        both = zip(one.rows[test], rows, strict=True)
        own = [{**model, **row, "gold": model["gold"]} for model, row in both]
        found.append(Result(dataclasses.replace(one.cell, variant=PLAIN), "", rows={test: own}))
    return compared(plan, [*results, *found], metric, test, name)


def compared(plan: Plan, results: Sequence[Result], metric: str, test: str, name: str) -> Table:
    """The table of all variants and the baseline, each pair by itself."""
    variants = {**plan.variants, PLAIN: plan.variants[plan.baseline]}
    answered = answered_test(dataclasses.replace(plan, variants=variants), results, metric, test)
    assert answered.score is not None
    mean, deviation = spread(list(answered.values[PLAIN].values()))
    rows: list[list[Value]] = [["(plain baseline)", mean, deviation, *[None] * 4]]
    below = []
    for variant in plan.variants:
        if not answered.parts[variant]:
            continue
        pair = {PLAIN: answered.parts[PLAIN], variant: answered.parts[variant]}
        found = compare(pair, PLAIN, answered.score, answered.names)
        mean, deviation = spread(list(answered.values[variant].values()))
        cells: list[Value] = [None] * 4
        if found:
            gap = found[0].difference
            p = found[0].p_value if not math.isnan(found[0].p_value) else p_value(found[0])
            shown = None if math.isnan(p) else "< 0.001" if p < 0.001 else f"{p:.3f}"
            cells = [gap.value, number(gap.low), number(gap.high), shown]
            below += [variant] if gap.value < 0 else []
        rows.append([variant, mean, deviation, *cells])
    note = f"The baseline is a {name}, fitted to the same training rows. Differences are to it, "
    note += "each with a 95 % interval and p of its own, not adjusted for their number."
    if below:
        note = f"{BELOW}: {', '.join(below)}. {note}"
    columns = ["variant", "mean", "std", "difference", "low", "high", "p"]
    title = f"{metric} beside a plain baseline ({test} test)"
    return Table("plain", columns, rows, title=title, note=note)


def of_seed(folder: Path, cell: Cell) -> Kept | None:
    """The baseline for the rows of a training, fitted unless the folder keeps it already."""
    run = Run(folder / cell.place)
    parts = splits_of(run.config)
    identity = identity_of(run, parts)
    place = folder / FOLDER / f"seed-{cell.seed}.json"
    for file in sorted(place.parent.glob("seed-*.json")):
        kept = read_json(file, Kept)
        if kept["identity"] == identity:
            return kept
    rows: list[dict[str, Any]] = []
    name = ""
    for fold, splits in parts.items():
        found = run.task.baseline(splits)
        if found is None:
            return None
        name = found.name
        rows += [{"fold": fold, **row} if fold else row for row in found.rows()]
    made: Kept = {"name": name, "identity": identity, "rows": rows}
    make_folder(place.parent)
    write_json(place, made)
    return made


def splits_of(config: Any) -> dict[str, Splits]:
    """The rows of a training, by fold where there are several."""
    if not config.folds:
        return {"": load_splits(config)}
    clips = load_unsplit(config)
    return {one.name: fold_splits(clips, one) for one in study_folds(clips.train, config)}


def identity_of(run: Run, parts: dict[str, Splits]) -> str:
    """Digest of what a baseline depends on."""
    settings = {name: value for name, value in run.record["config"].items() if name != "seed"}
    listed = [splits.fingerprint() for splits in parts.values()]
    return hashlib.sha256(repr([sorted(settings.items()), listed]).encode()).hexdigest()[:16]
