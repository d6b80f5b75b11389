"""Correction of p-values for many tests: Holm's for any, Dunnett's for many against one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from nlpcl.metrics.arrays import Floats

POINTS = 14
"""Binary logarithm of the points at which the distribution of the largest t is taken."""


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values adjusted for their number (Holm 1979), in the same order.

    Raises:
        ValueError: a value that is NaN or outside 0..1.
    """
    if not all(0 <= value <= 1 for value in p_values):
        raise ValueError(f"p-values must lie in 0..1: {list(p_values)}")
    # statsmodels' function collects garbage at every call, a tenth of a second beside torch.
    order = sorted(range(len(p_values)), key=lambda at: p_values[at])
    found, least = [0.0] * len(order), 0.0
    for place, at in enumerate(order):
        least = max(least, min(1.0, (len(order) - place) * p_values[at]))
        found[at] = least
    return found


@dataclass(frozen=True)
class ManyToOne:
    """Comparisons of k systems with one baseline, tested together.

    Differences to one baseline rise and fall together, so that fewer of them are large by chance
    than Holm's correction allows for: the largest is compared with its distribution, that of the
    multivariate t (Dunnett 1955). Where the comparisons have unequal degrees of freedom, p-values
    stand for their t and the harmonic mean for their freedom.

    Args:
        correlation: of the differences (k, k).
        freedom: degrees of freedom (k,).
    """

    correlation: Floats
    freedom: Sequence[float]

    @cached_property
    def common(self) -> float:
        """The harmonic mean of the degrees of freedom."""
        inverse = sum(1 / one for one in self.freedom)
        return len(self.freedom) / inverse if inverse else math.inf

    @cached_property
    def drawn(self) -> Floats:
        """Points of the multivariate t distribution without their signs (2^POINTS, k)."""
        return absolute_t(self.correlation, self.common)

    def adjusted(self, p_values: Sequence[float]) -> list[float]:
        """p-values adjusted step by step, the smallest first (Dunnett and Tamhane 1991).

        Args:
            p_values: two-sided (k,).

        Returns:
            In the same order; never below the value itself nor above Holm's.

        Raises:
            ValueError: a value that is NaN or outside 0..1.
        """
        import numpy as np
        from scipy.special import stdtrit

        found = holm(p_values)
        if len(found) < 2:
            return found
        order: list[int] = np.argsort(p_values, kind="stable").tolist()
        # For every point the largest of each comparison and all those with greater p.
        remaining = np.maximum.accumulate(self.drawn[:, order[::-1]], axis=1)[:, ::-1]
        edges = -stdtrit(self.common, np.array(p_values)[order] / 2)
        shares: list[float] = (remaining >= edges).mean(0).tolist()
        least = 0.0
        for at, share in zip(order, shares, strict=True):
            least = found[at] = max(least, min(found[at], max(p_values[at], share)))
        return found

    def level(self, alpha: float) -> float:
        """The p that one comparison must reach to be found while no other is.

        Args:
            alpha: family-wise error, 0..1.
        """
        import numpy as np
        from scipy.special import stdtr

        if len(self.freedom) < 2:
            return alpha
        edge = float(np.quantile(self.drawn.max(1), 1 - alpha))
        return max(alpha / len(self.freedom), min(alpha, 2 * float(stdtr(self.common, -edge))))


def absolute_t(correlation: Floats, freedom: float) -> Floats:
    """Draw points of the multivariate t distribution, without their signs (2^POINTS, k)."""
    import numpy as np
    from scipy.special import chdtri, ndtr

    normal, scores = points(len(correlation))
    values, vectors = np.linalg.eigh(correlation)
    # A singular matrix, of variants that always answer alike, has no Cholesky factor.
    root = vectors * np.sqrt(values.clip(0))
    drawn: Floats = np.abs(normal @ root.T)
    if math.isinf(freedom):
        return drawn
    # The quantile function is slow and smooth: it is taken at some points and interpolated.
    grid = np.linspace(-5, 5, 401)
    spread = np.sqrt(chdtri(freedom, ndtr(-grid)) / freedom)
    return drawn / np.interp(scores, grid, spread)[:, None]


@lru_cache(maxsize=8)
def points(dimensions: int) -> tuple[Floats, Floats]:
    """Return evenly spread standard normal numbers (2^POINTS, k) and (2^POINTS,)."""
    from scipy.special import ndtri
    from scipy.stats import qmc

    spread: Floats = qmc.Sobol(dimensions + 1, seed=0).random_base2(POINTS)
    drawn = ndtri(spread)
    return drawn[:, :-1], drawn[:, -1]
