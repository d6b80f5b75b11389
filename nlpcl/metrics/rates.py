"""Intervals of rates, which hold at 0 and 100 percent too."""

from __future__ import annotations

import math


def exact_interval(right: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Compute Clopper and Pearson's interval of a proportion of independent items, percent.

    It holds at the edges, too: of 80 items with no hit it is 0 to 4.5. NaN without items.
    """
    from statsmodels.stats.proportion import proportion_confint

    if not n:
        return math.nan, math.nan
    low, high = proportion_confint(right, n, alpha=1 - level, method="beta")
    return 100 * float(low), 100 * float(high)


def wilson_interval(right: float, n: int, level: float = 0.95) -> tuple[float, float]:
    """Wilson's interval of a proportion of independent items, percent; NaN without items."""
    from statsmodels.stats.proportion import proportion_confint

    if not n:
        return math.nan, math.nan
    low, high = proportion_confint(right, n, alpha=1 - level, method="wilson")
    return 100 * float(low), 100 * float(high)
