"""Entities: scores by length, by depth of nesting, and by whether training has the same ones."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from nlpcl.analysis.figures.entities import ANSWERS, cluster_names, finite, pairs_of
from nlpcl.analysis.figures.kinds import Kind, Material, Options
from nlpcl.analysis.figures.sources import where
from nlpcl.analysis.figures.style import COLOURS, INK, WIDTH, whiskers
from nlpcl.core.errors import UserError
from nlpcl.metrics.counts import Score
from nlpcl.metrics.entity_counts import row_rate
from nlpcl.metrics.entity_groups import by_depth, by_length, by_seen
from nlpcl.metrics.intervals import score_intervals
from nlpcl.metrics.resampling import summed_units
from nlpcl.metrics.spans import Pairs, row_spans, surface_forms
from nlpcl.runs.rows import load_splits
from nlpcl.runs.run import Run

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SHADES = {"F1": COLOURS[0], "precision": COLOURS[1], "recall": COLOURS[2]}
TITLES = {
    "length": "characters of the entity",
    "depth": "depth of nesting",
    "training": "surface form in training",
}
Bar = tuple[str, str, str]
"""What is grouped by, the group, and the score."""


def load(run: Run, options: Options) -> Material:
    """Compute scores in groups of entities with bootstrap intervals."""
    pairs, known = pairs_of(run), known_forms(run)
    texts = [row["text"] for row in run.predictions]
    counts = [bar_counts([pair], [text], known) for pair, text in zip(pairs, texts, strict=True)]
    # Over all texts, for the groups in their order.
    bars = list(bar_counts(pairs, texts, known))
    table = np.array([[one.get(bar, (0, 0, 0)) for bar in bars] for one in counts], float)
    whole = table.sum(0)
    scores = {bar: partial(row_rate, bar[2].lower(), at) for at, bar in enumerate(bars)}
    defined = {
        bar: score for bar, score in scores.items() if not math.isnan(float(score(whole.ravel())))
    }
    units = summed_units(table.reshape(len(pairs), 1, 1, -1), cluster_names(run))
    found = score_intervals(units, {" ".join(bar): one for bar, one in defined.items()})
    rows: list[dict[str, Any]] = []
    for bar, (hits, predicted, gold) in zip(bars, whole.astype(int).tolist(), strict=True):
        one = found.get(" ".join(bar))
        ends = (None, None) if one is None else (finite(one.low), finite(one.high))
        row = dict(zip(("by", "group", "score"), bar, strict=True))
        row |= {"value": None if one is None else one.value, "low": ends[0], "high": ends[1]}
        rows.append(row | {"hits": hits, "predicted": predicted, "gold": gold})
    caption = (
        f"Percent of exact matching, 95 % intervals ({units.method}); below each group its gold "
        "and predicted entities. "
    )
    by = {row["by"] for row in rows}
    if "depth" in by:
        caption += (
            "Depth: how many other places contain the entity, among the gold ones for recall and "
            "among the predicted ones for precision. "
        )
    caption += (
        "Training: whether what stands in the span is an entity of the training data too. "
        if "training" in by
        else "Which of them training has cannot be told: its data are not at hand. "
    )
    return Material({"rows": rows}, rows, caption + where(run, len(pairs), "texts"))


def known_forms(run: Run) -> set[str] | None:
    """Surface forms of the run's training data; None where these cannot be read any more."""
    try:
        train = load_splits(run.config).train
    except UserError:
        return None
    return surface_forms(
        [row["text"] for row in train], [row_spans(row["entities"]) for row in train]
    )


def bar_counts(
    pairs: Pairs, texts: Sequence[str], known: Collection[str] | None
) -> dict[Bar, tuple[int, int, int]]:
    """Hits, predicted and gold behind each bar.

    Args:
        pairs: gold and predicted spans of some texts.
        texts: as many.
        known: surface forms of training.
    """
    counts: dict[Bar, tuple[int, int, int]] = {}
    for group, score in by_length(pairs).items():
        counts["length", group, "F1"] = counted(score)
    depths = by_depth(pairs)
    for depth, one in depths.items():
        counts["depth", str(depth), "precision"] = one.right, one.predicted, 0
        counts["depth", str(depth), "recall"] = one.found, 0, one.gold
    if known is not None:
        for group, score in by_seen(pairs, texts, known).items():
            for name in ("precision", "recall", "F1"):
                counts["training", group, name] = counted(score)
    return counts


def counted(score: Score) -> tuple[int, int, int]:
    """Hits, predicted and gold."""
    return score.hits, score.predicted, score.gold


def draw(rows: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw lengths above, depths and what training has below."""
    from matplotlib.figure import Figure

    by = {row["by"] for row in rows}
    if {row["group"] for row in rows if row["by"] == "depth"} == {"0"}:
        by.remove("depth")  # nothing is nested
    below = [name for name in ("depth", "training") if name in by]
    figure = Figure(figsize=(WIDTH, 2.5 * (1 + bool(below))), layout="constrained")
    layout: list[Any] = [["length"] * max(len(below), 1), *([below] if below else [])]
    grid = figure.subplot_mosaic(layout, sharey=True)
    for name, axes in grid.items():
        draw_groups(axes, [row for row in rows if row["by"] == name])
        axes.set(xlabel=TITLES[name], ylim=(0, 105), ylabel="percent" if name != "training" else "")
    handles = {
        label: handle
        for axes in grid.values()
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    figure.legend(
        list(handles.values()), list(handles), loc="outside upper center", ncols=len(handles)
    )
    return figure


def draw_groups(axes: Axes, rows: Sequence[Mapping[str, Any]]) -> None:
    """Draw a bar for each score of each group."""
    groups = list(dict.fromkeys(row["group"] for row in rows))
    scores = [name for name in SHADES if any(row["score"] == name for row in rows)]
    size = min(0.8 / len(scores), 0.5)
    for number, name in enumerate(scores):
        own = [row for row in rows if row["score"] == name]
        places = [
            groups.index(row["group"]) + (number - (len(scores) - 1) / 2) * size for row in own
        ]
        values = [math.nan if row["value"] is None else row["value"] for row in own]
        axes.bar(places, values, size * 0.92, color=SHADES[name], alpha=0.9, label=name)
        ends = whiskers(values, [row["low"] for row in own], [row["high"] for row in own])
        axes.errorbar(places, values, ends, fmt="none", ecolor=INK, elinewidth=0.9, capsize=2)
    names = []
    for group in groups:
        own = [row for row in rows if row["group"] == group]
        gold, predicted = (max(row[side] for row in own) for side in ("gold", "predicted"))
        names.append(f"{group}\n{gold} / {predicted}")
    axes.set_xticks(range(len(groups)), names)
    axes.set_xlim(-0.6, len(groups) - 0.4)
    axes.grid(False, axis="x")


FAMILY = "entities"
KINDS = (Kind("entity-groups", "Scores by length and nesting", load, draw, answers=ANSWERS),)
