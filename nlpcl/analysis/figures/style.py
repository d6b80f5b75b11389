"""The common style of all figures: colours that are legible on a light and a dark page.

Ink and grid have colours of their own that the HTML report replaces by the reader's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK = "#131415"
"""Text, axes and lines without a meaning of their own."""
GRID = "#c9cacb"
"""Grid and other faint lines."""
PAPER = "#fefdfc"
"""Edges of points and bars: the paper shows through."""
COLOURS = (
    *("#2f7fd6", "#e0761a", "#2a9d68", "#cf4450", "#8e63c7"),
    *("#a0703c", "#d765a8", "#7b858e", "#a5a11c", "#15a3b8"),
)
"""In the order of use."""
MARKS = "osD^vPX*<>"
WIDTH = 7.4
"""Inches of a figure over the whole width of the report."""
RIGHT, WRONG = COLOURS[2], COLOURS[3]
SEQUENTIAL = "Blues"

SETTINGS: dict[str, Any] = {
    "font.family": ["DejaVu Sans"],
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.facecolor": "none",
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.linewidth": 0.8,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 8,
    "legend.frameon": True,
    "legend.framealpha": 0.7,
    "legend.facecolor": PAPER,
    "legend.edgecolor": "none",
    "figure.facecolor": "none",
    "lines.linewidth": 1.6,
    "lines.markersize": 4,
    "svg.fonttype": "path",
    "svg.hashsalt": "nlpcl",
    "pdf.fonttype": 42,
    "axes.unicode_minus": False,
}


@contextmanager
def look() -> Iterator[None]:
    """Context manager that applies the common style to drawing and saving."""
    import matplotlib

    settings: Any = SETTINGS
    with matplotlib.rc_context(settings):
        yield


def panels(
    rows: int = 1, columns: int = 1, *, width: float = WIDTH, height: float = 3.0, **settings: Any
) -> tuple[Figure, list[Axes]]:
    """Create a figure and its axes, row by row.

    Args:
        rows: of axes.
        columns: of axes.
        width: of the figure in inches.
        height: of a row in inches.
        settings: further arguments of ``Figure.subplots``.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, rows * height), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False, **settings)
    return figure, list(axes.ravel())


def ticks(axis: Any, **settings: Any) -> None:
    """Set options of an axis's automatic ticks, such as ``integer=True``."""
    axis.get_major_locator().set_params(**settings)


def in_millions(axis: Any) -> None:
    """Format ticks as 12.5 M instead of with a power of ten at the end of the axis."""
    from matplotlib.ticker import EngFormatter

    ticks(axis, nbins=4)
    axis.set_major_formatter(EngFormatter(sep=" "))


def colour(index: int) -> str:
    """Colour number ``index`` of the palette, which repeats."""
    return COLOURS[index % len(COLOURS)]


def bare(axes: Axes) -> None:
    """Remove grid, ticks and frame, as for a projection."""
    axes.grid(False)
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set(visible=True, color=GRID)


def legend_below(axes: Axes, columns: int = 4, title: str = "") -> None:
    """Put the legend below the axes."""
    axes.legend(
        loc="upper center",
        bbox_to_anchor=(0.5, -0.04),
        ncols=columns,
        title=title or None,
        handletextpad=0.4,
        columnspacing=1.2,
    )


def text_on(shade: float) -> str:
    """Black or white, whichever is legible on a sequential shade of 0..1."""
    return "#ffffff" if shade > 0.55 else "#1b1c1d"


def whiskers(values: Sequence[float], low: Sequence[Any], high: Sequence[Any]) -> np.ndarray:
    """Error bars for matplotlib, ``(2, N)``; NaN where an end is unknown.

    Args:
        values: the points.
        low: lower ends; None or NaN where unknown.
        high: upper ends.
    """
    middle = np.asarray(values, dtype=float)
    ends = [
        np.array([np.nan if end is None else end for end in part], float) for part in (low, high)
    ]
    return np.stack([np.maximum(middle - ends[0], 0), np.maximum(ends[1] - middle, 0)])


def shortened(text: str, most: int = 24) -> str:
    """Shorten a name to fit beside an axis."""
    return text if len(text) <= most else text[: most - 1] + "…"
