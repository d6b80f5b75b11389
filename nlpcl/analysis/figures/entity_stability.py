"""Entities: how far dropout moves the scores of spans near the threshold, which R-Drop calms.

A span is placed by its score without dropout. By the mean of the two passes with dropout, each
span at the threshold would be one that they decide differently, whatever the model.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nlpcl.analysis.figures.entity_cells import TASKS, cells_of, some_features, task_of
from nlpcl.analysis.figures.kinds import Kind, LeftOut, Material, Options
from nlpcl.analysis.figures.sources import AblationSource
from nlpcl.analysis.figures.style import INK, colour, panels, shortened, ticks
from nlpcl.runs.run import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_RUNS = 8
"""Runs that can be told apart by colour."""
MOST_TEXTS = 300
REACH = 6.0
"""Greatest distance to the threshold that is looked at."""
WIDTH = 1.0
"""Of a bin of scores."""
FEWEST = 5
"""Spans of a bin that is drawn."""


@dataclass(frozen=True)
class Passes:
    """Spans near the threshold in three passes; scores are relative to the threshold.

    Args:
        name: of the run.
        protocol: of its data.
        texts: number of texts.
        score: without dropout, ``(N,)``.
        first: with dropout, ``(N,)``.
        second: with other draws, ``(N,)``.
    """

    name: str
    protocol: str
    texts: int
    score: np.ndarray
    first: np.ndarray
    second: np.ndarray


def load_runs(runs: Sequence[Run], options: Options) -> Material:
    """Compare the runs that hold a model."""
    held = [run for run in runs if run.has_model]
    if len(held) > MOST_RUNS:
        raise LeftOut(f"{len(held)} runs; {MOST_RUNS} can be told apart")
    lost = [run.name for run in runs if not run.has_model]
    note = f"Without a model: {', '.join(lost)}. " if lost else ""
    return compared((passes_of(run, options.seed) for run in held), note)


def load_ablation(ablation: AblationSource, options: Options) -> Material:
    """Compare the first training of each variant."""
    held = {run.name: run for run in reversed(ablation.cells()) if run.has_model}
    order = [name for name in ablation.record.get("variants", ()) if name in held]
    if not order:
        raise LeftOut("no training of the ablation has left a model")
    note = "The first training of each variant. "
    if len(order) > MOST_RUNS:
        note = f"The first training of {MOST_RUNS} of {len(order)} variants. "
    # A model is let go of as soon as its scores are known.
    return compared((passes_of(held.pop(name), options.seed) for name in order[:MOST_RUNS]), note)


def passes_of(run: Run, seed: int) -> Passes:
    """Score the spans of test texts without dropout, and twice with it."""
    from nlpcl.nn.dropout import dropping_out

    features, found = some_features(run, MOST_TEXTS, seed)
    decision = task_of(run).decision
    plain = cells_of(run, features)
    with dropping_out(run.model):
        first, second = (cells_of(run, features).scores for _ in range(2))
    limits = np.array([decision.threshold(at) for at in range(len(decision.types))])
    limit = limits[plain.types]
    near = np.abs(plain.scores - limit) < REACH
    scores = ((one - limit)[near] for one in (plain.scores, first, second))
    return Passes(run.name, run.protocol, len(found.examples), *scores)


def compared(passes: Iterable[Passes], note: str) -> Material:
    """Material of all runs.

    Raises:
        LeftOut: no span is near the threshold, or dropout changes nothing.
    """
    rows: list[dict[str, Any]] = []
    told: list[str] = []
    protocols: set[str] = set()
    moved = 0.0
    for one in passes:
        rows += bins_of(one)
        protocols.add(one.protocol)
        change, flips = changes(one)
        moved += float(change.sum())
        told.append(
            f"{one.name}: {one.texts} texts, {len(flips)} spans, mean change "
            f"{change.mean() if len(change) else 0:.2f}, {int(flips.sum())} decisions differ"
        )
    if not any(row["spans"] >= FEWEST for row in rows):
        raise LeftOut(f"hardly any span has a score within {REACH:g} of the threshold")
    if not moved:
        raise LeftOut("the models have no dropout: both passes agree")
    caption = (
        "Test spans by their score without dropout, above the threshold of their type; all types "
        "together. Left: mean difference of their scores in two passes with dropout; middle: spans "
        "that one pass takes for an entity and the other does not; right: how many spans there "
        f"are. Bins of fewer than {FEWEST} spans are left out. {note}{'; '.join(told)}. "
    )
    caption += "The runs' protocols differ. " * (len(protocols) > 1)
    caption += f"{'; '.join(sorted(protocols))}."
    return Material({"rows": rows}, rows, caption)


def changes(passes: Passes) -> tuple[np.ndarray, np.ndarray]:
    """``|s₁ - s₂|`` of each span, and whether the two passes decide differently."""
    return (
        np.abs(passes.first - passes.second),
        (passes.first > 0) != (passes.second > 0),
    )


def bins_of(passes: Passes) -> list[dict[str, Any]]:
    """A row for each bin of scores, the threshold being the edge of two."""
    change, flips = changes(passes)
    number = round(2 * REACH / WIDTH)
    bins = np.clip(((passes.score + REACH) // WIDTH).astype(int), 0, number - 1)
    rows: list[dict[str, Any]] = []
    for at in range(number):
        own = bins == at
        spans = int(own.sum())
        row = {"run": passes.name, "from": at * WIDTH - REACH, "to": (at + 1) * WIDTH - REACH}
        rows.append(
            row
            | {
                "spans": spans,
                "mean change": float(change[own].mean()) if spans else None,
                "differ": int(flips[own].sum()),
                "differ (%)": 100 * float(flips[own].mean()) if spans else None,
            }
        )
    return rows


def draw(rows: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw change, disagreement and number of spans, a line for each run."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    figure, grid = panels(1, 3, height=2.7, sharex=True)
    names = list(dict.fromkeys(row["run"] for row in rows))
    drawn = [row for row in rows if row["spans"] >= FEWEST]
    titles = {"mean change": "mean |s₁ - s₂|", "differ (%)": "differing decisions, %"}
    for axes, key in zip(grid, ("mean change", "differ (%)", "spans"), strict=True):
        for number, name in enumerate(names):
            own = [row for row in rows if row["run"] == name]
            values = [row[key] if row["spans"] >= FEWEST else np.nan for row in own]
            places = [(row["from"] + row["to"]) / 2 for row in own]
            axes.plot(places, values, color=colour(number), marker="o", label=shortened(name))
        axes.axvline(0, color=INK, linestyle=":", linewidth=1.1)
        axes.set(title=titles.get(key, key), xlabel="score above the threshold")
        axes.set_xlim(-REACH, REACH)
        ticks(axes.xaxis, integer=True)
        most = max(row[key] for row in drawn)
        axes.set_ylim(0, 1.08 * most or 1.0)
    counts = grid[2]
    counts.set_yscale("log")
    sizes = [row["spans"] for row in drawn]
    counts.set_ylim(min(sizes) / 1.5, 1.5 * max(sizes))
    counts.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    counts.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    counts.yaxis.set_minor_locator(NullLocator())
    if len(names) > 1:
        handles, labels = grid[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=min(4, len(names)))
    return figure


FAMILY = "entities"
TITLE = "Borderline spans under dropout"
KINDS = (
    Kind("borderline", TITLE, load_runs, draw, TASKS, scope="runs", needs_model=True),
    Kind("borderline", TITLE, load_ablation, draw, TASKS, scope="ablation", needs_model=True),
)
