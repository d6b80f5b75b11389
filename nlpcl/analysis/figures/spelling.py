"""Spelling: how training changes the states of confused characters.

Before training is the run's encoder anew, after it the run's model; both read the sentence as
written and the right sentence.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nlpcl.analysis.figures.items import Example, items
from nlpcl.analysis.figures.kinds import Kind, LeftOut, Material, Options
from nlpcl.analysis.figures.spelling_states import (
    Pair,
    State,
    cosines,
    measures,
    pair_of,
    states_of,
)
from nlpcl.analysis.figures.style import COLOURS, GRID, INK, WIDTH, bare, colour, panels
from nlpcl.runs.run import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TASKS = ("correction",)
MOST_SENTENCES = 400
FEWEST = 5
"""Wrong characters below which no map is drawn."""
NAMED = 8
"""Characters that are coloured on the map, the commonest first."""
LONGEST = 24
"""Characters of the sentence whose similarities are shown."""


def erroneous(run: Run, seed: int) -> list[Example]:
    """Test sentences of equal length with an error.

    Raises:
        LeftOut: there are none.
    """
    found = [
        row
        for row in items(run, 10**9, seed).examples
        if len(row["source"]) == len(row["target"]) and row["source"] != row["target"]
    ]
    if not found:
        raise LeftOut("no test sentence has a wrong character")
    return found


def load_characters(run: Run, options: Options) -> Material:
    """Compute states of wrong and right characters in the same places, by both models."""
    sentences = erroneous(run, options.seed)
    shown = sentences[:MOST_SENTENCES]
    models = states_of(run, shown)
    wrong = sum(state.is_wrong for state in models["before"])
    if wrong < FEWEST:
        raise LeftOut(f"{wrong} wrong characters are too few for a map; {FEWEST} are needed")
    numbers = {name: measures(states) for name, states in models.items()}
    points = {name: projected(states) for name, states in models.items()}
    rows = [
        {
            "model": name,
            "written": state.written,
            "right": state.right,
            "cosine": float(cosine),
            "wrong x": float(at[0]),
            "wrong y": float(at[1]),
            "right x": float(goal[0]),
            "right y": float(goal[1]),
        }
        for name, states in models.items()
        for state, cosine, at, goal in zip(
            [state for state in states if state.is_wrong],
            cosines(states),
            points[name]["wrong"],
            points[name]["right of wrong"],
            strict=True,
        )
    ]
    told = "; ".join(
        f"{name}: cosine {one['cosine']:.2f}, alignment {one['alignment']:.2f}, uniformity "
        f"{one['uniformity']:.2f}, silhouette of characters {one['silhouette']:+.2f}"
        for name, one in numbers.items()
    )
    few = (
        f"The first {len(shown)} of {len(sentences)} sentences. "
        if len(shown) < len(sentences)
        else ""
    )
    caption = (
        "Crosses: wrong characters in the sentence as written; dots: the right characters of the "
        "right sentences, joined to the wrong one in the same place; PCA of each model's states by "
        f"themselves. {told}. Alignment: mean squared distance of wrong and right on the unit "
        "sphere, less is closer; uniformity: log mean exp(-2 d²) over right characters, less is "
        f"more spread. {few}{run.name}: n = {wrong} wrong characters in {len(shown)} sentences, "
        f"test set; {run.protocol}."
    )
    values = {
        "points": points,
        "characters": common_characters(models["before"]),
        "labels": [state.right for state in models["before"]],
        "wrong_labels": [state.right for state in models["before"] if state.is_wrong],
        "similarities": {name: cosines(states) for name, states in models.items()},
        "numbers": numbers,
    }
    return Material(values, rows, caption)


def common_characters(states: Sequence[State]) -> list[str]:
    """The most often confused characters; of equal ones, the most frequent first."""
    wrong = Counter(state.right for state in states if state.is_wrong)
    seen = Counter(state.right for state in states)
    return sorted(wrong, key=lambda c: (-wrong[c], -seen[c], c))[:NAMED]


def projected(states: Sequence[State]) -> dict[str, np.ndarray]:
    """PCA coordinates of right characters, of wrong ones, and of the corrections of those."""
    from sklearn.decomposition import PCA

    right = np.stack([state.right_state for state in states])
    wrong = np.stack([state.wrong_state for state in states if state.is_wrong])
    found = PCA(2, random_state=0).fit(np.concatenate([right, wrong]))
    held = np.array([state.is_wrong for state in states])
    places = found.transform(right)
    return {"right": places, "wrong": found.transform(wrong), "right of wrong": places[held]}


def draw_characters(
    points: Mapping[str, Mapping[str, np.ndarray]],
    characters: Sequence[str],
    labels: Sequence[str],
    wrong_labels: Sequence[str],
    similarities: Mapping[str, np.ndarray],
    numbers: Mapping[str, Mapping[str, float]],
) -> Figure:
    """Draw two projections above the cosine similarities of wrong and right characters."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, 5.6), layout="constrained")
    grid = figure.add_gridspec(2, 2, height_ratios=[3.2, 1.5])
    right_labels, confused = np.asarray(labels), np.asarray(wrong_labels)
    for column, (name, parts) in enumerate(points.items()):
        axes = figure.add_subplot(grid[0, column])
        bare(axes)
        axes.set(title=f"{name} training   cosine {numbers[name]['cosine']:.2f}")
        for start, end in zip(parts["wrong"], parts["right of wrong"], strict=True):
            axes.plot(*zip(start, end, strict=True), color=GRID, linewidth=0.7, zorder=1)
        grey = ~np.isin(right_labels, characters)
        axes.scatter(*parts["right"][grey].T, s=5, color="#a4a7ab", alpha=0.5, zorder=1)
        others = ~np.isin(confused, characters)
        axes.scatter(*parts["wrong"][others].T, s=16, marker="x", color="#7b858e", linewidths=0.9)
        for number, character in enumerate(characters):
            shade = colour(number)
            own, mistaken = right_labels == character, confused == character
            axes.scatter(*parts["right"][own].T, s=18, color=shade, label=character, zorder=2)
            axes.scatter(*parts["wrong"][mistaken].T, s=26, marker="x", color=shade, zorder=3)
    handles, names = figure.axes[0].get_legend_handles_labels()
    figure.legend(
        handles, names, loc="outside upper center", ncols=NAMED // 2, title="right character"
    )
    axes = figure.add_subplot(grid[1, :])
    bins = np.linspace(
        min(-0.05, *(part.min() for part in similarities.values())), 1.0, 31
    ).tolist()
    for number, (name, values) in enumerate(similarities.items()):
        shade = COLOURS[(7, 0)[number]]
        axes.hist(values, bins, color=shade, alpha=0.65, label=f"{name} training")
        axes.axvline(float(values.mean()), color=shade, linestyle="--", linewidth=1.4)
    axes.set(
        xlabel="cosine of a wrong character and the right one in its place", ylabel="characters"
    )
    axes.legend(loc="upper left")
    return figure


