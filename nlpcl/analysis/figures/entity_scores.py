"""Entities: what the model's scores decide: thresholds, and gold spans apart from all others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nlpcl.analysis.figures.entity_cells import (
    TASKS,
    cells_of,
    gold_types,
    some_features,
    task_of,
    texts_of,
)
from nlpcl.analysis.figures.kinds import Kind, LeftOut, Material, Options
from nlpcl.analysis.figures.sources import PRECISION, where
from nlpcl.analysis.figures.style import COLOURS, INK, colour, panels, shortened
from nlpcl.metrics.counts import Score
from nlpcl.metrics.spans import row_spans
from nlpcl.runs.run import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from nlpcl.tasks.entities.calibration import Decision

MOST_TEXTS = 5000
MOST_PANELS = 6
MOST_BINS = 60
WIDTHS = (0.25, 0.5, 1.0, 2.0, 5.0, 10.0)
"""Of bins of scores."""
STEP = 0.1
"""From one threshold to the next."""


def load_thresholds(run: Run, options: Options) -> Material:
    """Count hits of exact matching by the score above which a span is an entity."""
    from nlpcl.tasks.entities.decoding import FLOOR, MOST

    task, found = task_of(run), texts_of(run, MOST_TEXTS, options.seed)
    features = task.encode([{"text": row["text"]} for row in found.examples])
    listed, _ = task.infer(run.model, features, PRECISION)
    texts = task.reader.joined(features, listed, len(found.examples))
    gold = [row_spans(row["entities"]) for row in found.examples]
    # Of overlapping spans the better one stays whatever the threshold is.
    candidates = task.decided(texts, threshold=FLOOR, flat=task.flat)
    scores = np.array([one.score for spans in candidates for one in spans])
    right = np.array(
        [
            one.span in spans
            for listed, spans in zip(candidates, gold, strict=True)
            for one in listed
        ],
        dtype=bool,
    )
    if not len(scores):
        raise LeftOut(f"the model gives no span a score above {FLOOR:g}")
    number = sum(map(len, gold))
    rows = threshold_rows(scores, right, number, FLOOR)
    decided = Score()
    for spans, wanted in zip(task.decided(texts, flat=task.flat), gold, strict=True):
        decided.add(sum(one.span in wanted for one in spans), len(spans), len(wanted))
    best = max(rows, key=lambda row: row["F1"])
    caption = (
        f"Exact matching of all types together, by the score above which a span is an entity; the "
        f"model keeps spans above {FLOOR:g} alone, {MOST} a token at most. Dotted: "
        f"{in_use(task.decision)}: precision {decided.precision:.1f}, recall {decided.recall:.1f}, "
        f"F1 {decided.f1:.1f}. The best F1 on these very texts, {best['F1']:.1f} above "
        f"{best['threshold']:.1f}, is no fair choice. {found.sampling}"
    )
    used = sorted({task.decision.threshold(at) for at in range(len(task.decision.types))})
    return Material(
        {"rows": rows, "used": used},
        rows,
        f"{caption}{where(run, len(gold), 'texts')}",
    )


def in_use(decision: Decision) -> str:
    """The thresholds in use, in words."""
    used = {name: decision.threshold(at) for at, name in enumerate(decision.types)}
    if len(set(used.values())) == 1:
        return f"the threshold in use, {next(iter(used.values())):.2g}"
    if len(used) > MOST_PANELS:
        low, high = min(used.values()), max(used.values())
        return f"the thresholds in use, one a type, {low:.2f} to {high:.2f}"
    listed = ", ".join(f"{name} {value:.2f}" for name, value in used.items())
    return f"the thresholds in use, {listed}"


def threshold_rows(
    scores: np.ndarray, right: np.ndarray, gold: int, floor: float
) -> list[dict[str, Any]]:
    """Scores in percent, a row for each threshold.

    Args:
        scores: of candidates.
        right: whether each is an entity.
        gold: entities there are.
        floor: the first threshold; the last one is above all scores.
    """
    steps = int(np.ceil((scores.max() - floor) / STEP))
    rows: list[dict[str, Any]] = []
    for step in range(steps + 1):
        threshold = round(floor + STEP * step, 6)
        kept = scores > threshold
        score = Score(int((kept & right).sum()), int(kept.sum()), gold)
        precision = score.precision if score.predicted else None
        row = {"threshold": threshold, "precision": precision, "recall": score.recall}
        row |= {"F1": score.f1, "hits": score.hits, "predicted": score.predicted}
        rows.append(row | {"gold": gold})
    return rows


def draw_thresholds(rows: Sequence[Mapping[str, Any]], used: Sequence[float]) -> Figure:
    """Plot three scores against the threshold."""
    figure, (axes,) = panels(width=5.6, height=3.0)
    places = [row["threshold"] for row in rows]
    for number, name in enumerate(("precision", "recall", "F1")):
        values = [np.nan if row[name] is None else row[name] for row in rows]
        axes.plot(places, values, color=colour(number), label=name)
    for threshold in used:
        axes.axvline(threshold, color=INK, linestyle=":", linewidth=1.2)
    axes.set(xlabel="threshold on the score", ylabel="percent", ylim=(0, 103))
    axes.set_xlim(places[0], max(places[-1], max(used) + 5 * STEP))
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3)
    return figure


def load_distribution(run: Run, options: Options) -> Material:
    """Count gold and other spans by their score, for each type."""
    features, found = some_features(run, options.points, options.seed)
    cells, decision = cells_of(run, features), task_of(run).decision
    names = gold_types(found.examples, decision.types)
    edges = bin_edges(float(cells.scores.min()), float(cells.scores.max()))
    counts: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    rows: list[dict[str, Any]] = []
    for name in names:
        own = cells.types == decision.types.index(name)
        gold, others = (
            np.histogram(cells.scores[own & part], edges)[0]
            for part in (cells.is_gold, ~cells.is_gold)
        )
        counts[name] = gold, others
        for at in range(len(edges) - 1):
            row = {"type": name, "from": float(edges[at]), "to": float(edges[at + 1])}
            rows.append(row | {"gold": int(gold[at]), "others": int(others[at])})
    shown = dict(list(counts.items())[:MOST_PANELS])
    left = len(names) - len(shown)
    caption = (
        "Scores of the spans that are entities of a type, and of all others that tokens can "
        f"express (n = {int(cells.is_gold.sum())} and {int((~cells.is_gold).sum())}); counts on a "
        "logarithmic axis. Dotted: the threshold in use. "
        + (f"The {len(shown)} types with most entities; {left} more are in the data. " * bool(left))
        + found.sampling
    )
    used = {name: decision.threshold(decision.types.index(name)) for name in shown}
    return Material(
        {"counts": shown, "edges": edges, "used": used},
        rows,
        caption + where(run, len(found.examples), "texts"),
    )


def bin_edges(low: float, high: float) -> np.ndarray:
    """Edges of bins that hold all scores; 0 is one of them, so that no bin lies on both sides."""
    width = next((one for one in WIDTHS if high - low <= one * MOST_BINS), (high - low) / MOST_BINS)
    return width * np.arange(np.floor(low / width), np.floor(high / width) + 2)


def draw_distribution(
    counts: Mapping[str, tuple[np.ndarray, np.ndarray]],
    edges: np.ndarray,
    used: Mapping[str, float],
) -> Figure:
    """Draw two histograms for each type."""
    columns = min(2, len(counts))
    rows = -(-len(counts) // columns)
    figure, grid = panels(rows, columns, height=1.9, sharex=True, sharey=True)
    top = max(int(values.max()) for pair in counts.values() for values in pair)
    for at, (axes, (name, (gold, others))) in enumerate(zip(grid, counts.items(), strict=False)):
        for values, shade, what in (
            (others, COLOURS[7], "other spans"),
            (gold, COLOURS[1], "gold entities"),
        ):
            axes.stairs(values, edges, fill=True, color=shade, alpha=0.55)
            axes.stairs(values, edges, color=shade, label=what if at == 0 else None)
        axes.axvline(used[name], color=INK, linestyle=":", linewidth=1.2)
        axes.set(title=f"{shortened(name)}   {gold.sum()} gold")
        axes.set_yscale("log")
        axes.set_ylim(0.7, 2 * max(top, 1))
        if at >= len(counts) - columns:
            axes.set(xlabel="score")
            axes.tick_params(labelbottom=True)
        if at % columns == 0:
            axes.set(ylabel="spans")
    for axes in grid[len(counts) :]:
        axes.set_axis_off()
    figure.legend(loc="outside upper center", ncols=2)
    return figure


FAMILY = "entities"
KINDS = (
    Kind(
        "entity-thresholds",
        "Precision and recall by threshold",
        load_thresholds,
        draw_thresholds,
        TASKS,
        needs_model=True,
    ),
    Kind(
        "span-scores",
        "Scores of gold and of other spans",
        load_distribution,
        draw_distribution,
        TASKS,
        needs_model=True,
    ),
)
