"""Tests on paired answers, correction for many tests, detectable differences, and a verdict."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from nlpcl.metrics.intervals import Difference


def mcnemar_test(right_a: Any, right_b: Any, *, mid_p: bool = True) -> float:
    """Two-sided p of a difference in accuracy between two systems on the same items.

    Exact, or with ``mid_p`` half of the observed probability is left out, which keeps the level
    and is less conservative (Fagerland et al. 2013, doi 10.1186/1471-2288-13-91).

    Args:
        right_a: whether the first system is right on each item (N,).
        right_b: the same of the second.
        mid_p: mid-p instead of exact.

    Raises:
        ValueError: no items, or lengths differ.
    """
    import numpy as np
    from scipy.stats import binom
    from statsmodels.stats.contingency_tables import mcnemar

    first, second = np.asarray(right_a, dtype=bool), np.asarray(right_b, dtype=bool)
    if first.shape != second.shape or first.ndim != 1 or not len(first):
        raise ValueError(f"right_a has shape {first.shape}, right_b {second.shape}; items needed")
    only_a, only_b = int((first & ~second).sum()), int((~first & second).sum())
    if not only_a + only_b:
        return 1.0
    found: Any = mcnemar([[0, only_a], [only_b, 0]], exact=True)
    exact = float(found.pvalue)
    if not mid_p:
        return exact
    observed = float(binom.pmf(only_a, only_a + only_b, 0.5))
    return 1 - observed / 2 if only_a == only_b else exact - observed


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
    adjusted: Any = multipletests(list(p_values), method="holm")[1]
    return [float(value) for value in adjusted]


def detectable_difference(
    standard_error: float, *, alpha: float = 0.05, power: float = 0.8
) -> float:
    """The smallest true difference found with ``power``: 2.80 standard errors by default."""
    from scipy.stats import norm

    return float(norm.ppf(1 - alpha / 2) + norm.ppf(power)) * standard_error


def detectable_proportion(
    n: int, discordance: float, *, alpha: float = 0.05, power: float = 0.8
) -> float:
    """The smallest difference in accuracy McNemar's test finds with ``power``, in points.

    Args:
        n: items.
        discordance: share of items that exactly one of the systems gets right, 0..1.
        alpha: level of the test.
        power: probability wanted of finding it.

    Returns:
        The difference d that solves n = (z_a sqrt(s) + z_b sqrt(s - d^2))^2 / d^2 for the
        discordance s (Connor 1987, Biometrics 43:207); infinite when even d = s is not found.

    Raises:
        ValueError: no items, or ``discordance`` outside 0..1.
    """
    from scipy.optimize import brentq
    from scipy.stats import norm

    if n < 1 or not 0 <= discordance <= 1:
        raise ValueError(f"n={n}, discordance={discordance}: items and a share in 0..1 are needed")
    level, wanted = float(norm.ppf(1 - alpha / 2)), float(norm.ppf(power))

    def lack(gap: float) -> float:
        spread = math.sqrt(max(discordance - gap * gap, 0.0))
        return level * math.sqrt(discordance) + wanted * spread - gap * math.sqrt(n)

    if not discordance or lack(discordance) > 0:
        return math.inf
    found: Any = brentq(lack, 0.0, discordance)
    return 100 * float(found)


def verdict(
    first: str,
    second: str,
    difference: Difference,
    p_value: float | None = None,
    *,
    alpha: float = 0.05,
    corrected: bool = True,
    unit: str = "points",
) -> str:
    """One sentence on a comparison; a difference counts when interval and test agree.

    Args:
        first: name of the system whose score is the minuend of ``difference``.
        second: name of the other.
        difference: from ``paired_bootstrap``, of a score where more is better.
        p_value: of the test, after correction; by default that of the bootstrap, uncorrected.
        alpha: level of the test.
        corrected: whether ``p_value`` was corrected after Holm.
        unit: of the score.
    """
    p = difference.p_value if p_value is None else p_value
    at = f"n = {difference.n}"
    if difference.clusters != difference.n:
        at += f" in {difference.clusters} clusters"
    if math.isnan(difference.low) or math.isnan(p):
        return f"{first} and {second} cannot be compared at {at}: too little to resample."
    after = " after Holm" if corrected and p_value is not None else ""
    shown = "p < 0.001" if p < 0.001 else f"p = {p:.3f}"
    percent = f"{100 * difference.level:g} % interval"
    ends = f"{percent} {difference.low:+.2f} to {difference.high:+.2f}, {shown}{after}"
    if p <= alpha and not difference.low <= 0 <= difference.high:
        better, worse = (first, second) if difference.value > 0 else (second, first)
        size = f"{abs(difference.value):.2f} {unit}"
        return f"{better} is better than {worse} by {size} ({first} - {second}: {ends}; {at})."
    least = detectable_difference(difference.standard_error, alpha=alpha)
    return (
        f"no detectable difference between {first} and {second} at {at} "
        f"({first} - {second}: {difference.value:+.2f} {unit}, {ends}); "
        f"detectable would be >= {least:.2f} {unit}."
    )
