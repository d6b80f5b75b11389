"""Hits among what is predicted and what is gold: precision, recall and F1."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Score:
    """Counts of one measure; ratios are percentages and 0.0 where nothing was counted.

    Args:
        hits: true positives.
        predicted: what precision is taken over.
        gold: what recall is taken over.
    """

    hits: int = 0
    predicted: int = 0
    gold: int = 0

    def add(self, hits: int, predicted: int, gold: int) -> None:
        """Count further hits, predictions and gold items, e.g. those of one more sentence."""
        self.hits += hits
        self.predicted += predicted
        self.gold += gold

    @property
    def precision(self) -> float:
        """100 * hits / predicted."""
        return percentage(self.hits, self.predicted)

    @property
    def recall(self) -> float:
        """100 * hits / gold."""
        return percentage(self.hits, self.gold)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        return percentage(2 * self.hits, self.predicted + self.gold)


def percentage(part: float, whole: float) -> float:
    """``part`` of ``whole`` in percent; 0.0 when ``whole`` is 0, as the field prints it."""
    return 100.0 * part / whole if whole else 0.0
