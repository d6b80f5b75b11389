"""How much scores vary over training seeds and test items, for systems trained in pairs.

The model of a study: the score of system v at seed s is

    y[v, s] = system[v] + seed[s] + training[v, s] + items[v, s]

with fixed systems. ``seed`` is what all systems share at a seed (a lucky order of the data, an easy
test set); it cancels in differences. ``training`` is the chance of a single training, independent
and with one variance for all systems; ``items`` is the chance of the test items or clusters, whose
covariance over all trainings the jackknife gives. The residuals of the additive model (system +
seed) have the mean square MS with k (S - 1) degrees of freedom for k + 1 systems at S seeds, fewer
where trainings failed. It estimates the variance of ``training`` and of what of ``items`` differs
between seeds. For a difference D = c'y of mean scores then

    Var D = c'c MS + max(0, c'K c - c'c tr(QK) / tr Q)

where K is the covariance of ``items`` and Q takes the residuals: the items' variance less what MS
holds of it already. On one common test set this is the mixed model with system fixed, seed and item
random (MS_seed + MS_item - MS_residual, textbook ANOVA); where every seed has a test set of its own
the second term vanishes. Both are special cases, and so is any overlap.

One variance for all systems is an assumption. :func:`more_variable` finds gross departures; what it
cannot see at three seeds, a baseline that varies several times as much as the others above all,
makes verdicts err more often (``benchmarks/ablation_calibration.py --extra``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from nlpcl.metrics.arrays import Booleans, Floats, Integers
from nlpcl.metrics.confusion import ScoreFunction
from nlpcl.metrics.resampling import CELLS

DRAWS = 4000
"""Of the null distribution of Cochran's statistic."""
UNEQUAL = 0.01
"""A system is left out of the pool where its seeds vary as much more with a smaller probability."""


@dataclass(frozen=True)
class Trainings:
    """Scores of M trainings and the chance of test items in them.

    Args:
        values: scores (M,).
        systems: number of the system of each training (M,).
        seeds: number of its seed (M,).
        items: covariance of the scores over test items or clusters (M, M); zeros where only the
            scores are known.
        freedom: degrees of freedom of ``items``; infinite where it is zero.
    """

    values: Floats
    systems: Integers
    seeds: Integers
    items: Floats
    freedom: float

    def only(self, chosen: Booleans) -> Trainings:
        """Those that ``chosen`` (M,) marks."""
        covariance = self.items[chosen][:, chosen]
        kept = self.values[chosen], self.systems[chosen], self.seeds[chosen]
        return Trainings(*kept, covariance, self.freedom)

    def of(self, systems: Sequence[int]) -> Trainings:
        """Those of some systems."""
        import numpy as np

        return self.only(np.isin(self.systems, systems))

    def contrast(self, first: int, second: int) -> Floats:
        """Weights (M,) of the mean of ``first`` less that of ``second`` over shared seeds."""
        import numpy as np

        met = [np.isin(self.seeds, self.seeds[self.systems == one]) for one in (first, second)]
        shared = met[0] & met[1]
        sign = (self.systems == first).astype(np.float64) - (self.systems == second)
        return sign * shared / max(1, int((shared & (self.systems == first)).sum()))

    @cached_property
    def residuals(self) -> Floats:
        """The projection (M, M) onto the residuals of system + seed."""
        import numpy as np

        effects = [self.systems[:, None] == np.unique(self.systems)]
        effects.append(self.seeds[:, None] == np.unique(self.seeds))
        design = np.concatenate(effects, axis=1).astype(np.float64)
        return np.eye(len(self.values)) - design @ np.linalg.pinv(design)


