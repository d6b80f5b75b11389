"""How faithful word weights are to a model, and how much they agree with what people marked.

Faithfulness: *comprehensiveness*, the drop of the probability of the predicted class when the words
with the greatest weights are taken out (high is good), and *sufficiency*, the drop when nothing but
them is left (low is good). Agreement with the marked words: token-F1, IOU-F1 and AUPRC.

Source: DeYoung et al. 2020, "ERASER: A benchmark to evaluate rationalized NLP models" (arXiv
1911.03429) and its published scorer. All are percentages or points of percent; a text without
marked words takes no part.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nlpcl.metrics.arrays import Floats

BINS = (0.01, 0.05, 0.1, 0.2, 0.5)
"""Fractions of a text's words over which the drop is averaged for the AOPC."""
OVERLAP = 0.5
"""Least intersection over union at which a span counts as found."""

Span = Sequence[int]
"""Start and end, half-open."""
Drop = Callable[[Sequence[Sequence[int]]], Sequence[float]]
"""The words of every text that go (or stay) -> drop of the probability of the class, 0..1."""


@dataclass(frozen=True)
class Agreement:
    """Chosen words against marked words, percent; means over texts.

    Args:
        precision: of words.
        recall: of words.
        token_f1: mean of the F1 of each text.
        iou_f1: harmonic mean of the mean precision and the mean recall of spans.
        auprc: area under the curve of precision over recall, all weights taken into account.
    """

    precision: float
    recall: float
    token_f1: float
    iou_f1: float
    auprc: float


def marked_words(spans: Sequence[Span], rationale: Sequence[Span]) -> list[bool]:
    """Whether each word shares a character with what people marked.

    Args:
        spans: characters of the words.
        rationale: characters that were marked.
    """
    return [any(start < high and low < end for low, high in rationale) for start, end in spans]


def number_of_words(words: int, fraction: float) -> int:
    """How many words a fraction of them is, rounded up to at least one."""
    return min(words, max(1, math.ceil(fraction * words - 1e-9)))


def heaviest(weights: Sequence[float], fraction: float) -> list[int]:
    """The words with the greatest weights, in the order of the text; of equal ones the first.

    Args:
        weights: of the words of one text, at least one.
        fraction: of the words, 0..1.
    """
    order = sorted(range(len(weights)), key=lambda word: -weights[word])
    return sorted(order[: number_of_words(len(weights), fraction)])


def mean_fraction(marks: Sequence[Sequence[bool]]) -> float:
    """Fraction of words that are marked, averaged over the texts that have words."""
    fractions = [sum(words) / len(words) for words in marks if words]
    return sum(fractions) / len(fractions)


def faithfulness(
    weights: Sequence[Sequence[float]],
    fraction: float,
    without: Drop,
    alone: Drop,
    bins: Sequence[float] = BINS,
) -> dict[str, float]:
    """``comprehensiveness``, ``sufficiency`` and both with ``_aopc``, in points of percent.

    Args:
        weights: of the words of each text, at least one each.
        fraction: of the words that count as the rationale.
        without: drops when words go.
        alone: drops when only they stay.
        bins: fractions over which the drop is averaged for the AOPC.
    """

    def mean(drop: Drop, at: float) -> float:
        drops = drop([heaviest(values, at) for values in weights])
        return 100 * sum(drops) / len(drops)

    scores: dict[str, float] = {}
    for name, drop in (("comprehensiveness", without), ("sufficiency", alone)):
        scores[name] = mean(drop, fraction)
        scores[f"{name}_aopc"] = sum(mean(drop, at) for at in bins) / len(bins)
    return scores


def agreement(
    weights: Sequence[Sequence[float]], marks: Sequence[Sequence[bool]], fraction: float
) -> Agreement:
    """Scores of the heaviest words, and of all weights, against marked words.

    Args:
        weights: of the words of each text.
        marks: whether each of them was marked; at least one a text.
        fraction: of the words that are chosen.
    """
    chosen = [heaviest(values, fraction) for values in weights]
    wanted = [[word for word, mark in enumerate(words) if mark] for words in marks]
    tokens = [found_among(own, right) for own, right in zip(chosen, wanted, strict=True)]
    spans = [spans_found(runs(own), runs(right)) for own, right in zip(chosen, wanted, strict=True)]
    areas = [
        precision_recall_area(words, values) for words, values in zip(marks, weights, strict=True)
    ]
    return Agreement(
        precision=100 * mean([precision for precision, _ in tokens]),
        recall=100 * mean([recall for _, recall in tokens]),
        token_f1=100 * mean([harmonic(*pair) for pair in tokens]),
        iou_f1=100 * harmonic(mean([one for one, _ in spans]), mean([one for _, one in spans])),
        auprc=100 * mean(areas),
    )


def mean(values: Sequence[float]) -> float:
    """Sum over number."""
    return sum(values) / len(values)


def harmonic(precision: float, recall: float) -> float:
    """F1; 0 where both are 0."""
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def found_among(chosen: Sequence[int], wanted: Sequence[int]) -> tuple[float, float]:
    """Precision and recall of one text's words."""
    both = len(set(chosen) & set(wanted))
    return both / len(chosen), both / len(wanted)


def runs(words: Sequence[int]) -> list[tuple[int, int]]:
    """Neighbouring words as spans: ``[1, 2, 5]`` → ``[(1, 3), (5, 6)]``."""
    spans: list[tuple[int, int]] = []
    for word in words:
        if spans and spans[-1][1] == word:
            spans[-1] = (spans[-1][0], word + 1)
        else:
            spans.append((word, word + 1))
    return spans


def spans_found(chosen: Sequence[Span], wanted: Sequence[Span]) -> tuple[float, float]:
    """Precision and recall of spans: one is right that overlaps some wanted one by half."""
    right = sum(max(overlap(one, other) for other in wanted) >= OVERLAP for one in chosen)
    return right / len(chosen), right / len(wanted)


def overlap(one: Span, other: Span) -> float:
    """Intersection over union."""
    shared = max(0, min(one[1], other[1]) - max(one[0], other[0]))
    return shared / (one[1] - one[0] + other[1] - other[0] - shared)


def precision_recall_area(marks: Sequence[bool], weights: Sequence[float]) -> float:
    """Area under precision over recall by the trapezoidal rule, 0..1."""
    from sklearn.metrics import auc, precision_recall_curve

    precision, recall, _ = precision_recall_curve(list(map(int, marks)), list(weights))
    return float(auc(recall, precision))


def random_weights(lengths: Sequence[int], seed: int) -> list[Floats]:
    """Weights drawn evenly from 0..1 for texts of so many words: what says nothing."""
    import numpy as np

    generator = np.random.default_rng(seed)
    return [generator.random(length) for length in lengths]
