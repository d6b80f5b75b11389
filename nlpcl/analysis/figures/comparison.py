"""Comparison of runs: their headline scores with intervals, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nlpcl.analysis.figures.kinds import Kind, LeftOut, Material, Options
from nlpcl.analysis.figures.style import INK, colour, panels, shortened, whiskers
from nlpcl.runs.run import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def load(runs: Sequence[Run], options: Options) -> Material:
    """Load the headline scores of all runs with the first one's task."""
    if len(runs) < 2:
        raise LeftOut("it is for two runs or more")
    spec = runs[0].spec
    rows: list[dict[str, Any]] = []
    for run in runs:
        for name in spec.measures.headline if run.spec.name == spec.name else ():
            if name in run.metrics:
                ends = {end: run.metrics.get(f"{name}_{end}") for end in ("low", "high")}
                rows.append({"run": run.name, "score": name, "value": run.metrics[name]} | ends)
    if len({row["run"] for row in rows}) < 2:
        raise LeftOut(f"fewer than two runs of {spec.name} have scores")
    protocols = {run.protocol for run in runs}
    caption = "Percent" + (
        ", 95 % intervals" if any(row["low"] is not None for row in rows) else ""
    )
    caption += "; for tests of differences see nlpcl ablate. "
    caption += (
        "The runs' protocols differ: their numbers cannot be compared. "
        if len(protocols) > 1
        else ""
    )
    return Material({"rows": rows}, rows, f"{caption}{'; '.join(sorted(protocols))}.")


def draw(rows: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw bars for each score, one colour per run."""
    scores = list(dict.fromkeys(row["score"] for row in rows))
    runs = list(dict.fromkeys(row["run"] for row in rows))
    figure, (axes,) = panels(height=2.8)
    size = 0.8 / len(runs)
    for number, name in enumerate(runs):
        by_score = {row["score"]: row for row in rows if row["run"] == name}
        own = [by_score[score] for score in scores if score in by_score]
        places = [scores.index(row["score"]) + (number - (len(runs) - 1) / 2) * size for row in own]
        values = [row["value"] for row in own]
        axes.bar(
            places, values, size * 0.92, color=colour(number), label=shortened(name), alpha=0.9
        )
        ends = whiskers(values, [row["low"] for row in own], [row["high"] for row in own])
        if np.isfinite(ends).any():
            axes.errorbar(places, values, ends, fmt="none", ecolor=INK, capsize=2)
    axes.set_xticks(range(len(scores)), [score.replace("_", " ") for score in scores])
    axes.set(ylabel="percent", ylim=(0, 103))
    axes.grid(False, axis="x")
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3)
    return figure


FAMILY = "several runs"
KINDS = (Kind("runs", "Runs side by side", load, draw, scope="runs"),)