def jackknife(totals: Floats, tested: Booleans, score: ScoreFunction) -> tuple[Floats, Floats]:
    """Compute scores and their covariance by leaving out each cluster (or item) in turn.

    A training whose test set lacks a cluster does not notice when it is left out.

    Args:
        totals: what the score needs, summed within clusters (C, M, K).
        tested: whether a training was tested on a cluster (C, M).
        score: summed totals (..., K) -> (...).

    Returns:
        Scores (M,) and covariance (M, M).
    """
    import numpy as np

    whole = totals.sum(0)
    number = tested.sum(0)
    at_once = max(1, CELLS // max(1, whole.size))
    parts = [
        score(whole - totals[start : start + at_once]) for start in range(0, len(totals), at_once)
    ]
    useful = tested & (number > 1)
    left = np.where(useful, np.concatenate(parts), 0.0)
    centre = left.sum(0) / np.maximum(number, 1)
    scale = np.sqrt((number - 1).clip(0) / np.maximum(number, 1))
    influence = np.where(useful, left - centre, 0.0) * scale
    return score(whole), influence.T @ influence


@dataclass(frozen=True)
class Pool:
    """The variance over seeds of some systems together.

    Args:
        systems: those it rests on.
        freedom: degrees of freedom; 0 where no two seeds can be compared.
        mean_square: of the residuals, NaN without freedom.
        items: what the chance of test items adds to it.
    """

    systems: tuple[int, ...]
    freedom: int
    mean_square: float
    items: float

    @property
    def training(self) -> float:
        """The variance of one training's score, test items aside."""
        return max(0.0, self.mean_square - self.items)


def pool(trainings: Trainings, systems: Sequence[int]) -> Pool:
    """Pool the variance over seeds of some systems."""
    import numpy as np

    own = trainings.of(systems)
    freedom = round(float(np.trace(own.residuals)))
    if not freedom:
        return Pool(tuple(systems), 0, float("nan"), 0.0)
    square = float(own.values @ own.residuals @ own.values) / freedom
    items = float((own.residuals * own.items).sum()) / freedom
    return Pool(tuple(systems), freedom, max(0.0, square), items)


@dataclass(frozen=True)
class Estimate:
    """A difference with its standard error.

    Args:
        value: first less second.
        error: its standard error.
        freedom: degrees of freedom of Student's t.
    """

    value: float
    error: float
    freedom: float


def estimate(trainings: Trainings, weights: Floats, seeds: Pool) -> Estimate:
    """Estimate a difference of mean scores, for models trained anew and other test items.

    The degrees of freedom are the harmonic mean of those of both terms, weighted with the terms.
    Satterthwaite's weights are squared, which finds 7 to 8 % of equal pairs different where two
    degrees of freedom of the seeds meet many of the items; these find 3.5 to 6 %
    (``benchmarks/ablation_calibration.py``). Without freedom of the seeds: of the items alone.

    Args:
        trainings: of the study.
        weights: contrast (M,).
        seeds: the variance over seeds to use.
    """
    value = float(weights @ trainings.values)
    own = float(weights @ trainings.items @ weights)
    if not seeds.freedom:
        return Estimate(value, own**0.5, trainings.freedom)
    square = float(weights @ weights)
    first = square * seeds.mean_square
    second = max(0.0, own - square * seeds.items)
    both = first + second
    if not both:
        return Estimate(value, 0.0, float(seeds.freedom))
    freedom = both / (first / seeds.freedom + second / trainings.freedom)
    return Estimate(value, both**0.5, freedom)


def more_variable(trainings: Trainings, systems: Sequence[int]) -> list[int]:
    """Find systems whose scores vary clearly more over seeds than those of the others.

    Cochran's test: the largest share of one system in the squared residuals, against its
    distribution for equal variances; what it finds is left out and the rest is tested again. Two
    systems have the same residuals and cannot be told apart.

    Args:
        trainings: of the study.
        systems: to look at.

    Returns:
        Numbers, the most variable first.
    """
    import numpy as np

    found: list[int] = []
    rest = list(systems)
    while len(rest) > 2:
        own = trainings.of(rest)
        member = (own.systems[:, None] == np.array(rest)).astype(np.float64)
        freedom = np.diag(own.residuals) @ member
        if freedom.min() < 1e-9 or not np.trace(own.residuals) > 2:
            break
        both = np.concatenate([own.values[None], noise(len(own.values))]) @ own.residuals
        squares = both**2 @ member
        total = squares.sum(1, keepdims=True)
        ratios = squares / freedom / np.where(total > 0, total, 1)
        largest = ratios.max(1)
        if total[0, 0] < 1e-12 or (1 + (largest[1:] >= largest[0]).sum()) / (1 + DRAWS) > UNEQUAL:
            break
        found.append(rest.pop(int(ratios[0].argmax())))
    return found


@lru_cache(maxsize=8)
def noise(width: int) -> Floats:
    """Draw standard normal numbers (DRAWS, width), always the same ones."""
    import numpy as np

    return np.random.default_rng(0).standard_normal((DRAWS, width))
