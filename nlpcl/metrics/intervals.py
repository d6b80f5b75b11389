"""Intervals and resampling tests for scores on a test set; everything is fixed by its seed.

Percentile intervals are too narrow for few clusters: with 10 speakers a nominal 95 % interval
covers about 90 %.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from nlpcl.metrics.arrays import Floats, Integers
from nlpcl.metrics.confusion import RATES, ScoreFunction
from nlpcl.metrics.rates import exact_interval
from nlpcl.metrics.resampling import Units, bunches, cluster_indices, summed_units

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


@dataclass(frozen=True)
class Interval:
    """A value with its interval; ``low`` and ``high`` are NaN where there is nothing to resample.

    Args:
        value: the value on the data as they are.
        low, high: ends.
        level: nominal coverage, 0..1.
        standard_error: standard deviation over resamples (ddof 1), NaN as above.
        n: items; clusters: what was resampled, equal to ``n`` without clusters.
        method: in words, for a table's note.
    """

    value: float
    low: float
    high: float
    level: float
    standard_error: float
    n: int
    clusters: int
    method: str


@dataclass(frozen=True)
class Difference(Interval):
    """Score of the first system minus that of the second, in the unit of the score.

    Args:
        p_value: two-sided, not adjusted for other differences; NaN where nothing can be tested.
        seeds: training seeds averaged over.
    """

    p_value: float
    seeds: int


def percentile_interval(
    value: float, resampled: ArrayLike, level: float, n: int, clusters: int, method: str
) -> Interval:
    """Percentiles of resampled values; those that are NaN (undefined in a resample) are left out.

    Raises:
        ValueError: the value itself is NaN, or ``level`` is not between 0 and 1.
    """
    import numpy as np

    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, found {level}")
    if math.isnan(value):
        raise ValueError("the statistic is NaN on the data as they are")
    found = np.asarray(resampled, dtype=np.float64)
    found = found[np.isfinite(found)]
    if clusters < 2 or len(found) < 2:
        # One cluster is drawn again and again: the width would be 0, which is no certainty.
        return Interval(value, math.nan, math.nan, level, math.nan, n, clusters, method)
    low, high = np.quantile(found, [(1 - level) / 2, (1 + level) / 2]).tolist()
    error = float(found.std(ddof=1))
    return Interval(value, low, high, level, error, n, clusters, method)


def cluster_bootstrap(
    statistic: Callable[[Integers], Floats],
    clusters: Sequence[str] | int,
    *,
    resamples: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> Interval:
    """Percentile interval of any statistic of weighted items.

    For scores from confusion counts, ``score_intervals`` is faster.

    Args:
        statistic: item weights (R, N), how often each item was drawn -> values (R,).
        clusters: the cluster of every item, or N for items that are independent.
        resamples: number of resamples.
        seed: of the resamples.
        level: nominal coverage, 0..1.

    Returns:
        With one cluster, or where all resamples are 0 or all are 100, an interval whose ends are
        NaN.

    Raises:
        ValueError: no items, or the statistic is NaN on the data as they are.
    """
    import numpy as np

    unit, count = cluster_indices(clusters)
    generator = np.random.default_rng(seed)
    shares = np.full(count, 1 / count)
    values = [
        np.asarray(statistic(generator.multinomial(count, shares, size=part)[:, unit]))
        for part in bunches(resamples, len(unit))
    ]
    value = float(np.asarray(statistic(np.ones((1, len(unit)), dtype=np.int64)))[0])
    kind = "items" if isinstance(clusters, int) else "clusters"
    method = f"percentile bootstrap over {count} {kind}"
    found = percentile_interval(value, np.concatenate(values), level, len(unit), count, method)
    return at_the_edge(found)


def defined_intervals(
    counts: Floats,
    scores: Mapping[str, ScoreFunction],
    clusters: Sequence[str] | None,
    *,
    rates: Collection[str] = (),
    resamples: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> tuple[dict[str, float], dict[str, Interval]]:
    """Scores of the summed counts of one system, and intervals of those that are defined.

    A resample in which a score is undefined says nothing of it and is left out.

    Args:
        counts: of each item, ``(N, K)``.
        scores: functions of summed counts ``(..., K)``; NaN where undefined.
        clusters: of the items, which are resampled as a whole; None: items are independent.
        rates: scores that are rates over the units, see :func:`at_the_edge`.
        resamples: number of resamples.
        seed: of the resamples.
        level: nominal coverage, 0..1.
    """
    units = summed_units(counts.reshape(len(counts), 1, 1, -1), clusters)
    whole = counts.sum(0)
    values = {name: float(score(whole)) for name, score in scores.items()}
    defined = {name: score for name, score in scores.items() if not math.isnan(values[name])}
    found = score_intervals(
        units,
        defined,
        resamples=resamples,
        seed=seed,
        level=level,
        trials=dict.fromkeys(rates, units.size),
    )
    return values, found


def score_intervals(
    units: Units,
    scores: Mapping[str, ScoreFunction],
    *,
    resamples: int = 1000,
    seed: int = 0,
    level: float = 0.95,
    trials: Mapping[str, int] | None = None,
) -> dict[str, Interval]:
    """Percentile intervals of several scores from the same resamples, exact ones at 0 and 100.

    Args:
        units: of one system; the score is averaged over its training seeds.
        scores: functions of summed totals, e.g. ``nlpcl.metrics.confusion.SCORES``.
        resamples: number of resamples.
        seed: of the resamples.
        level: nominal coverage, 0..1.
        trials: for each score that is a rate the units it runs over, see
            :func:`at_the_edge`; accuracy is known to run over all of them.

    Raises:
        ValueError: units of several systems, or a score that is NaN on the data as they are.
    """
    import numpy as np

    if units.totals.shape[1] != 1:
        raise ValueError("intervals are taken of one system at a time")
    generator = np.random.default_rng(seed)
    parts: dict[str, list[Floats]] = {name: [] for name in scores}
    for weights in units.draws(resamples, generator):
        sums = units.sums(weights)[:, 0]
        for name, score in scores.items():
            parts[name].append(score(sums).mean(-1))
    whole = units.sums(units.copies[None])[0, 0]
    found = {
        name: percentile_interval(
            float(score(whole).mean()),
            np.concatenate(parts[name]),
            level,
            units.n,
            units.size,
            units.method,
        )
        for name, score in scores.items()
    }
    known = dict.fromkeys(RATES, units.size) | dict(trials or {})
    return {name: at_the_edge(one, known.get(name)) for name, one in found.items()}


def paired_bootstrap(
    units: Units,
    score: ScoreFunction,
    *,
    resamples: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> Difference:
    """Score of the first system minus the second, both on the same resampled items.

    Scores are averaged over training seeds: it speaks of the models as trained. For models trained
    anew see :mod:`nlpcl.metrics.variance`.

    Args:
        units: of two systems; scores are averaged over training seeds.
        score: function of summed totals.
        resamples: number of resamples.
        seed: of the resamples.
        level: nominal coverage, 0..1.

    Raises:
        ValueError: not two systems, or a score that is NaN on the data as they are.
    """
    import numpy as np

    if units.totals.shape[1] != 2:
        raise ValueError(f"two systems are compared, found {units.totals.shape[1]}")
    generator = np.random.default_rng(seed)
    parts: list[Floats] = []
    for weights in units.draws(resamples, generator):
        scored = score(units.sums(weights)).mean(-1)
        parts.append(scored[:, 0] - scored[:, 1])
    gaps = np.concatenate(parts)
    scored = score(units.sums(units.copies[None]))[0]
    by_seed = scored[0] - scored[1]
    found = percentile_interval(
        float(by_seed.mean()), gaps, level, units.n, units.size, units.method
    )
    tail = min(int((gaps <= 0).sum()), int((gaps >= 0).sum()))
    p_value = min(1.0, 2 * (1 + tail) / (1 + len(gaps))) if units.size > 1 else math.nan
    return Difference(**vars(found), p_value=p_value, seeds=len(by_seed))


def t_interval(values: Sequence[float], level: float = 0.95) -> Interval:
    """Mean of folds or seeds with Student's interval; ends are NaN for a single value.

    Raises:
        ValueError: no values, or one that is NaN.
    """
    import numpy as np
    from scipy.stats import t

    found = np.asarray(values, dtype=np.float64)
    n = len(found)
    if not n or not np.isfinite(found).all():
        raise ValueError(f"finite values are needed, found {list(values)}")
    error = float(found.std(ddof=1) / math.sqrt(n)) if n > 1 else math.nan
    half = float(t.ppf((1 + level) / 2, n - 1)) * error if n > 1 else math.nan
    mean = float(found.mean())
    method = f"Student's t over {n} values"
    return Interval(mean, mean - half, mean + half, level, error, n, n, method)


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
