"""Schedules of quantities that change during training, as pure functions."""

from __future__ import annotations

import math
from collections.abc import Callable


def waiting_then_linear(done: float, wait: float = 0.1, full: float = 0.7) -> float:
    """Schedule of α as documented: 0 at first, then linear to 1, then 1.

    The document waits for 5 epochs of 50 and reaches 1 at 0.7 of them. Counted in epochs it would
    jump from 0 to 1 in short trainings; counted as a fraction of the training it never jumps.

    Args:
        done: fraction of the training that is done, 0 to 1.
        wait: fraction of the training during which it stays 0.
        full: fraction of the training after which it is 1; above ``wait``.
    """
    return min(1.0, max(0.0, (done - wait) / (full - wait)))


def saturating(done: float, steepness: float = 10.0) -> float:
    """Schedule of DANN: ``2 / (1 + exp(-10 p)) - 1`` (Ganin et al. 2016, arXiv 1505.07818)."""
    return math.tanh(steepness * done / 2)


ALPHA_SCHEDULES: dict[str, Callable[[float], float]] = {
    "documented": waiting_then_linear,
    "dann": saturating,
}
"""Fraction of the training that is done → α as a fraction of its maximum."""


def warmup_cosine(
    updates: int, *, warmup: float = 0.1, floor: float = 0.0, restarts: int = 0
) -> Callable[[int], float]:
    """Update, counted from 0 → factor of the peak learning rate.

    The factor rises linearly, being above 0 at the first update, then follows half cosines of equal
    length, each of which ends at ``floor``; so does the last update of the training.

    Args:
        updates: number of updates of the whole training.
        warmup: fraction of the updates over which the factor rises.
        floor: smallest factor after the warm-up, 0 to 1.
        restarts: how often the factor jumps back to 1.
    """
    rising = min(math.ceil(warmup * updates), max(0, updates - 1))
    falling = max(1, updates - rising)
    cycles = min(restarts + 1, falling)

    def factor(update: int) -> float:
        if updates <= 1:
            return 1.0
        if update < rising:
            return (update + 1) / rising
        place = min(update - rising, falling - 1)
        cycle = ((place + 1) * cycles - 1) // falling
        begin, end = cycle * falling // cycles, (cycle + 1) * falling // cycles
        done = (place - begin) / (end - 1 - begin) if end - begin > 1 else 1.0
        return floor + (1 - floor) * (1 + math.cos(math.pi * done)) / 2

    return factor
