"""Whether a classifier has learnt anything: its training loss beside that of a constant answer.

A model that ignores its input can do no better than to answer with the class frequencies. The loss
of that is their entropy, ln C for C equally frequent classes. Dropout, mixup and augmentation raise
the training loss of a model that has learnt too, but not to there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

NEAR = 0.9
"""Fraction of the loss of a constant answer from which a training loss is near it."""


def constant_loss(
    counts: Sequence[int], *, gamma: float = 0.0, smoothing: float = 0.0, is_balanced: bool = False
) -> float:
    """The mean loss a row of always answering with the (weighted) class frequencies, in nats.

    Args:
        counts: training rows of each class.
        gamma: γ of the focal loss; 0 is cross-entropy.
        smoothing: label smoothing, 0 to 1.
        is_balanced: whether classes are weighted inversely to their frequencies.

    Raises:
        ValueError: no rows.
    """
    present = [count for count in counts if count]
    if not present:
        raise ValueError("no class has a row")
    total, classes = sum(present), len(counts)
    targets = [(1 - smoothing) * count / total + smoothing / classes for count in counts]
    if is_balanced:
        weights = [total / (len(present) * count) if count else 0.0 for count in counts]
        targets = [weight * target for weight, target in zip(weights, targets, strict=True)]
    answers = [target / sum(targets) for target in targets]
    return -sum(
        target * (1 - answer) ** gamma * math.log(answer)
        for target, answer in zip(targets, answers, strict=True)
        if answer
    )


def not_learnt(loss: float, constant: float) -> bool:
    """Whether a final training loss is near that of a constant answer."""
    return constant > 0 and loss >= NEAR * constant
