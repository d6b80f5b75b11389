"""Intervals of rates, which hold at 0 and 100 percent too."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nlpcl.metrics.intervals import Interval


def exact_interval(right: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Compute Clopper and Pearson's interval of a proportion of independent items, percent.

    It holds at the edges, too: of 80 items with no hit it is 0 to 4.5. NaN without items.
    """
    from statsmodels.stats.proportion import proportion_confint

    if not n:
        return math.nan, math.nan
    low, high = proportion_confint(right, n, alpha=1 - level, method="beta")
    return 100 * float(low), 100 * float(high)


def at_the_edge(found: Interval, trials: int | None = None) -> Interval:
    """Replace an interval of width 0 at 0 or 100 percent by what can be said there.

    Resampling items that are all right, or all wrong, never gives anything else; that is no
    certainty. A rate gets the exact interval; no other score has one, so its ends are NaN.

    Args:
        found: from resamples.
        trials: of a rate the independent trials, of which clusters count as one each; None for
            scores that are no rate.
    """
    if not found.low == found.high == found.value or found.value not in (0.0, 100.0):
        return found
    if trials is None:
        return replace(found, low=math.nan, high=math.nan, standard_error=math.nan)
    low, high = exact_interval(trials if found.value else 0, trials, found.level)
    return replace(found, low=low, high=high, method=f"{found.method}, exact at 0 and 100")


def wilson_interval(right: float, n: int, level: float = 0.95) -> tuple[float, float]:
    """Wilson's interval of a proportion of independent items, percent; NaN without items."""
    from statsmodels.stats.proportion import proportion_confint

    if not n:
        return math.nan, math.nan
    low, high = proportion_confint(right, n, alpha=1 - level, method="wilson")
    return 100 * float(low), 100 * float(high)
