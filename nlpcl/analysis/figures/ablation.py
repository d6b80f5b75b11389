"""Figures of an ablation: differences to the baseline with intervals, and costs of variants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nlpcl.analysis.figures.kinds import Kind, LeftOut, Material, Options
from nlpcl.analysis.figures.sources import AblationSource
from nlpcl.analysis.figures.style import (
    COLOURS,
    GRID,
    INK,
    MARKS,
    RIGHT,
    WRONG,
    colour,
    in_millions,
    panels,
    shortened,
    whiskers,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_PANELS = 4


def load_forest(ablation: AblationSource, options: Options) -> Material:
    """Load the differences for every compared metric and test set."""
    record = ablation.record
    rows: list[dict[str, Any]] = []
    names = ("test", "metric", "variant", "baseline", "difference", "low", "high", "n", "clusters")
    names += ("seeds", "p_dunnett", "p_holm", "is_found")
    for found in record.get("comparisons", ()):
        if isinstance(found.get("difference"), int | float):
            rows.append({name: found.get(name) for name in names})
    failed = [cell for cell in record.get("cells", ()) if cell.get("state") != "finished"]
    if not rows:
        reason = next((cell["reason"] for cell in failed if cell.get("reason")), "")
        told = f" ({reason})" if reason else ""
        raise LeftOut(f"nothing was compared: {len(failed)} trainings are not finished{told}")
    compared = {row["variant"] for row in rows}
    expected = [name for name in record.get("variants", ()) if name != record.get("baseline")]
    lost = [name for name in expected if name not in compared]
    trained = {(cell["variant"], cell["seed"]) for cell in failed}
    tests = list(dict.fromkeys((row["test"], row["metric"]) for row in rows))
    first = [row for row in rows if (row["test"], row["metric"]) == tests[0]]
    caption = (
        f"Difference to {record.get('baseline')}, in points, with 95 % intervals; filled: found by "
        "the test, adjusted for the number of comparisons. "
        f"n = {first[0]['n']}, {first[0]['seeds']} seed(s). "
    )
    if failed:
        listed = ", ".join(f"{variant} seed {seed}" for variant, seed in sorted(trained, key=str))
        caption += f"Not finished and left out: {listed}. "
    if lost:
        caption += f"Without a comparison: {', '.join(lost)}. "
    if len(tests) > MOST_PANELS:
        caption += f"The first {MOST_PANELS} of {len(tests)} metrics and test sets are drawn. "
    shown = [row for row in rows if (row["test"], row["metric"]) in tests[:MOST_PANELS]]
    return Material({"rows": shown}, rows, f"{caption}{ablation.name}.")


def draw_forest(rows: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw one panel per metric and test set, one row per variant."""
    tests = list(dict.fromkeys((row["test"], row["metric"]) for row in rows))
    most = max(sum((r["test"], r["metric"]) == test for r in rows) for test in tests)
    figure, grid = panels(len(tests), 1, height=0.9 + 0.32 * most)
    for axes, test in zip(grid, tests, strict=True):
        own = [row for row in rows if (row["test"], row["metric"]) == test][::-1]
        axes.axvline(0, color=INK, linewidth=1)
        for place, row in enumerate(own):
            value = row["difference"]
            shade = (RIGHT if value > 0 else WRONG) if row["is_found"] else COLOURS[7]
            ends = whiskers([value], [row["low"]], [row["high"]])
            axes.errorbar(
                [value], [place], xerr=ends, fmt="o", color=shade, capsize=3, markersize=6,
                markerfacecolor=shade if row["is_found"] else "none",
            )  # fmt: skip
            low, high = row["low"], row["high"]
            told = f"{value:+.2f}"
            told += f" ({low:+.2f} to {high:+.2f})" if low is not None and high is not None else ""
            axes.annotate(
                told, (1.01, place), xycoords=("axes fraction", "data"), va="center", fontsize=8
            )
        axes.set_yticks(range(len(own)), [shortened(row["variant"], 32) for row in own])
        axes.set(ylim=(-0.6, len(own) - 0.4), xlabel=f"difference to {own[0]['baseline']}, points")
        name = test[1].replace("_", " ")
        axes.set(title=f"{name} on {test[0]}" if test[0] not in ("", "test") else name)
        axes.grid(False, axis="y")
        axes.tick_params(axis="y", color=GRID)
    return figure


def load_costs(ablation: AblationSource, options: Options) -> Material:
    """Load score, parameters and duration of every finished training."""
    rows: list[dict[str, Any]] = []
    for cell in ablation.record.get("cells", ()):
        scores = next(iter((cell.get("scores") or {}).values()), {})
        if cell.get("state") == "finished" and scores:
            metric, value = next(iter(scores.items()))
            costs = {key: cell.get(key) for key in ("parameters", "seconds", "peak_memory_mb")}
            rows.append(
                {"variant": cell["variant"], "seed": cell["seed"], "metric": metric, "value": value}
                | costs
            )
    if not any(row["seconds"] for row in rows):
        raise LeftOut("no training has both a score and a time")
    caption = f"One point a training. {ablation.name}, {len(rows)} trainings."
    return Material({"rows": rows}, rows, caption)


def draw_costs(rows: Sequence[Mapping[str, Any]]) -> Figure:
    """Plot the score against duration and against number of parameters."""
    figure, grid = panels(1, 2, height=2.8, sharey=True)
    for axes, key in zip(grid, ("seconds", "parameters"), strict=True):
        for number, name in enumerate(dict.fromkeys(row["variant"] for row in rows)):
            own = [row for row in rows if row["variant"] == name and row[key] is not None]
            mark = MARKS[number % len(MARKS)]
            axes.scatter(
                [r[key] for r in own],
                [r["value"] for r in own],
                s=26,
                c=colour(number),
                marker=mark,
                label=shortened(name),
            )
        axes.set(xlabel=key)
        axes.margins(0.1)
    in_millions(grid[1].xaxis)
    grid[0].set(ylabel=rows[0]["metric"].replace("_", " "))
    handles, labels = grid[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4)
    return figure


FAMILY = "ablations"
KINDS = (
    Kind("forest", "Differences to the baseline", load_forest, draw_forest, scope="ablation"),
    Kind("costs", "Scores and costs", load_costs, draw_costs, scope="ablation"),
)
