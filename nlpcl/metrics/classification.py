"""Scores of a classifier on one test set, the same numbers scikit-learn gives.

The conventions for absent classes stand in ``nlpcl.metrics.confusion``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nlpcl.core.tables import Cell, Table
from nlpcl.metrics.arrays import Integers
from nlpcl.metrics.confusion import (
    PER_CLASS,
    SCORES,
    cell,
    checked_indices,
    checked_probabilities,
    confusion_counts,
)

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from nlpcl.metrics.intervals import Interval

DEFINITIONS = {
    "wa": "right / all items (plain accuracy)",
    "ua": "mean recall over the classes in the gold labels",
    "macro_f1": "mean F1 over all classes, 0 for an absent one",
    "weighted_f1": "mean F1 weighted by gold items",
    "auroc": "area under the ROC curve, mean over classes (of two: the second)",
    "average_precision": "area under precision-recall steps, mean over classes (as auroc)",
    "brier": "mean squared error of the probabilities, not in percent",
    "log_loss": "mean -ln p(gold), not in percent",
}


@dataclass(frozen=True)
class ClassificationScores:
    """Scores of one classifier on one test set; percentages unless said otherwise.

    Args:
        labels: class names in the order of the indices.
        counts: confusion counts (C, C), gold classes in rows.
        ranking: ``auroc``, ``average_precision``, ``brier``, ``log_loss`` where they are defined.
    """

    labels: tuple[str, ...]
    counts: Integers
    ranking: Mapping[str, float]

    @property
    def n(self) -> int:
        """Number of items."""
        return int(self.counts.sum())

    @property
    def absent(self) -> list[str]:
        """Classes without gold items, left out of UA."""
        support = self.counts.sum(1)
        return [label for label, items in zip(self.labels, support, strict=True) if not items]

    def headline(self) -> dict[str, float]:
        """``wa``, ``ua``, ``macro_f1``, ``weighted_f1`` and the ranking scores."""
        names = ("wa", "ua", "macro_f1", "weighted_f1")
        return {name: float(SCORES[name](self.counts)) for name in names} | dict(self.ranking)

    def as_metrics(self) -> dict[str, float]:
        """Flat names: the headline, ``precision_LABEL``, ``recall_LABEL``, ``f1_LABEL`` and ``n``.

        A class without gold items has no ``recall_LABEL``.
        """
        values = self.headline()
        absent = self.absent
        for kind, function in PER_CLASS.items():
            for label, value in zip(self.labels, function(self.counts), strict=True):
                if kind != "recall" or label not in absent:
                    values[f"{kind}_{label}"] = float(value)
        return values | {"n": float(self.n)}

    def tables(
        self, title: str = "", intervals: Mapping[str, Interval] | None = None
    ) -> list[Table]:
        """Headline, classes, confusion counts and confusion in percent of the gold class.

        Args:
            title: heads the first table, e.g. the protocol.
            intervals: by headline name, all of one method and level.
        """
        heading = f"{title} (n={self.n})" if title else f"n={self.n}"
        return [
            self.headline_table(heading, intervals or {}),
            self.class_table(),
            *self.confusion(),
        ]

    def headline_table(self, title: str, intervals: Mapping[str, Interval]) -> Table:
        """One row a score, with its interval where there is one, and its definition."""
        rows: list[list[Cell]] = []
        for name, value in self.headline().items():
            found = intervals.get(name)
            ends: list[Cell] = [cell(found.low), cell(found.high)] if found else [None, None]
            rows.append([name, value, *(ends if intervals else []), DEFINITIONS[name]])
        columns = ["score", "value", "definition"]
        note = f"No gold items, left out of ua: {', '.join(self.absent)}." if self.absent else ""
        if intervals:
            first = next(iter(intervals.values()))
            percent = f"{100 * first.level:g} %"
            columns[2:2] = ["low", "high"]
            note = f"{percent} intervals: {first.method}. {note}".strip()
        return Table("classification", columns, rows, title=title, note=note)

    def class_table(self) -> Table:
        """Precision, recall, F1 and gold items of each class."""
        absent, support = self.absent, self.counts.sum(1)
        parts = [function(self.counts) for function in PER_CLASS.values()]
        rows: list[list[Cell]] = []
        for i, label in enumerate(self.labels):
            values: list[Cell] = [float(part[i]) for part in parts]
            if label in absent:
                values[1] = None
            rows.append([label, *values, int(support[i])])
        columns = ["class", "precision", "recall", "F1", "gold items"]
        return Table("classes", columns, rows, title="Classes")

    def confusion(self) -> list[Table]:
        """Counts, and percentages of the gold class."""
        rows: list[list[Cell]] = []
        percentages: list[list[Cell]] = []
        for label, row in zip(self.labels, self.counts.tolist(), strict=True):
            total = sum(row)
            rows.append([label, *row])
            percentages.append([label, *(100 * item / total if total else None for item in row)])
        columns = ["gold \\ predicted", *self.labels]
        title = "Confusion, percent of the gold class"
        return [
            Table("confusion", columns, rows, title="Confusion, items"),
            Table("confusion_percent", columns, percentages, title=title, digits=1),
        ]


def classification_scores(
    gold: ArrayLike,
    predicted: ArrayLike,
    labels: Sequence[str],
    *,
    probabilities: ArrayLike | None = None,
) -> ClassificationScores:
    """Score predictions.

    Args:
        gold: class indices (N,).
        predicted: class indices (N,), or probabilities (N, C), whose largest is then predicted.
        labels: class names, C of them.
        probabilities: (N, C), where ``predicted`` holds decisions, e.g. by a threshold; they give
            the ranking scores.

    Raises:
        ValueError: no items, shapes that do not fit, indices out of range, or probabilities that
            are none.
    """
    import numpy as np

    truth = checked_indices(gold, len(labels), "gold")
    decisions = np.asarray(predicted)
    if decisions.ndim == 2:
        probabilities = checked_probabilities(decisions, len(truth), len(labels))
        decisions = probabilities.argmax(-1)
    counts = confusion_counts(truth, decisions, len(labels))
    ranking: dict[str, float] = {}
    if probabilities is not None:
        ranking = ranking_scores(truth, probabilities, len(labels))
    return ClassificationScores(tuple(labels), counts, ranking)


def ranking_scores(gold: ArrayLike, probabilities: ArrayLike, classes: int) -> dict[str, float]:
    """AUROC, average precision (percent), Brier score and log loss (natural units).

    With two classes, AUROC and average precision are those of the second class and the Brier
    score lies in 0..1; with more they are means over the classes that have gold items and are not
    the only one, each against the rest, and the Brier score is Brier's own sum over classes, 0..2,
    as in scikit-learn. AUROC and average precision are missing when gold holds one class only.
    """
    import numpy as np
    from sklearn.metrics import average_precision_score, roc_auc_score

    truth = checked_indices(gold, classes, "gold")
    values = checked_probabilities(probabilities, len(truth), classes)
    one_hot = np.eye(classes)[truth]
    scored = [1] if classes == 2 else range(classes)
    usable = [k for k in scored if 0 < one_hot[:, k].sum() < len(truth)]
    result: dict[str, float] = {}
    for name, function in (
        ("auroc", roc_auc_score),
        ("average_precision", average_precision_score),
    ):
        if usable:
            parts = [float(function(one_hot[:, k], values[:, k])) for k in usable]
            result[name] = 100 * float(np.mean(parts))
    squared = float(((values - one_hot) ** 2).sum(-1).mean())
    likelihood = np.clip(values[np.arange(len(truth)), truth], np.finfo(np.float64).eps, 1.0)
    result["brier"] = squared / 2 if classes == 2 else squared
    result["log_loss"] = float(-np.log(likelihood).mean())
    return result
