"""Figures of classifiers: confusion matrix, scores by class, calibration, threshold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nlpcl.analysis.figures.kinds import LABELLED, Kind, LeftOut, Material, Options
from nlpcl.analysis.figures.sources import where
from nlpcl.analysis.figures.style import (
    COLOURS,
    INK,
    SEQUENTIAL,
    colour,
    panels,
    shortened,
    text_on,
    whiskers,
)
from nlpcl.metrics.calibration import Bins, calibration, confidence_bins
from nlpcl.metrics.clusters import clusters_of
from nlpcl.metrics.confusion import PER_CLASS, confusion_counts, label_indices, score_function
from nlpcl.metrics.intervals import score_intervals
from nlpcl.metrics.resampling import Units, classification_units
from nlpcl.runs.run import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_CLASSES = 40


def answers(run: Run) -> tuple[list[str], np.ndarray, np.ndarray, np.ndarray]:
    """Return labels, gold and predicted indices ``(N,)`` and probabilities ``(N, C)``.

    Raises:
        LeftOut: no rows, rows without probabilities, or one class alone.
    """
    rows = run.predictions
    if not all(row.get("probabilities") for row in rows):
        raise LeftOut("some predictions have no probabilities")
    labels = list(rows[0]["probabilities"])
    probabilities = np.array(
        [[row["probabilities"][name] for name in labels] for row in rows], float
    )
    gold = label_indices([row["gold"] for row in rows], labels)
    found = label_indices([row["label"] for row in rows], labels)
    if len(labels) < 2 or len({*gold.tolist(), *found.tolist()}) < 2:
        raise LeftOut(f"all items are of one class ({rows[0]['gold']}) and answered so")
    if len(labels) > MOST_CLASSES:
        raise LeftOut(f"{len(labels)} classes; {MOST_CLASSES} can be shown")
    return labels, gold, found, probabilities


def load_confusion(run: Run, options: Options) -> Material:
    """Count the gold and predicted classes."""
    labels, gold, found, _ = answers(run)
    counts = confusion_counts(gold, found, len(labels))
    rows = [
        {"gold": label, **dict(zip(labels, row, strict=True))}
        for label, row in zip(labels, counts.tolist(), strict=True)
    ]
    caption = "Colour: fraction of the gold class (rows add up to 100 %); number: items. "
    return Material({"counts": counts, "labels": labels}, rows, caption + where(run, len(gold)))


def draw_confusion(counts: np.ndarray, labels: Sequence[str]) -> Figure:
    """Draw a confusion matrix with gold classes in rows."""
    size = len(labels)
    side = min(7.0, 1.6 + 0.62 * max(size, 3))
    figure, (axes,) = panels(width=side + 1.2, height=side)
    whole = counts.sum(1, keepdims=True)
    fractions = np.divide(counts, whole, out=np.zeros(counts.shape), where=whole > 0)
    image = axes.imshow(fractions, cmap=SEQUENTIAL, vmin=0, vmax=1)
    names = [shortened(label) for label in labels]
    axes.set_xticks(
        range(size), names, rotation=45 if size > 4 else 0, ha="right" if size > 4 else "center"
    )
    axes.set_yticks(range(size), names)
    axes.set(xlabel="predicted", ylabel="gold")
    axes.grid(False)
    for row in range(size if size <= 16 else 0):
        for column in range(size):
            text = f"{counts[row, column]}\n{100 * fractions[row, column]:.0f} %"
            text = text if size <= 8 else str(counts[row, column])
            shade = text_on(float(fractions[row, column]))
            axes.text(column, row, text, ha="center", va="center", color=shade, fontsize=8)
    bar = figure.colorbar(
        image, ax=axes, shrink=0.8, format=lambda value, _: f"{100 * value:.0f} %"
    )
    bar.outline.set_visible(False)  # type: ignore[operator]
    return figure


def load_classes(run: Run, options: Options) -> Material:
    """Compute precision, recall and F1 of each class with bootstrap intervals."""
    labels, gold, found, _ = answers(run)
    clusters = clusters_of(run.predictions)
    together = None if clusters is None else clusters.names
    units = classification_units(gold, found, len(labels), together)
    names = {f"{kind}_{label}": (kind, label) for label in labels for kind in PER_CLASS}
    functions = {name: score_function(name, labels) for name in names}
    trials = {
        name: class_trials(units, labels.index(label), axis)
        for name, (kind, label) in names.items()
        if (axis := {"recall": -1, "precision": -2}.get(kind))
    }
    intervals = score_intervals(units, functions, resamples=1000, trials=trials)
    support = np.bincount(gold, minlength=len(labels))
    rows = []
    for name, (kind, label) in names.items():
        n = int(support[labels.index(label)])
        one = intervals[name]
        ends = {"low": finite(one.low), "high": finite(one.high)}
        rows.append({"class": label, "score": kind, "value": one.value, **ends, "gold items": n})
    caption = f"Percent, 95 % intervals: {units.method}. " + where(run, len(gold))
    return Material({"rows": rows, "labels": labels}, rows, caption)


def class_trials(units: Units, label: int, axis: int) -> int:
    """How many items or clusters the recall (axis -1) or precision (-2) of a class runs over."""
    items = units.totals[:, 0, 0].sum(axis)[:, label]
    return int(units.copies[items > 0].sum())


def finite(value: float) -> float | None:
    """Return the value, or None for NaN, which becomes an empty cell in CSV."""
    return float(value) if np.isfinite(value) else None


def draw_classes(rows: Sequence[Mapping[str, Any]], labels: Sequence[str]) -> Figure:
    """Draw three bars with error bars per class."""
    figure, (axes,) = panels(height=2.2 + (0.5 if len(labels) > 6 else 0))
    kinds = list(PER_CLASS)
    size = 0.8 / len(kinds)
    for number, kind in enumerate(kinds):
        chosen = [row for row in rows if row["score"] == kind]
        places = np.arange(len(labels)) + (number - 1) * size
        values = [row["value"] for row in chosen]
        ends = whiskers(values, [row["low"] for row in chosen], [row["high"] for row in chosen])
        shown = "F1" if kind == "f1" else kind
        axes.bar(places, values, size * 0.92, color=colour(number), label=shown, alpha=0.9)
        axes.errorbar(
            places, values, ends, fmt="none", ecolor=INK, elinewidth=0.9, capsize=2, capthick=0.9
        )
    support = {row["class"]: row["gold items"] for row in rows}
    names = [f"{shortened(label)}\nn = {support[label]}" for label in labels]
    many = len(labels) > 6
    axes.set_xticks(
        range(len(labels)), names, rotation=45 if many else 0, ha="right" if many else "center"
    )
    axes.set(ylim=(0, 105), ylabel="percent")
    axes.grid(False, axis="x")
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3)
    return figure


def load_calibration(run: Run, options: Options) -> Material:
    """Compute confidence and accuracy in bins of equal width."""
    _, gold, found, probabilities = answers(run)
    measured = calibration(gold, probabilities, predicted=found)
    bins = confidence_bins(measured.confidence, measured.right, measured.bins)
    names = ("low", "high", "n", "confidence", "accuracy")
    rows: list[dict[str, Any]] = [
        dict(zip(names, cells, strict=True))
        for cells in zip(*(getattr(bins, name).tolist() for name in names), strict=True)
    ]
    scores = measured.as_metrics()
    values = {"bins": bins, "error": scores["ece"]}
    caption = (
        f"{measured.bins} bins of equal width by the probability of the predicted class; expected "
        f"calibration error {scores['ece']:.1f}, largest {scores['mce']:.1f} points. "
    )
    return Material(values, rows, caption + where(run, len(gold)))


def draw_calibration(bins: Bins, error: float) -> Figure:
    """Draw the reliability diagram above a histogram of the bins."""
    figure, (above, below) = panels(
        2, 1, width=4.6, height=2.1, sharex=True, gridspec_kw={"height_ratios": [3, 1]}
    )
    middle, size = 50 * (bins.low + bins.high), 92 * (bins.high - bins.low)
    above.plot([0, 100], [0, 100], color=INK, linestyle="--", linewidth=1, label="as right as said")
    above.bar(middle, bins.accuracy, size, color=COLOURS[0], alpha=0.85, label="accuracy")
    above.plot(bins.confidence, bins.accuracy, "o", color=COLOURS[1], label="mean confidence")
    above.set(ylabel="accuracy, percent", ylim=(0, 103), title=f"calibration error {error:.1f}")
    above.legend(loc="upper left")
    below.bar(middle, bins.n, size, color=COLOURS[7])
    below.set(xlabel="probability of the predicted class, percent", ylabel="items", xlim=(0, 100))
    return figure


def load_threshold(run: Run, options: Options) -> Material:
    """Compute precision, recall and F1 of the positive class by threshold; binary tasks only."""
    from nlpcl.tasks.classification.rows import positive_label

    labels, gold, found, probabilities = answers(run)
    if len(labels) != 2:
        raise LeftOut(f"a threshold decides between two classes; here are {len(labels)}")
    name = positive_label(labels, gold)
    positive = labels.index(name)
    scores, is_positive = probabilities[:, positive], gold == positive
    if is_positive.all() or not is_positive.any():
        raise LeftOut("all test items are of one class")
    rows = [threshold_row(at / 100, scores, is_positive) for at in range(1, 100)]
    decided = scores[found == positive]
    used = float(decided.min()) if len(decided) else 1.0
    # The answers say between which scores the threshold lies; half is the rule without one.
    rejected = scores[found != positive]
    if not len(rejected) or rejected.max() < 0.5 <= used:
        used = 0.5
    best = max(rows, key=lambda row: row["macro F1"])["threshold"]
    values = {"rows": rows, "label": name, "used": used, "best": best}
    caption = (
        f"Least probability at which “{name}” is answered. Dotted: the threshold used (about "
        f"{used:.2f}); the best macro-F1 on these very items, {best:.2f}, is no fair choice. "
    )
    return Material(values, rows, caption + where(run, len(gold)))


def threshold_row(threshold: float, scores: np.ndarray, positive: np.ndarray) -> dict[str, float]:
    """Scores in percent at one threshold."""
    said = scores >= threshold
    counts = np.array(
        [
            [(~positive & ~said).sum(), (~positive & said).sum()],
            [(positive & ~said).sum(), (positive & said).sum()],
        ]
    )
    kinds = {name: function(counts) for name, function in PER_CLASS.items()}
    found = {"precision": kinds["precision"][1], "recall": kinds["recall"][1], "F1": kinds["f1"][1]}
    row = {"threshold": threshold, **found, "macro F1": kinds["f1"].mean()}
    return {key: float(value) for key, value in row.items()}


def draw_threshold(
    rows: Sequence[Mapping[str, float]], label: str, used: float, best: float
) -> Figure:
    """Plot four scores against the threshold."""
    figure, (axes,) = panels(width=5.6, height=3.0)
    places = [row["threshold"] for row in rows]
    for number, name in enumerate(("precision", "recall", "F1", "macro F1")):
        axes.plot(places, [row[name] for row in rows], color=colour(number), label=name)
    axes.axvline(used, color=INK, linestyle=":", linewidth=1.2)
    axes.set(
        xlabel=f"threshold on p({shortened(label)})", ylabel="percent", ylim=(0, 103), xlim=(0, 1)
    )
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=4)
    return figure


FAMILY = "classifiers"
KINDS = (
    Kind("confusion", "Confusion matrix", load_confusion, draw_confusion, answers=LABELLED),
    Kind("classes", "Scores of each class", load_classes, draw_classes, answers=LABELLED),
    Kind("calibration", "Calibration", load_calibration, draw_calibration, answers=LABELLED),
    Kind("threshold", "Threshold", load_threshold, draw_threshold, answers=LABELLED),
)
