"""Are probabilities as right as they say: calibration error, reliability, coverage.

The confidence of an item is the probability of its predicted class. Confidences come in as 0..1;
everything that goes out is in percent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nlpcl.core.tables import Cell, Table
from nlpcl.metrics.arrays import Booleans, Floats, Integers
from nlpcl.metrics.confusion import checked_indices, checked_probabilities

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

THRESHOLDS = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)


@dataclass(frozen=True)
class Bins:
    """Items by confidence, from the lowest; only bins with items.

    Args:
        low, high: bounds, or the smallest and largest confidence in a bin of equal numbers.
        n: items.
        confidence, accuracy: means over the items, percent.
    """

    low: Floats
    high: Floats
    n: Integers
    confidence: Floats
    accuracy: Floats

    @property
    def error(self) -> float:
        """Expected calibration error: |accuracy - confidence| weighted by items, percent."""
        return float(abs(self.accuracy - self.confidence) @ self.n / self.n.sum())

    @property
    def largest_error(self) -> float:
        """Maximum calibration error, percent."""
        return float(abs(self.accuracy - self.confidence).max())


def confidence_bins(
    confidence: ArrayLike, right: ArrayLike, bins: int = 15, *, adaptive: bool = False
) -> Bins:
    """Put items into bins by confidence.

    Equal widths are (low, high] over 0..1, as Guo et al. 2017 (arXiv 1706.04599); ``adaptive``
    makes bins of equally many items, which do not depend on where the confidences lie
    (Nixon et al. 2019, arXiv 1904.01685).

    Args:
        confidence: probabilities of the predicted classes (N,), 0..1.
        right: whether the predictions are right (N,).
        bins: number of bins.
        adaptive: equally many items a bin.

    Raises:
        ValueError: no items, lengths differ, values outside 0..1, or fewer than one bin.
    """
    import numpy as np

    values = np.asarray(confidence, dtype=np.float64)
    hits = np.asarray(right, dtype=np.float64)
    if bins < 1:
        raise ValueError("there must be at least one bin")
    if values.ndim != 1 or values.shape != hits.shape or not len(values):
        raise ValueError(f"confidence has shape {values.shape}, right {hits.shape}; items needed")
    if not np.isfinite(values).all() or values.min() < 0 or values.max() > 1 + 1e-6:
        raise ValueError("confidences must be finite and lie in 0..1")
    if adaptive:
        # Equal confidences may fall on both sides of a border: the sort is stable, so the result
        # depends on the order of the items only there.
        order = np.argsort(values, kind="stable")
        index = np.empty(len(values), dtype=np.int64)
        index[order] = np.arange(len(values)) * bins // len(values)
    else:
        index = np.clip(np.ceil(values * bins).astype(np.int64) - 1, 0, bins - 1)
    n = np.bincount(index, minlength=bins)
    filled = n > 0
    means = [
        100 * np.bincount(index, weights=part, minlength=bins)[filled] / n[filled]
        for part in (values, hits)
    ]
    if adaptive:
        ends = np.array(
            [[values[index == k].min(), values[index == k].max()] for k in filled.nonzero()[0]]
        )
        low, high = ends[:, 0], ends[:, 1]
    else:
        low, high = filled.nonzero()[0] / bins, (filled.nonzero()[0] + 1) / bins
    return Bins(low, high, n[filled], means[0], means[1])


@dataclass(frozen=True)
class Calibration:
    """Calibration of one classifier on one test set.

    Args:
        confidence: probability of the predicted class (N,), 0..1.
        right: whether the prediction is right (N,).
        bins: number of bins.
    """

    confidence: Floats
    right: Booleans
    bins: int = 15

    def as_metrics(self) -> dict[str, float]:
        """``ece``, ``ece_adaptive``, ``mce`` and ``confidence`` (mean), percent."""
        widths = confidence_bins(self.confidence, self.right, self.bins)
        numbers = confidence_bins(self.confidence, self.right, self.bins, adaptive=True)
        return {
            "ece": widths.error,
            "ece_adaptive": numbers.error,
            "mce": widths.largest_error,
            "confidence": 100 * float(self.confidence.mean()),
        }

    def tables(self, thresholds: Sequence[float] = THRESHOLDS) -> list[Table]:
        """Calibration errors, the reliability of each bin, and accuracy against coverage."""
        return [self.error_table(), self.reliability_table(), self.coverage_table(thresholds)]

    def error_table(self) -> Table:
        """The flat numbers with what they mean."""
        values = self.as_metrics()
        meanings = {
            "ece": f"expected calibration error, {self.bins} bins of equal width",
            "ece_adaptive": f"the same, {self.bins} bins of equally many items",
            "mce": "largest error of a bin of equal width",
            "confidence": "mean probability of the predicted class",
        }
        rows: list[list[Cell]] = [[name, values[name], text] for name, text in meanings.items()]
        title = f"Calibration (n={len(self.right)}), percent"
        return Table("calibration", ["score", "value", "definition"], rows, title=title)

    def reliability_table(self) -> Table:
        """Confidence and accuracy of each bin of equal width that holds items."""
        found = confidence_bins(self.confidence, self.right, self.bins)
        rows: list[list[Cell]] = [
            [100 * low, 100 * high, n, confidence, accuracy, accuracy - confidence]
            for low, high, n, confidence, accuracy in zip(
                found.low.tolist(),
                found.high.tolist(),
                found.n.tolist(),
                found.confidence.tolist(),
                found.accuracy.tolist(),
                strict=True,
            )
        ]
        columns = ["above", "up to", "n", "confidence", "accuracy", "accuracy - confidence"]
        note = "Percent. A negative difference: more confident than right."
        return Table("reliability", columns, rows, title="Reliability", note=note)

    def coverage_table(self, thresholds: Sequence[float] = THRESHOLDS) -> Table:
        """What is answered, and how well, when less confident items are refused."""
        rows: list[list[Cell]] = []
        for threshold in thresholds:
            kept = self.confidence >= threshold
            n = int(kept.sum())
            accuracy = 100 * float(self.right[kept].mean()) if n else None
            rows.append([100 * threshold, 100 * n / len(kept), n, accuracy])
        columns = ["confidence at least", "coverage", "n", "accuracy"]
        title = "Coverage and accuracy when items below a confidence are refused"
        return Table("coverage", columns, rows, title=title, note="Percent.")


def calibration(
    gold: ArrayLike,
    probabilities: ArrayLike,
    *,
    predicted: ArrayLike | None = None,
    bins: int = 15,
) -> Calibration:
    """Confidence and rightness of every item.

    Args:
        gold: class indices (N,).
        probabilities: (N, C).
        predicted: class indices (N,), where not the most probable class was decided for.
        bins: number of bins of the errors.

    Raises:
        ValueError: no items, shapes that do not fit, or values that are no probabilities.
    """
    import numpy as np

    shape = np.shape(probabilities)
    if len(shape) != 2:
        raise ValueError(f"probabilities: shape {shape}, expected (items, classes)")
    truth = checked_indices(gold, shape[1], "gold")
    values = checked_probabilities(probabilities, len(truth), shape[1])
    decided = (
        values.argmax(-1)
        if predicted is None
        else checked_indices(predicted, shape[1], "predicted")
    )
    if decided.shape != truth.shape:
        raise ValueError(f"gold has shape {truth.shape}, predicted {decided.shape}")
    confidence = np.clip(values[np.arange(len(truth)), decided], 0, 1)
    return Calibration(confidence, decided == truth, bins)
