"""Entities: scores of each type, and the errors by kind; from predictions alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nlpcl.analysis.figures.kinds import Kind, LeftOut, Material, Options
from nlpcl.analysis.figures.sources import where
from nlpcl.analysis.figures.style import COLOURS, INK, RIGHT, WRONG, panels, shortened, whiskers
from nlpcl.metrics.clusters import clusters_of
from nlpcl.metrics.counts import Score
from nlpcl.metrics.entities import OF_TYPE, estimates, exact_score
from nlpcl.metrics.entity_errors import faults
from nlpcl.metrics.entity_groups import by_type
from nlpcl.metrics.intervals import Interval
from nlpcl.metrics.measures import span_pairs
from nlpcl.metrics.spans import Pairs
from nlpcl.runs.run import Run

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ANSWERS = ("entities",)
MOST_TYPES = 20
ALL = "all types"
OUTCOMES = {
    "right": RIGHT,
    "wrong edge": COLOURS[1],
    "wrong type": COLOURS[4],
    "wrong type and edge": COLOURS[5],
    "missed": COLOURS[7],
    "invented": WRONG,
}
"""What becomes of gold and predicted entities, with colours."""
NAMES = {"wrong_edge": "wrong edge", "wrong_type": "wrong type"}
NAMES |= {"wrong_both": "wrong type and edge"}
"""Kinds of errors that are called otherwise here."""
LEGIBLE = 9
"""Percent of a bar from which its part is labelled."""


def pairs_of(run: Run) -> Pairs:
    """Gold and predicted entities of each test text.

    Raises:
        LeftOut: there are none.
    """
    pairs = span_pairs(run.predictions)
    if not any(gold or predicted for gold, predicted in pairs):
        raise LeftOut("no test text has an entity, and none was predicted")
    return pairs


def cluster_names(run: Run) -> list[str] | None:
    """What is resampled together; None for single texts."""
    clusters = clusters_of(run.predictions)
    return None if clusters is None else clusters.names


def load_types(run: Run, options: Options) -> Material:
    """Compute precision, recall and F1 of each type with bootstrap intervals."""
    pairs = pairs_of(run)
    types = most_frequent(by_type(pairs))
    overall, intervals = estimates(
        pairs, list(types), cluster_names(run), resamples=1000, seed=0, level=0.95
    )
    rows = [type_row(ALL, exact_score(pairs), intervals.get("f1"))]
    rows += [type_row(name, score, intervals[OF_TYPE + name]) for name, score in types.items()]
    method = next(iter(intervals.values())).method
    shown, note = rows[: MOST_TYPES + 1], left_out(len(types))
    caption = (
        f"Percent; bars: F1 with 95 % intervals ({method}), marks: precision and recall, of exact "
        f"matching. Macro-F1: {overall['f1_macro']:.1f}. {note}"
    )
    return Material({"rows": shown}, rows, caption + where(run, len(pairs), "texts"))


def most_frequent(types: Mapping[str, Score]) -> dict[str, Score]:
    """Types with most gold entities first."""
    return dict(sorted(types.items(), key=lambda item: -item[1].gold))


def left_out(types: int) -> str:
    """A note if there are more types than can be shown."""
    return (
        f"The {MOST_TYPES} types with most gold entities of {types}. " if types > MOST_TYPES else ""
    )


def type_row(name: str, score: Score, f1: Interval | None) -> dict[str, Any]:
    """Row of a type; ratios are None where there is nothing to divide by."""
    low, high = (None, None) if f1 is None else (finite(f1.low), finite(f1.high))
    return {
        "type": name,
        "precision": score.precision if score.predicted else None,
        "recall": score.recall if score.gold else None,
        "F1": score.f1,
        "low": low,
        "high": high,
        "gold": score.gold,
        "predicted": score.predicted,
        "hits": score.hits,
    }


def finite(value: float) -> float | None:
    """Return the value, or None for NaN, which becomes an empty cell in CSV."""
    return value if np.isfinite(value) else None


def draw_types(rows: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw a lying bar for each type, with marks for precision and recall."""
    figure, (axes,) = panels(height=1.0 + 0.36 * len(rows))
    places = np.arange(len(rows))[::-1]
    values = [row["F1"] for row in rows]
    axes.barh(places[:1], values[:1], 0.72, color=COLOURS[7], alpha=0.9)
    axes.barh(places[1:], values[1:], 0.72, color=COLOURS[0], alpha=0.9, label="F1")
    ends = whiskers(values, [row["low"] for row in rows], [row["high"] for row in rows])
    axes.errorbar(values, places, xerr=ends, fmt="none", ecolor=INK, elinewidth=0.9, capsize=2)
    for name, mark, shade, shift in (
        ("precision", "v", COLOURS[1], 0.24),
        ("recall", "^", COLOURS[2], -0.24),
    ):
        shown = [np.nan if row[name] is None else row[name] for row in rows]
        axes.plot(
            shown, places + shift, mark, color=shade, markersize=5, markeredgecolor="white",
            markeredgewidth=0.5, label=name, clip_on=False,
        )  # fmt: skip
    names = [f"{shortened(row['type'])} (n = {row['gold']})" for row in rows]
    axes.set_yticks(places, names)
    axes.set(xlim=(0, 100), ylim=(-0.6, len(rows) - 0.4), xlabel="percent")
    axes.grid(False, axis="y")
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3)
    return figure


