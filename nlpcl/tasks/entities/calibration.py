"""What a score means: the probability that a span is right, and from which score it is taken.

Both are fitted on the dev set and saved with the model.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from scipy.optimize import minimize

from nlpcl.metrics.arrays import Floats
from nlpcl.metrics.spans import Span
from nlpcl.nn.model import ZooConfig
from nlpcl.tasks.entities.decoding import Placed

FEWEST = 20
"""Entities of a type from which it has a threshold of its own."""
FEWEST_CANDIDATES = 30
"""Candidates from which probabilities are fitted; else they are those of the loss."""
RIDGE = 1.0
"""Strength with which slope and shift are drawn to those of the loss, 1 and 0."""


@dataclass(frozen=True)
class Decision:
    """From scores to probabilities and to a yes or no.

    Args:
        types: names of the types, in the order of the scores.
        slope: a of the probability σ(a·s + b) that a span with score s is an entity.
        shift: b of the same.
        thresholds: type → the score above which its spans are entities; 0 where none is named.
    """

    types: list[str]
    slope: float = 1.0
    shift: float = 0.0
    thresholds: dict[str, float] = field(default_factory=dict[str, float])

    @classmethod
    def of_model(cls, config: ZooConfig) -> Self:
        """As saved with a model."""
        names: Any = config.id2label or {}
        saved: dict[str, Any] = getattr(config, "decision", {})
        return cls([names[index] for index in range(len(names))], **saved)

    def saved(self) -> dict[str, Any]:
        """What a model's configuration keeps beside the names of the types."""
        return {"slope": self.slope, "shift": self.shift, "thresholds": self.thresholds}

    def probability(self, score: float) -> float:
        """That a span with this score is an entity."""
        return 1 / (1 + math.exp(min(-self.slope * score - self.shift, 700.0)))

    def threshold(self, type: int) -> float:
        """The score above which spans of a type are entities."""
        return self.thresholds.get(self.types[type], 0.0)


def fitted_probabilities(scores: Sequence[float], right: Sequence[bool]) -> tuple[float, float]:
    """Slope and shift of the most likelihood (Platt scaling), (1, 0) where candidates are few.

    Args:
        scores: of candidates.
        right: whether each is an entity.
    """
    x, y = np.asarray(scores, float), np.asarray(right, float)
    if len(x) < FEWEST_CANDIDATES or y.min() == y.max():
        return 1.0, 0.0
    sign = np.where(y == 1, 1.0, -1.0)

    def loss(vector: Floats) -> float:
        drawn = RIDGE / 2 * ((vector[0] - 1) ** 2 + vector[1] ** 2)
        return float(np.logaddexp(0, -sign * (vector[0] * x + vector[1])).sum() + drawn)

    found = minimize(loss, [1.0, 0.0], method="L-BFGS-B").x
    return float(found[0]), float(found[1])


def best_threshold(scores: Sequence[float], right: Sequence[bool], gold: int) -> float:
    """The score above which candidates have the greatest F1, in the middle between two scores.

    Args:
        scores: of candidates.
        right: whether each is an entity.
        gold: entities there are, the missed ones included.
    """
    if not len(scores):
        return 0.0
    order = np.argsort(-np.asarray(scores, float), kind="stable")
    ranked, hits = np.asarray(scores, float)[order], np.asarray(right)[order].cumsum()
    f1 = 2 * hits / (np.arange(1, len(ranked) + 1) + gold)
    below = np.append(ranked[1:], ranked[-1] - 1.0)
    f1[ranked == below] = -1.0  # no threshold parts equal scores
    best = int(f1.argmax())
    return float((ranked[best] + below[best]) / 2)


def fitted_decision(
    types: list[str],
    texts: Sequence[Sequence[Placed]],
    gold: Sequence[Collection[Span]],
    *,
    tune_threshold: bool,
) -> Decision:
    """Probabilities, and thresholds if asked for, fitted to candidates.

    Args:
        types: names of the types, in the order of the scores.
        texts: candidates of each text.
        gold: its entities.
        tune_threshold: whether thresholds are fitted; a type with fewer than ``FEWEST`` entities
            gets that of all.
    """
    scores: dict[str, list[float]] = defaultdict(list)
    right: dict[str, list[bool]] = defaultdict(list)
    for listed, spans in zip(texts, gold, strict=True):
        for start, end, one in listed:
            scores[types[one.type]].append(one.score)
            right[types[one.type]].append((start, end, types[one.type]) in spans)
    every = [one for name in types for one in scores[name]]
    judged = [one for name in types for one in right[name]]
    slope, shift = fitted_probabilities(every, judged)
    thresholds: dict[str, float] = {}
    if tune_threshold:
        sizes = Counter(name for spans in gold for *_, name in spans)
        common = best_threshold(every, judged, sizes.total())
        thresholds = {
            name: best_threshold(scores[name], right[name], sizes[name])
            if sizes[name] >= FEWEST
            else common
            for name in types
        }
    return Decision(types, slope, shift, thresholds)
