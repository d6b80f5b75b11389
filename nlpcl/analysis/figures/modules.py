"""Parameters and inference time by part of the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nlpcl.analysis.figures.kinds import Kind, LeftOut, Material, Options
from nlpcl.analysis.figures.style import COLOURS, in_millions, panels, shortened, ticks
from nlpcl.runs.run import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def load(run: Run, options: Options) -> Material:
    """Parameters of each part, and its percentage of the time of the forward passes."""
    table = run.record.get("costs")
    if not table or not table["rows"]:
        raise LeftOut("run.json holds no costs of the model's parts")
    rows = [
        {"part": name, "parameters": size, "time (%)": time} for name, size, time in table["rows"]
    ]
    whole = f"{run.record['parameters']:,} parameters; " if "parameters" in run.record else ""
    caption = (
        f"{whole}parameters that parts share count in each. Time: percentage of the forward "
        f"passes on {run.record.get('device', 'the device used')}. {run.name}."
    )
    return Material({"rows": rows}, rows, caption)


def draw(rows: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw two panels of bars, one row per part."""
    figure, grid = panels(1, 2, height=1.2 + 0.3 * len(rows), sharey=True)
    listed = list(rows)[::-1]
    for axes, key, shade in zip(grid, ("parameters", "time (%)"), COLOURS, strict=False):
        values = [row[key] or 0 for row in listed]
        axes.barh(range(len(listed)), values, 0.7, color=shade, alpha=0.9)
        for place, row in enumerate(listed):
            axes.annotate(
                told(row[key]),
                (values[place], place),
                (3, 0),
                textcoords="offset points",
                va="center",
                fontsize=8,
            )
        axes.set(xlabel=key, xlim=(0, 1.3 * max([*values, 1e-9])))
        axes.grid(False, axis="y")
        ticks(axes.xaxis, nbins=4)
    in_millions(grid[0].xaxis)
    grid[0].set_yticks(range(len(listed)), [shortened(row["part"], 32) for row in listed])
    return figure


def told(value: float | None) -> str:
    """Write a number beside its bar."""
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else f"{value:.1f}"


FAMILY = "cost"
KINDS = (Kind("modules", "Parameters and time of the model's parts", load, draw),)
