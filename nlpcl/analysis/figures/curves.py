"""Training curves: losses, dev scores, learning rate, gradient norm and scheduled quantities.

Runs that differ in nothing but the seed, and the folds of a study, are replicates of one another:
their mean is drawn with a band of one standard deviation.
"""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nlpcl.analysis.figures.kinds import Kind, LeftOut, Material, Options
from nlpcl.analysis.figures.sources import AblationSource
from nlpcl.analysis.figures.style import INK, colour, panels, ticks
from nlpcl.runs.run import Run

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SELECTION = "dev_selection"
PLACES = {"fold", "epoch", "step", SELECTION}
NAMES = {
    "learning_rate": "learning rate",
    "grad_norm": "gradient norm",
    "alpha": "α of the adversary",
    "lambda": "λ, factor of the reversed gradient",
    "rdrop_weight": "λ of R-Drop",
}
MOST = 8
"""Groups that can be told apart by colour."""
APART = 10.0
"""Ratio of two curves from which a common axis is logarithmic."""


@dataclass(frozen=True)
class Curve:
    """One column of the history over the epochs, averaged over replicates.

    Args:
        group: the run or variant; name: the column of ``history.csv``.
        epochs, mean, deviation, n: for each epoch; the deviation has ddof 1 and is NaN for n = 1.
    """

    group: str
    name: str
    epochs: list[float]
    mean: list[float]
    deviation: list[float]
    n: list[int]


def load_runs(runs: Sequence[Run], options: Options) -> Material:
    """Load the curves of all given runs."""
    return curves(runs)


def load_ablation(ablation: AblationSource, options: Options) -> Material:
    """Load the curves of an ablation's variants, averaged over seeds."""
    cells = ablation.cells()
    if not cells:
        raise LeftOut("no training of the ablation has finished")
    return curves(cells)


def curves(runs: Sequence[Run]) -> Material:
    """Group replicates, average them and assign them to panels."""
    replicates: dict[str, list[list[dict[str, Any]]]] = defaultdict(list)
    for run, name in zip(runs, group_names(runs), strict=True):
        by_fold: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for row in run.history:
            by_fold[str(row.get("fold", ""))].append(row)
        replicates[name] += by_fold.values()
    if len(replicates) > MOST:
        raise LeftOut(f"{len(replicates)} groups of runs; {MOST} can be told apart")
    found = [curve for name, parts in replicates.items() for curve in averaged(name, parts)]
    if not found:
        raise LeftOut("history.csv holds no numbers")
    selected = {name: selected_epochs(parts) for name, parts in replicates.items()}
    grouped = panels_of(found, len(replicates) > 1)
    most = max(len(parts) for parts in replicates.values())
    band = ", line: mean, band: one standard deviation over folds or seeds" if most > 1 else ""
    counts = ", ".join(f"{name} (n = {len(parts)})" for name, parts in replicates.items())
    caption = f"Training of {counts}{band}. Dotted: the epoch that was selected on the dev set."
    protocol = runs[0].protocol
    values = {"curves_by_panel": grouped, "selected": selected}
    caption += f" Protocol: {protocol}." if protocol else ""
    return Material(values, [row for curve in found for row in curve_rows(curve)], caption)


def group_names(runs: Sequence[Run]) -> list[str]:
    """Return one name per run; runs that differ only in the seed have the same."""
    first: dict[str, str] = {}
    names = []
    for run in runs:
        # Through the configuration, which knows settings by their present names.
        settings = {k: v for k, v in run.config.as_dict().items() if k not in {"seed", "threads"}}
        key = repr((run.record["model"], sorted(settings.items(), key=lambda item: item[0])))
        names.append(first.setdefault(key, run.name))
    return names


def averaged(group: str, replicates: Sequence[Sequence[Mapping[str, Any]]]) -> list[Curve]:
    """Average every column over replicates, ignoring values that are not finite."""
    cells: dict[str, dict[float, list[float]]] = defaultdict(lambda: defaultdict(list))
    for rows in replicates:
        for row in rows:
            for name, value in row.items():
                if name not in PLACES and isinstance(value, float) and math.isfinite(value):
                    cells[name][row["epoch"]].append(value)
    found = []
    for name, values in cells.items():
        epochs = sorted(values)
        means = [sum(values[epoch]) / len(values[epoch]) for epoch in epochs]
        spreads = [
            math.sqrt(sum((one - mean) ** 2 for one in values[epoch]) / (len(values[epoch]) - 1))
            if len(values[epoch]) > 1
            else math.nan
            for epoch, mean in zip(epochs, means, strict=True)
        ]
        counts = [len(values[epoch]) for epoch in epochs]
        found.append(Curve(group, name, epochs, means, spreads, counts))
    return found


def selected_epochs(replicates: Sequence[Sequence[Mapping[str, Any]]]) -> list[float]:
    """Return the epoch with the best selection score in each replicate."""
    best = []
    for rows in replicates:
        scored = [row for row in rows if isinstance(row.get(SELECTION), float)]
        if scored:
            best.append(max(scored, key=lambda row: row[SELECTION])["epoch"])
    return best


