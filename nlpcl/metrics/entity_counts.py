"""What scores of entities count in a text, and the ratios that their sums give.

All ratios are percentages, and 0 where nothing was counted: F1 of a corpus with neither gold nor
predicted spans is 0, as in seqeval. Micro ratios have all types together; macro ratios are means
over the types that have gold or predicted spans, as in seqeval, so that a type which is only
predicted counts 0. Macro F1 is the mean of the types' F1, not that of the mean ratios.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nlpcl.metrics.arrays import Floats, Numbers
from nlpcl.metrics.confusion import ratio
from nlpcl.metrics.partial_matches import partial_score
from nlpcl.metrics.spans import Pairs, Spans, boundaries

Counts = tuple[float, float, float]
"""Hits, predicted and gold."""


def exact(gold: Spans, predicted: Spans) -> Counts:
    """Count spans with equal boundary and type."""
    return len(gold & predicted), len(predicted), len(gold)


def boundary(gold: Spans, predicted: Spans) -> Counts:
    """Count places."""
    wanted, found = boundaries(gold), boundaries(predicted)
    return len(wanted & found), len(found), len(wanted)


def types_at_boundary(gold: Spans, predicted: Spans) -> Counts:
    """Count the places that are both gold and predicted; hits have equal types."""
    shared = boundaries(gold) & boundaries(predicted)
    wrong = shared & boundaries(gold ^ predicted)
    return len(shared) - len(wrong), len(shared), len(shared)


def partly(gold: Spans, predicted: Spans) -> Counts:
    """Count by the scheme ``partial``; half a hit is possible."""
    score = partial_score("partial", [(gold, predicted)])
    return score.credit, score.predicted, score.gold


def typed(gold: Spans, predicted: Spans) -> Counts:
    """Count by the scheme ``type``."""
    score = partial_score("type", [(gold, predicted)])
    return score.credit, score.predicted, score.gold


COUNTED: dict[str, Callable[[Spans, Spans], Counts]] = {
    "exact": exact,
    "boundary": boundary,
    "types_at_boundary": types_at_boundary,
    "partly": partly,
    "typed": typed,
}
"""What is counted in a text."""


@dataclass(frozen=True)
class Measure:
    """A ratio of summed counts.

    Args:
        counts: a name in ``COUNTED``; empty for a mean over types.
        kind: ``precision``, ``recall`` or ``f1``.
        definition: for a table.
    """

    counts: str
    kind: str
    definition: str


MEASURES = {
    "f1": Measure("exact", "f1", "harmonic mean of the next two (micro)"),
    "precision": Measure("exact", "precision", "predicted ones that are gold, type included"),
    "recall": Measure("exact", "recall", "gold ones that are predicted, type included"),
    "f1_macro": Measure("", "f1", "mean F1 over types that are gold or predicted"),
    "precision_macro": Measure("", "precision", "mean precision over these types"),
    "recall_macro": Measure("", "recall", "mean recall over these types"),
    "f1_boundary": Measure("boundary", "f1", "F1 of places, types ignored"),
    "precision_boundary": Measure("boundary", "precision", "predicted places that are gold"),
    "recall_boundary": Measure("boundary", "recall", "gold places that are predicted"),
    "type_accuracy": Measure("types_at_boundary", "f1", "right places that have the gold type"),
    "f1_partial": Measure("partly", "f1", "F1 of places, half a hit for an overlap"),
    "f1_type": Measure("typed", "f1", "F1 of spans that overlap and agree in type"),
}


def rate(kind: str, sums: Numbers, missing: float = 0.0) -> Floats:
    """``(..., 3)`` hits, predicted, gold → percent.

    Args:
        kind: ``precision``, ``recall`` or ``f1``.
        sums: counts.
        missing: where there is nothing to divide by.
    """
    import numpy as np

    hits, predicted, gold = sums[..., 0], sums[..., 1], sums[..., 2]
    whole = {"precision": predicted, "recall": gold, "f1": (predicted + gold) / 2}[kind]
    return np.where(whole > 0, 100 * ratio(hits, whole), missing)


def macro_rate(kind: str, sums: Numbers, missing: float = 0.0) -> Floats:
    """``(..., C, 3)`` counts of each type → mean over the types that have any, percent."""
    import numpy as np

    number = (sums[..., 1] + sums[..., 2] > 0).sum(-1)
    return np.where(number > 0, ratio(rate(kind, sums).sum(-1), number), missing)


def row_rate(kind: str, row: int, sums: Numbers) -> Floats:
    """A ratio of one row of flattened counts ``(..., K * 3)``; NaN where it is undefined."""
    return rate(kind, sums[..., 3 * row : 3 * row + 3], math.nan)


def rows_rate(kind: str, first: int, sums: Numbers) -> Floats:
    """The mean of a ratio over rows from ``first`` on, each a type; NaN where it is undefined."""
    rows = sums.reshape(*sums.shape[:-1], -1, 3)[..., first:, :]
    return macro_rate(kind, rows, math.nan)


def text_counts(counts: str, pairs: Pairs, types: Sequence[str] = ()) -> Floats:
    """Hits, predicted and gold of each text.

    Args:
        counts: a name in ``COUNTED``; empty for exact counts of each type.
        pairs: gold and predicted spans.
        types: all C of them.

    Returns:
        ``(N, 3)``, or ``(N, C, 3)`` by type.
    """
    import numpy as np

    if counts:
        count = COUNTED[counts]
        return np.array([count(*pair) for pair in pairs], dtype=np.float64).reshape(-1, 3)
    place = {name: index for index, name in enumerate(types)}
    found = np.zeros((len(pairs), len(types), 3))
    for row, (gold, predicted) in zip(found, pairs, strict=True):
        for column, spans in enumerate((gold & predicted, predicted, gold)):
            for span in spans:
                row[place[span[2]], column] += 1
    return found
