"""Entities: the scores of all spans of one sentence, a matrix for each type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nlpcl.analysis.figures.entity_cells import TASKS, cells_of, gold_types, task_of, texts_of
from nlpcl.analysis.figures.kinds import Kind, LeftOut, Material, Options
from nlpcl.analysis.figures.sources import PRECISION
from nlpcl.analysis.figures.style import GRID, INK, WIDTH, panels, shortened
from nlpcl.metrics.spans import depths, row_spans
from nlpcl.runs.run import Run

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from nlpcl.training.inference import Feature

MOST_TOKENS = 22
"""Tokens of the sentence that is shown."""
MOST_TYPES = 6
LOOKED_AT = 5000
"""Texts among which a sentence is sought."""
LEAST = 1.0
"""Score at which colours are full at the earliest."""


@dataclass(frozen=True)
class Matrix:
    """The scores of a type.

    Args:
        type: its name.
        scores: of spans from a first token (row) to a last one (column), NaN at impossible ones.
        gold: rows and columns of its entities.
        found: those of the spans that the model takes for entities.
    """

    type: str
    scores: np.ndarray
    gold: list[tuple[int, int]]
    found: list[tuple[int, int]]


def load(run: Run, options: Options) -> Material:
    """Score all spans of an informative test sentence."""
    task = task_of(run)
    examples = texts_of(run, LOOKED_AT, options.seed).examples
    features = [one for one in task.encode(examples) if len(one["windows"]) == 1]
    example, feature = chosen([examples[one["row"]] for one in features], features)
    text, gold = example["text"], row_spans(example["entities"])
    found, _ = task.infer(run.model, [feature], PRECISION)
    placed = task.reader.joined([feature | {"row": 0}], found, 1)
    predicted = {one.span for one in task.decided(placed, flat=task.flat)[0]}
    cells = cells_of(run, [feature])
    size, names = len(feature["spans"]), task.decision.types
    scores = np.full((len(names), size, size), np.nan)
    scores[cells.types, cells.first - 1, cells.last - 1] = cells.scores
    # Of the tokens of one character only the first may start a span, and only the last end one.
    starts, ends = (np.unique(tokens) - 1 for tokens in (cells.first, cells.last))
    here = {name for *_, name in gold | predicted}
    shown = sorted(gold_types([example], names), key=lambda name: name not in here)
    rows: list[dict[str, Any]] = []
    matrices: list[Matrix] = []
    for name in shown[:MOST_TYPES]:
        own = scores[names.index(name)][np.ix_(starts, ends)]
        matrix = Matrix(name, own, [], [])
        for first, last in zip(*np.nonzero(np.isfinite(own)), strict=True):
            start, end = feature["spans"][starts[first]][0], feature["spans"][ends[last]][1]
            span = start, end, name
            cell = {"type": name, "start": start, "end": end, "text": text[start:end]}
            cell["score"] = float(own[first, last])
            rows.append(cell | {"gold": span in gold, "predicted": span in predicted})
            if span in gold:
                matrix.gold.append((int(first), int(last)))
            if span in predicted:
                matrix.found.append((int(first), int(last)))
        matrices.append(matrix)
    tokens = [[text[slice(*feature["spans"][at])] for at in places] for places in (starts, ends)]
    left = len(shown) - len(matrices)
    caption = (
        "Score of each span from its first token (row) to its last (column); impossible spans are "
        "blank. Framed: gold entities; dotted: spans that the model takes for entities. "
        + (f"{left} further types without an entity here are not shown. " if left else "")
        + f"{run.name}: one test sentence, {example.get('id', '')}; {run.protocol}."
    )
    return Material({"matrices": matrices, "starts": tokens[0], "ends": tokens[1]}, rows, caption)


def chosen(
    examples: Sequence[Mapping[str, Any]], features: Sequence[Feature]
) -> tuple[Mapping[str, Any], Feature]:
    """The sentence with most entities, of equal ones that with most types and the shorter one.

    Sentences with nested entities come first.

    Args:
        examples: texts of one window.
        features: their windows.

    Raises:
        LeftOut: all texts with entities are too long.
    """
    fitting = [
        (example, feature)
        for example, feature in zip(examples, features, strict=True)
        if feature["labels"] and len(feature["spans"]) <= MOST_TOKENS
    ]
    if not fitting:
        raise LeftOut(f"every test text with an entity is longer than {MOST_TOKENS} tokens")

    def worth(pair: tuple[Mapping[str, Any], Feature]) -> tuple[bool, int, int, int]:
        spans = row_spans(pair[0]["entities"])
        types = {name for *_, name in spans}
        return max(depths(spans).values()) > 0, len(spans), len(types), -len(pair[1]["spans"])

    return max(fitting, key=worth)


def draw(matrices: Sequence[Matrix], starts: Sequence[str], ends: Sequence[str]) -> Figure:
    """Draw a triangle for each type, all on one scale."""
    from matplotlib.colors import TwoSlopeNorm

    columns = min(2, len(matrices))
    width = WIDTH if columns == 2 else WIDTH * 0.62
    rows = -(-len(matrices) // columns)
    figure, grid = panels(rows, columns, width=width, height=0.82 * width / columns + 0.3)
    low = min(-LEAST, *(float(np.nanmin(matrix.scores)) for matrix in matrices))
    high = max(LEAST, *(float(np.nanmax(matrix.scores)) for matrix in matrices))
    # Most spans are far below 0: on a scale of equal slopes those above it would be pale.
    scale = TwoSlopeNorm(0, low, high)
    image = None
    for axes, matrix in zip(grid, matrices, strict=False):
        image = axes.imshow(matrix.scores, cmap="RdBu_r", norm=scale)
        label(axes, matrix, starts, ends)
    for axes in grid[len(matrices) :]:
        axes.set_axis_off()
    bar = figure.colorbar(
        image,  # type: ignore[arg-type]
        ax=grid,
        shrink=0.6 if rows < 3 else 0.4,
        label="score",
        ticks=[low, low / 2, 0, high / 2, high],
        format="%.1f",
    )
    bar.outline.set_edgecolor(INK)  # type: ignore[union-attr]
    return figure


def label(axes: Axes, matrix: Matrix, starts: Sequence[str], ends: Sequence[str]) -> None:
    """Name the tokens, frame gold entities and dot predicted ones."""
    from matplotlib.patches import Rectangle

    first, last = ([shortened(token, 9) for token in tokens] for tokens in (starts, ends))
    upright = 90 if max(map(len, last)) > 1 else 0
    axes.set_xticks(range(len(last)), last, rotation=upright, fontsize=7)
    axes.set_yticks(range(len(first)), first, fontsize=7)
    axes.tick_params(length=2, color=GRID)
    axes.grid(False)
    axes.set(title=matrix.type, ylabel="from", xlabel="to")
    for row, column in matrix.gold:
        box = column - 0.5, row - 0.5
        # Cells keep their colours on a dark page: what marks them does too.
        for shade, width in (("white", 3.0), ("black", 1.5)):
            frame = Rectangle(box, 1, 1, fill=False, edgecolor=shade, linewidth=width)
            frame.set_clip_on(False)
            axes.add_patch(frame)
    if matrix.found:
        rows, columns = zip(*matrix.found, strict=True)
        axes.scatter(columns, rows, s=14, color="black", edgecolors="white", zorder=3)


FAMILY = "entities"
KINDS = (Kind("spans", "Scores of the spans of a sentence", load, draw, TASKS, needs_model=True),)
