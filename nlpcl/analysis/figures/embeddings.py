"""Projections of embeddings, coloured by label and by group."""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nlpcl.analysis.figures.items import embeddings, items
from nlpcl.analysis.figures.kinds import LABELLED, Kind, LeftOut, Material, Options
from nlpcl.analysis.figures.style import (
    MARKS,
    PAPER,
    WIDTH,
    bare,
    colour,
    legend_below,
    panels,
    shortened,
)
from nlpcl.runs.run import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FEWEST = 5
"""Items below which a map says nothing."""
PERPLEXITY = 30.0
MOST_NAMES = 20
"""Groups beyond which the smallest are drawn in grey together."""
OTHERS = "others"
GROUPS = ("speaker", "target", "language", "corpus")
"""What maps are coloured by beside the label: the first that has at least two names."""


def load(run: Run, options: Options) -> Material:
    """Project the embeddings of a run's items to two dimensions."""
    listed = items(run, options.points, options.seed)
    if len(listed.examples) < FEWEST:
        raise LeftOut(f"{len(listed.examples)} items are too few for a map; {FEWEST} are needed")
    vectors, numbers = embeddings(run, listed.examples)
    examples = [listed.examples[at] for at in numbers]
    is_test = [listed.is_test[at] for at in numbers]
    colourings = {"label": [str(row.get("label", "")) for row in examples]}
    colourings |= grouping(examples)
    maps, notes = projections(vectors, options.seed)
    silhouettes = {name: silhouette(vectors, names) for name, names in colourings.items()}
    rows = [
        {
            "id": row.get("id", ""),
            **{name: names[at] for name, names in colourings.items()},
            "tested": is_test[at],
            **{
                f"{kind} {axis}": float(xy[at, a])
                for kind, xy in maps.items()
                for a, axis in enumerate("xy")
            },
        }
        for at, row in enumerate(examples)
    ]
    numbers_told = "; ".join(
        f"by {name} {'-' if value is None else format(value, '+.2f')}"
        for name, value in silhouettes.items()
    )
    held = "" if all(is_test) else f"Hollow: {is_test.count(False)} items it was trained on. "
    model = f"model of fold {run.record.get('model_fold')}" if run.is_study else "test set"
    caption = (
        f"What the head gets, {vectors.shape[1]} dimensions. Silhouette in these dimensions "
        f"(cosine, -1 to 1): {numbers_told}. {notes}{listed.sampling}{held}{run.name}: "
        f"n = {len(examples)} items, {model}; {run.protocol}."
    )
    values = {
        "maps": maps,
        "colourings": colourings,
        "is_test": is_test,
        "silhouettes": silhouettes,
    }
    return Material(values, rows, caption)


def grouping(examples: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Choose the first field beside the label that distinguishes items."""
    for name in GROUPS:
        values = [group_of(row, name) for row in examples]
        if len({value for value in values if value}) > 1:
            return {name: values}
    return {}


def group_of(row: Mapping[str, Any], name: str) -> str:
    """Return the group of an item; with several target groups it is ``several``."""
    if name != "target":
        return str(row.get(name) or "")
    targets = list(row.get("targets") or ())
    return targets[0] if len(targets) == 1 else "several" if targets else ""


def projections(vectors: np.ndarray, seed: int) -> tuple[dict[str, np.ndarray], str]:
    """Coordinates ``(N, 2)`` by method, and a note on methods that were skipped."""
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    n = len(vectors)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # all vectors alike
        found = PCA(2, random_state=seed).fit(vectors)
        maps = {"PCA": found.transform(vectors)}
        explained = np.nan_to_num(100 * found.explained_variance_ratio_)
        notes = f"PCA: {explained.sum():.0f} % of the variance. "
        perplexity = min(PERPLEXITY, (n - 1) / 3)
        if perplexity < 2:
            return maps, notes + f"No t-SNE of {n} items. "
        tsne = TSNE(2, perplexity=perplexity, init="random", random_state=seed, max_iter=500)
        maps["t-SNE"] = tsne.fit_transform(vectors)
        notes += f"t-SNE: perplexity {perplexity:.0f}, seed {seed}. "
    if importlib.util.find_spec("umap") is None:
        return maps, notes + "No UMAP: umap-learn is not installed. "
    umap: Any = importlib.import_module("umap")
    maps["UMAP"] = umap.UMAP(n_neighbors=min(15, n - 1), random_state=seed).fit_transform(vectors)
    return maps, notes


def silhouette(vectors: np.ndarray, names: Sequence[str]) -> float | None:
    """Mean silhouette by cosine distance over the named items; None if undefined."""
    from sklearn.metrics import silhouette_score

    known = np.array([bool(name) for name in names])
    kinds = {name for name in names if name}
    lengths = np.linalg.norm(vectors, axis=1)
    if not 2 <= len(kinds) < known.sum() or not (lengths > 0).all():
        return None
    labels = np.asarray(names)[known]
    return float(silhouette_score(vectors[known], labels, metric="cosine"))


def draw(
    maps: Mapping[str, np.ndarray],
    colourings: Mapping[str, Sequence[str]],
    is_test: Sequence[bool],
    silhouettes: Mapping[str, float | None],
) -> Figure:
    """Draw one row per method, one column per colouring."""
    figure, grid = panels(
        len(maps), len(colourings), width=WIDTH if len(colourings) > 1 else 4.6, height=3.0
    )
    held = np.asarray(is_test)
    for row, (method, places) in enumerate(maps.items()):
        for column, (name, names) in enumerate(colourings.items()):
            axes = grid[row * len(colourings) + column]
            scatter(axes, places, names, held)
            bare(axes)
            value = silhouettes[name]
            told = f"   silhouette {value:+.2f}" if value is not None and not row else ""
            axes.set(title=f"{method} by {name}{told}")
            if row == len(maps) - 1:
                legend_below(axes)
    return figure


def scatter(axes: Any, places: np.ndarray, names: Sequence[str], held: np.ndarray) -> None:
    """Plot points coloured by name; those of training items are hollow."""
    listed = np.asarray(names)
    found, counts = np.unique(listed[listed != ""], return_counts=True)
    kept = sorted(found[np.argsort(-counts, kind="stable")][:MOST_NAMES].tolist())
    size = float(np.clip(4000 / len(places), 4, 30))
    rest = ~np.isin(listed, kept)
    many = len(places) > 2000
    if rest.any():
        axes.scatter(*places[rest].T, s=size, color="#9a9da1", label=OTHERS, rasterized=many)
    for number, name in enumerate(kept):
        own = listed == name
        shade, mark = colour(number), MARKS[number // 10 % len(MARKS)]
        axes.scatter(
            *places[own & held].T,
            s=size,
            marker=mark,
            color=shade,
            edgecolors=PAPER,
            linewidths=0.3,
            label=shortened(name),
            rasterized=many,
        )
        axes.scatter(
            *places[own & ~held].T,
            s=size,
            marker=mark,
            facecolors="none",
            edgecolors=shade,
            linewidths=0.8,
            rasterized=many,
        )


FAMILY = "embeddings"
KINDS = (Kind("embedding", "Embedding", load, draw, answers=LABELLED, needs_model=True),)
