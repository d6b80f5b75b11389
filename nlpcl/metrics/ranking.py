"""Scores of rankings that can be resampled, and the threshold of a decision between two classes.

A weighted score is made once from the items and then takes weights (R, N), how often each item was
drawn, for ``nlpcl.metrics.intervals.cluster_bootstrap``. With weights of 1 it is scikit-learn's
score.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from nlpcl.core.tables import Cell, Table
from nlpcl.metrics.arrays import Floats, Numbers
from nlpcl.metrics.bias import checked_binary

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

WeightedScore = Callable[[Numbers], Floats]
"""Weights (R, N) -> percentages (R,), NaN where a resample lacks a class."""
STEPS = tuple(step / 20 for step in range(1, 20))
"""Thresholds of the curve: 0.05, 0.1, ... 0.95."""


class Ranked:
    """Items in order of their score, those of equal score in one group.

    Args:
        positive: 0 or 1 (N,).
        scores: higher is more positive (N,).
    """

    def __init__(self, positive: ArrayLike, scores: ArrayLike) -> None:
        import numpy as np

        truth, (values,) = checked_binary(positive, [scores])
        self.order = np.argsort(values, kind="stable")
        ranked = values[self.order]
        self.starts = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])
        self.scores = ranked[self.starts]
        self.truth = truth[self.order]

    def sums(self, weights: Numbers) -> tuple[Floats, Floats]:
        """Weight of positives and of negatives in each group (R, G), lowest score first."""
        import numpy as np

        drawn = np.asarray(weights, dtype=np.float64)[:, self.order]
        positive = np.add.reduceat(drawn * self.truth, self.starts, axis=1)
        return positive, np.add.reduceat(drawn, self.starts, axis=1) - positive


def weighted_auroc(positive: ArrayLike, scores: ArrayLike) -> WeightedScore:
    """Area under the ROC curve: a positive above a negative, ties count half."""
    import numpy as np

    ranked = Ranked(positive, scores)

    def score(weights: Numbers) -> Floats:
        high, low = ranked.sums(weights)
        won = (high * (low.cumsum(1) - low / 2)).sum(1)
        pairs = high.sum(1) * low.sum(1)
        return 100 * np.divide(won, pairs, out=np.full(len(won), np.nan), where=pairs > 0)

    return score


def weighted_average_precision(positive: ArrayLike, scores: ArrayLike) -> WeightedScore:
    """Precision at every score of a positive, weighted by the gain in recall."""
    import numpy as np

    ranked = Ranked(positive, scores)

    def score(weights: Numbers) -> Floats:
        high, low = (part[:, ::-1] for part in ranked.sums(weights))
        found = high.cumsum(1)
        taken = found + low.cumsum(1)
        precision = np.divide(found, taken, out=np.zeros_like(found), where=taken > 0)
        whole = high.sum(1)
        gained = (high * precision).sum(1)
        return 100 * np.divide(gained, whole, out=np.full(len(whole), np.nan), where=whole > 0)

    return score


def mean_over_classes(
    kind: Callable[[ArrayLike, ArrayLike], WeightedScore],
    gold: ArrayLike,
    probabilities: ArrayLike,
) -> WeightedScore | None:
    """A score of each class against the rest, averaged as ``metrics.classification`` does.

    Of two classes the second one counts alone. A class that a resample lacks is left out there.

    Args:
        kind: ``weighted_auroc`` or ``weighted_average_precision``.
        gold: class indices (N,).
        probabilities: (N, C).

    Returns:
        None when gold holds one class only.
    """
    import numpy as np

    truth, scores = np.asarray(gold), np.asarray(probabilities)
    classes = [1] if scores.shape[1] == 2 else range(scores.shape[1])
    usable = [k for k in classes if 0 < (truth == k).sum() < len(truth)]
    if not usable:
        return None
    parts = [kind(truth == k, scores[:, k]) for k in usable]

    def score(weights: Numbers) -> Floats:
        values = np.stack([part(weights) for part in parts])
        held = np.isfinite(values)
        counts = held.sum(0)
        total = np.where(held, values, 0.0).sum(0)
        return np.divide(total, counts, out=np.full(len(total), np.nan), where=counts > 0)

    return score


def weighted_calibration_error(
    confidence: ArrayLike, right: ArrayLike, bins: int = 15
) -> WeightedScore:
    """Expected calibration error over bins of equal width, as ``metrics.calibration`` defines it.

    Args:
        confidence: probability of the predicted class (N,), 0..1.
        right: whether the prediction is right (N,).
        bins: number of bins.
    """
    import numpy as np

    values = np.asarray(confidence, dtype=np.float64)
    index = np.clip(np.ceil(values * bins).astype(np.int64) - 1, 0, bins - 1)
    gaps = np.zeros((len(values), bins))
    gaps[np.arange(len(values)), index] = np.asarray(right, dtype=np.float64) - values

    def score(weights: Numbers) -> Floats:
        drawn = np.asarray(weights, dtype=np.float64)
        return 100 * np.abs(drawn @ gaps).sum(1) / drawn.sum(1)

    return score


def macro_f1_at(ranked: Ranked) -> Floats:
    """Macro-F1 (G + 1,) when the groups from the k-th on are called positive; the last: none is."""
    import numpy as np

    high, low = (part[0] for part in ranked.sums(np.ones((1, len(ranked.order)))))
    found = np.r_[high[::-1].cumsum()[::-1], 0.0]
    wrong = np.r_[low[::-1].cumsum()[::-1], 0.0]
    missed, rejected = high.sum() - found, low.sum() - wrong

    def f1(hits: Floats, others: Floats) -> Floats:
        whole = 2 * hits + others
        return np.divide(2 * hits, whole, out=np.zeros_like(hits), where=whole > 0)

    return 50 * (f1(found, wrong + missed) + f1(rejected, wrong + missed))


def best_threshold(positive: ArrayLike, scores: ArrayLike) -> tuple[float, float]:
    """The threshold with the highest macro-F1 of two classes, and that macro-F1 in percent.

    Between two neighbouring scores their middle is taken; of equally good thresholds the one
    nearest to 0.5. An item is positive where its score is at least the threshold.

    Args:
        positive: 0 or 1 (N,).
        scores: probability of the positive class (N,), 0..1.
    """
    import numpy as np

    ranked = Ranked(positive, scores)
    found = macro_f1_at(ranked)
    middles = (ranked.scores[1:] + ranked.scores[:-1]) / 2
    # Everything positive, or nothing: any bound at or beyond the scores does.
    highest = float(ranked.scores[-1])
    beyond = 0.5 if highest < 0.5 else (highest + 1) / 2 if highest < 1 else np.nextafter(1, 2)
    bounds = np.r_[min(0.5, ranked.scores[0]), middles, beyond]
    best = np.flatnonzero(found >= found.max() - 1e-9)
    chosen = best[np.abs(bounds[best] - 0.5).argmin()]
    return float(bounds[chosen]), float(found[chosen])


def threshold_table(
    positive: ArrayLike, scores: ArrayLike, used: float, name: str = "positive"
) -> Table:
    """Precision, recall and F1 of the positive class, macro-F1 and false-positive rate.

    Args:
        positive: 0 or 1 (N,).
        scores: probability of the positive class (N,), 0..1.
        used: the threshold that decided.
        name: of the positive class.
    """
    import numpy as np

    from nlpcl.metrics import confusion

    truth, (values,) = checked_binary(positive, [scores])
    rows: list[list[Cell]] = []
    for bound in sorted({*STEPS, used}):
        counts = confusion.confusion_counts(truth.astype(int), (values >= bound).astype(int), 2)
        parts: list[Cell] = [
            float(function(counts)[1])
            for function in (confusion.precision, confusion.recall, confusion.f1)
        ]
        negatives = int(counts[0].sum())
        rate = 100 * int(counts[0, 1]) / negatives if negatives else None
        rows.append([bound, *parts, float(np.asarray(confusion.macro_f1(counts))), rate])
    columns = ["threshold", "precision", "recall", "F1", "macro-F1", "false-positive rate"]
    note = (
        f"Percent. {name!r} where its probability is at least the threshold; {used:.3g} was used."
    )
    title = f"Decisions for {name!r} by threshold"
    return Table("threshold_curve", columns, rows, title=title, note=note)
