"""Correction of p-values for many tests."""

from __future__ import annotations

from collections.abc import Sequence


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values adjusted for their number (Holm 1979), in the same order.

    Raises:
        ValueError: a value that is NaN or outside 0..1.
    """
    from statsmodels.stats.multitest import multipletests

    if not all(0 <= value <= 1 for value in p_values):
        raise ValueError(f"p-values must lie in 0..1: {list(p_values)}")
    if not p_values:
        return []
    return multipletests(list(p_values), method="holm")[1].tolist()