def panels_of(found: Sequence[Curve], is_comparison: bool) -> dict[str, list[Curve]]:
    """Curves by panel; a comparison has one panel for each column."""
    panels: dict[str, list[Curve]] = defaultdict(list)
    for curve in found:
        panels[curve.name if is_comparison else heading(curve.name)].append(curve)
    if not is_comparison and len(panels.get("parts of the loss", ())) == 1:
        del panels["parts of the loss"]  # the only part is the loss
    order = ["loss", "parts of the loss", "dev scores", "learning rate", "gradient norm"]
    rank = {name: at for at, name in enumerate(order)}
    return dict(sorted(panels.items(), key=lambda item: rank.get(item[0], len(rank))))


def heading(name: str) -> str:
    """Return the title of the panel for a column of ``history.csv``."""
    if name in {"loss", "dev_loss"}:
        return "loss"
    if name.startswith("loss_"):
        return "parts of the loss"
    if name.startswith("dev_") and name != "dev_threshold":
        return "dev scores"
    return NAMES.get(name, name.replace("_", " "))


def curve_rows(curve: Curve) -> list[dict[str, Any]]:
    """Return a curve as rows of the CSV file."""
    return [
        {
            "run": curve.group,
            "name": curve.name,
            "epoch": epoch,
            "mean": mean,
            "std": "" if math.isnan(spread) else spread,
            "n": n,
        }
        for epoch, mean, spread, n in zip(
            curve.epochs, curve.mean, curve.deviation, curve.n, strict=True
        )
    ]


def draw(
    curves_by_panel: Mapping[str, Sequence[Curve]], selected: Mapping[str, Sequence[float]]
) -> Figure:
    """Draw one panel per kind of quantity."""
    from matplotlib.lines import Line2D

    groups = list(selected)
    columns = min(2, len(curves_by_panel))
    rows = -(-len(curves_by_panel) // columns)
    figure, grid = panels(rows, columns, height=2.3)
    for axes, (title, listed) in zip(grid, curves_by_panel.items(), strict=False):
        for number, curve in enumerate(listed):
            shade = colour(groups.index(curve.group) if len(groups) > 1 else number)
            label = curve.group if len(groups) > 1 else label_of(curve.name)
            marker = "o" if len(curve.epochs) < 12 else ""
            axes.plot(curve.epochs, curve.mean, color=shade, label=label, marker=marker)
            band = [0 if math.isnan(spread) else spread for spread in curve.deviation]
            low = [mean - spread for mean, spread in zip(curve.mean, band, strict=True)]
            high = [mean + spread for mean, spread in zip(curve.mean, band, strict=True)]
            if any(band):
                axes.fill_between(curve.epochs, low, high, color=shade, alpha=0.18, linewidth=0)
        for number, group in enumerate(groups):
            ink = colour(number) if len(groups) > 1 else INK
            for epoch in selected[group]:
                opacity = max(0.25, 0.9 / len(selected[group]))
                axes.axvline(epoch, color=ink, linestyle=":", linewidth=1.1, alpha=opacity)
        axes.set(title=NAMES.get(title, label_of(title) if len(groups) > 1 else title))
        axes.set(xlabel="epoch")
        ticks(axes.xaxis, integer=True)
        epochs = {epoch for curve in listed for epoch in curve.epochs}
        if len(epochs) == 1:
            axes.set_xticks([*epochs])
        if is_wide(listed):
            make_logarithmic(axes, listed)
        if len(listed) > 1 and len(groups) == 1:
            axes.legend(loc="best")
    for axes in grid[len(curves_by_panel) :]:
        axes.set_axis_off()
    if len(groups) > 1:
        handles = [Line2D([], [], color=colour(at), label=name) for at, name in enumerate(groups)]
        figure.legend(handles=handles, loc="outside upper center", ncols=min(4, len(groups)))
    return figure


def is_wide(listed: Sequence[Curve]) -> bool:
    """Whether the smaller of two losses would lie flat on the axis of the other.

    So it is with a divergence beside the loss of the task.
    """
    sizes = [statistics.median(curve.mean) for curve in listed if curve.name.startswith("loss_")]
    return len(sizes) > 1 and min(sizes) > 0 and max(sizes) >= APART * min(sizes)


def make_logarithmic(axes: Axes, listed: Sequence[Curve]) -> None:
    """Make an axis logarithmic; where a term is not above 0 yet, its line has a gap."""
    positive = [mean for curve in listed for mean in curve.mean if mean > 0]
    axes.set_yscale("log", nonpositive="mask")
    axes.set_ylim(min(positive) / 1.5, 1.5 * max(positive))


def label_of(name: str) -> str:
    """Turn a column name into a label: ``dev_macro_f1`` → ``dev macro f1``."""
    return name.replace("_", " ")


FAMILY = "all models"
KINDS = (
    Kind("curves", "Training curves", load_runs, draw, scope="runs"),
    Kind("curves", "Training curves", load_ablation, draw, scope="ablation"),
)