def load_similarity(run: Run, options: Options) -> Material:
    """Cosine similarities between the written and the right characters of a sentence."""
    sentences = erroneous(run, options.seed)
    fitting = [row for row in sentences if len(row["source"]) <= LONGEST]
    if not fitting:
        raise LeftOut(f"every erroneous test sentence is longer than {LONGEST} characters")
    # Of those with the most wrong characters the longest shows most.
    chosen = max(fitting, key=lambda row: (errors(row), len(row["source"])))
    pairs: dict[str, Pair] = pair_of(run, chosen)
    matrices = {name: pair.cosines() for name, pair in pairs.items()}
    first = next(iter(pairs.values()))
    rows = [
        {
            "model": name,
            "written": first.written[row],
            "place": row,
            **{
                f"{column} {right}": float(value)
                for column, (right, value) in enumerate(zip(first.right, values, strict=True))
            },
        }
        for name, matrix in matrices.items()
        for row, values in enumerate(matrix)
    ]
    wrong = [
        at
        for at, (old, new) in enumerate(zip(first.written, first.right, strict=True))
        if old != new
    ]
    caption = (
        "Cosine of each character of the sentence as written (rows) with each of the right one "
        "(columns): the contrastive loss before its temperature. Framed: wrong "
        f"characters and what they are pulled to. {run.name}: one test sentence, "
        f"{chosen.get('id', '')}; {run.protocol}."
    )
    values = {"matrices": matrices, "written": first.written, "right": first.right, "wrong": wrong}
    return Material(values, rows, caption)


def errors(row: Mapping[str, Any]) -> int:
    """Number of wrong characters in a sentence."""
    return sum(old != new for old, new in zip(row["source"], row["target"], strict=True))


def draw_similarity(
    matrices: Mapping[str, np.ndarray],
    written: Sequence[str],
    right: Sequence[str],
    wrong: Sequence[int],
) -> Figure:
    """Draw two matrices side by side on one scale."""
    from matplotlib.patches import Rectangle

    figure, grid = panels(1, len(matrices), height=3.5)
    low = min(float(matrix.min()) for matrix in matrices.values())
    image = None
    for axes, (name, matrix) in zip(grid, matrices.items(), strict=True):
        image = axes.imshow(matrix, cmap="viridis", vmin=min(low, 0.0), vmax=1)
        axes.grid(False)
        axes.set_xticks(range(len(right)), right)
        axes.set_yticks(range(len(written)), written)
        axes.set(title=f"{name} training", xlabel="right sentence")
        for place in wrong:
            box = (place - 0.5, place - 0.5)
            axes.add_patch(Rectangle(box, 1, 1, fill=False, edgecolor=COLOURS[3], linewidth=1.6))
            axes.get_yticklabels()[place].set_color(COLOURS[3])
    grid[0].set(ylabel="sentence as written")
    bar = figure.colorbar(image, ax=grid, shrink=0.75, label="cosine")  # type: ignore[arg-type]
    bar.outline.set_edgecolor(INK)  # type: ignore[union-attr]
    return figure


FAMILY = "spelling"
KINDS = (
    Kind(
        "characters",
        "Confused characters",
        load_characters,
        draw_characters,
        TASKS,
        needs_model=True,
    ),
    Kind(
        "similarity",
        "Contrastive similarity",
        load_similarity,
        draw_similarity,
        TASKS,
        needs_model=True,
    ),
)
