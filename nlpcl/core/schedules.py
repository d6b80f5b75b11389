"""How quantities move while training goes on; pure arithmetic."""

from __future__ import annotations

import math
from collections.abc import Callable


def waiting_then_linear(done: float, wait: float = 0.1, full: float = 0.7) -> float:
    """0 for a while, then a straight line to 1, then 1: the documented course of α.

    The document waits for 5 epochs of 50 and is full at 0.7 of them. Counted in epochs it jumps
    from 0 to 1 in short trainings; counted in shares it never jumps.

    Args:
        done: share of the training that lies behind, 0 to 1.
        wait: share in which it stays 0.
        full: share from which on it is 1; above ``wait``.
    """
    return min(1.0, max(0.0, (done - wait) / (full - wait)))


def saturating(done: float, steepness: float = 10.0) -> float:
    """``2 / (1 + exp(-10 p)) - 1``: the course of DANN (Ganin et al. 2016, arXiv 1505.07818)."""
    return math.tanh(steepness * done / 2)


ALPHA_COURSES: dict[str, Callable[[float], float]] = {
    "documented": waiting_then_linear,
    "dann": saturating,
}
"""Share of the training that lies behind → α as a share of its greatest value."""


def warmup_cosine(
    updates: int, *, warmup: float = 0.1, floor: float = 0.0, restarts: int = 0
) -> Callable[[int], float]:
    """Update, counted from 0 → factor of the peak learning rate.

    It rises in a straight line, the first update included, then falls in half cosines of equal
    length; each, and so the last update of the training, ends at ``floor``.

    Args:
        updates: of the whole training.
        warmup: share of them in which the rate rises.
        floor: smallest factor after the rise, 0 to 1.
        restarts: how often the rate jumps back to the peak.
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
        share = (place - begin) / (end - 1 - begin) if end - begin > 1 else 1.0
        return floor + (1 - floor) * (1 + math.cos(math.pi * share)) / 2

    return factor