def load_errors(run: Run, options: Options) -> Material:
    """Sort gold and predicted entities of each type by what becomes of them."""
    pairs = pairs_of(run)
    counts = outcome_counts(pairs)
    names = [ALL, *most_frequent(by_type(pairs))]
    rows: list[dict[str, Any]] = []
    for name in names:
        for side in ("gold", "predicted"):
            own = counts[side, name]
            rows.append(
                {"type": name, "of": side, "n": own.total()}
                | {outcome: own[outcome] for outcome in OUTCOMES if fits(outcome, side)}
            )
    shown = names[: MOST_TYPES + 1]
    caption = (
        "Percent of the gold entities of each type (left) and of the predicted ones (right), with "
        "their number; each is in one place. An entity whose type and edge are wrong overlaps one "
        f"of another type. {left_out(len(names) - 1)}"
    )
    return Material(
        {"rows": [row for row in rows if row["type"] in shown]},
        rows,
        caption + where(run, len(pairs), "texts"),
    )


def fits(outcome: str, side: str) -> bool:
    """Whether an outcome is one of gold or of predicted entities."""
    return outcome != ("invented" if side == "gold" else "missed")


def outcome_counts(pairs: Pairs) -> dict[tuple[str, str], Counter[str]]:
    """How many gold and predicted entities of a type, or of all, have each outcome."""
    counts: dict[tuple[str, str], Counter[str]] = {}

    def count(side: str, type: str, outcome: str) -> None:
        for name in (type, ALL):
            counts.setdefault((side, name), Counter())[outcome] += 1

    for gold, predicted in pairs:
        for *_, name in gold & predicted:
            count("gold", name, "right")
            count("predicted", name, "right")
        for fault in faults(gold, predicted):
            outcome = NAMES.get(fault.kind, fault.kind)
            if fault.gold:
                count("gold", fault.gold[2], outcome)
            if fault.predicted:
                count("predicted", fault.predicted[2], outcome)
    sides = ("gold", "predicted")
    known = {ALL, *(name for _, name in counts)}
    return {(side, name): counts.get((side, name), Counter()) for side in sides for name in known}


def draw_errors(rows: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw stacked bars for gold and for predicted entities, a row a type."""
    names = list(dict.fromkeys(row["type"] for row in rows))
    figure, grid = panels(1, 2, height=1.0 + 0.32 * len(names), sharey=True)
    for axes, side in zip(grid, ("gold", "predicted"), strict=True):
        own = [row for row in rows if row["of"] == side][::-1]
        stack(axes, own, side)
        axes.set(title=f"{side} entities", xlabel="percent", xlim=(0, 100))
        axes.set_ylim(-0.6, len(names) - 0.4)
        axes.grid(False)
    grid[0].set_yticks(range(len(names)), [shortened(name, 20) for name in names[::-1]])
    handles = {
        label: bar
        for axes in grid
        for bar, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    listed = [name for name in OUTCOMES if name in handles]
    figure.legend(
        [handles[name] for name in listed], listed, loc="outside upper center", ncols=len(listed)
    )
    return figure


def stack(axes: Axes, rows: Sequence[Mapping[str, Any]], side: str) -> None:
    """Draw a bar for each row, all of 100 percent, and its n behind it."""
    whole = np.array([max(row["n"], 1) for row in rows])
    left = np.zeros(len(rows))
    for outcome, shade in OUTCOMES.items():
        if not fits(outcome, side):
            continue
        size = 100 * np.array([row[outcome] for row in rows]) / whole
        axes.barh(range(len(rows)), size, 0.72, left=left, color=shade, alpha=0.9, label=outcome)
        for place, (start, one) in enumerate(zip(left, size, strict=True)):
            if one >= LEGIBLE:
                middle = start + one / 2
                axes.text(
                    middle, place, f"{one:.0f}", ha="center", va="center", fontsize=7, color="white"
                )
        left = left + size
    for place, row in enumerate(rows):
        axes.annotate(
            str(row["n"]),
            (1.01, place),
            xycoords=("axes fraction", "data"),
            va="center",
            fontsize=8,
        )


FAMILY = "entities"
KINDS = (
    Kind("entity-types", "Scores of each type", load_types, draw_types, answers=ANSWERS),
    Kind("entity-errors", "Errors, sorted", load_errors, draw_errors, answers=ANSWERS),
)
