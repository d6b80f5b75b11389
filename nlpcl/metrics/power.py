"""Which differences a study would find, and how many seeds or items would find a given one.

Power is that of the verdict: Student's t at the level that one of k comparisons must reach by
Dunnett's adjustment while the others find nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from nlpcl.metrics.arrays import Floats
from nlpcl.metrics.significance import ManyToOne

ALPHA = 0.05
"""Probability of any false verdict in a study without effects."""
POWER = 0.8
"""Probability of finding a difference as large as the one called detectable."""
FEWEST_SEEDS = 3
"""With fewer seeds no verdict is given."""
ENDLESS = 10**9
"""Seeds, or times the items, that stand for any number."""


def detectable(error: float, freedom: float, level: float, power: float = POWER) -> float:
    """Return the true difference that is found with a probability of ``power``.

    From the noncentral t distribution. A standard error from few degrees of freedom is on average
    too small; that is made good, so that the mean over studies is right.

    Args:
        error: standard error of the difference.
        freedom: its degrees of freedom.
        level: the two-sided p that must be reached, 0..1.
        power: probability, 0..1.
    """
    from scipy.special import gammaln, nctdtrinc, ndtri, stdtrit

    edge = -float(stdtrit(freedom, level / 2))
    if freedom > 1000:
        return error * (edge + float(ndtri(power)))
    half = freedom / 2
    bias = math.sqrt(1 / half) * math.exp(float(gammaln(half + 0.5) - gammaln(half)))
    return error / bias * float(nctdtrinc(freedom, 1 - power, edge))


@dataclass(frozen=True)
class Pilot:
    """What a finished study says of the variance of k differences to one baseline.

    Args:
        training: variance over seeds of one training's score, test items aside: of the baseline
            and of each variant (k + 1,).
        within: covariance of the differences at one seed over test items (k, k).
        between: the same at two seeds (k, k); 0 where every seed has a test set of its own.
        freedom: of the variance over seeds, for each further seed (k,).
        seeds: of the pilot.
        items: on the test set of a seed.
        clusters: that these come from, the same number where they are single.
    """

    training: Floats
    within: Floats
    between: Floats
    freedom: Floats
    seeds: int
    items: int
    clusters: int

    @property
    def uncertainty(self) -> float:
        """Standard deviation of the pilot's own estimates of what varies over seeds, percent."""
        return 100 / math.sqrt(2 * float(self.freedom.min()) * (self.seeds - 1))

    def detectable(self, seeds: int, times: float = 1.0) -> Floats:
        """The differences (k,) that a study would find with 80 %, each alone.

        Args:
            seeds: of that study.
            times: as many test items, in as many clusters, as the pilot's.
        """
        import numpy as np

        within, between = self.within / times, self.between / times
        # What differs from seed to seed, and what does not.
        varied = np.diag(self.training[1:]) + self.training[0] + within - between
        whole = varied / seeds + between
        first, second = varied.diagonal() / seeds, between.diagonal().clip(0)
        error = first + second
        items = max(1.0, float(self.clusters * times - 1))
        shares = first / (self.freedom * (seeds - 1)) + second / items
        freedom = np.divide(error, shares, out=np.full(len(error), items), where=shares > 0)
        scale = np.sqrt(whole.diagonal().clip(1e-300))
        together = ManyToOne(whole / np.outer(scale, scale), freedom.tolist())
        level = together.level(ALPHA)
        found = [detectable(one**0.5, own, level) for one, own in zip(error, freedom, strict=True)]
        return np.array(found)

    def seeds_for(self, points: float, variant: int) -> int | None:
        """The fewest seeds that find so many points, at the pilot's items; None where none do."""
        return fewest(lambda seeds: self.detectable(seeds)[variant] <= points, FEWEST_SEEDS)

    def items_for(self, points: float, variant: int) -> int | None:
        """The fewest items that find so many points, at the pilot's seeds; None where none do."""
        seeds = max(self.seeds, FEWEST_SEEDS)
        return fewest(
            lambda items: self.detectable(seeds, items / self.items)[variant] <= points, 2
        )


def fewest(suffices: Callable[[int], bool], least: int) -> int | None:
    """Find the smallest sufficient number from ``least`` on; None where a huge one is too small."""
    low, high = least - 1, least
    # Not bisected from above: at very few seeds more items can detect a little less, since they
    # leave more of the variance to what the seeds alone tell of it.
    while not suffices(high):
        if high > ENDLESS:
            return None
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if suffices(middle) else (middle, high)
    return high
