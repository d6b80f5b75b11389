"""Comparison of variants with a baseline: intervals, adjusted tests, verdicts.

A variant and the baseline answer the same test items after training from the same seeds. Intervals
and tests are of models trained anew and of other test items (:mod:`nlpcl.metrics.variance`). How
much scores vary over seeds is estimated from all variants of the study together, since the two or
three seeds of one pair say next to nothing of it; a variant that varies clearly more than the
others is not pooled. Verdicts follow Dunnett's adjustment for many comparisons with one baseline;
with fewer than three seeds there is none.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from nlpcl.metrics.confusion import ScoreFunction
from nlpcl.metrics.intervals import Difference
from nlpcl.metrics.power import ALPHA, FEWEST_SEEDS, detectable
from nlpcl.runs.ablation.pooling import Answers, answers, in_order, reported

if TYPE_CHECKING:
    import numpy as np

LEVEL = 0.95
"""Nominal coverage of intervals."""


@dataclass(frozen=True)
class Comparison:
    """Comparison of a variant with the baseline, in points of a metric.

    Args:
        variant, baseline: names.
        difference: variant minus baseline, with its 95 % interval.
        freedom: degrees of freedom of interval and test.
        p_holm: corrected for the number of variants, whatever their dependence.
        p_dunnett: adjusted for their number and for the baseline they share.
        detectable: the smallest true difference found with 80 % probability; NaN as above.
        varies_more: which of the two vary clearly more over seeds than the others.
    """

    variant: str
    baseline: str
    difference: Difference
    freedom: float
    p_holm: float = math.nan
    p_dunnett: float = math.nan
    detectable: float = math.nan
    varies_more: Sequence[str] = ()

    @property
    def p_value(self) -> float:
        """Two-sided, of this comparison alone; NaN where nothing can be tested."""
        return self.difference.p_value

    @property
    def answers_alike(self) -> bool:
        """Whether nothing at all differs."""
        return not self.difference.value and not self.difference.standard_error

    @property
    def waits_for_seeds(self) -> bool:
        """Whether there is an interval but no test."""
        told = not self.answers_alike and not math.isnan(self.difference.low)
        return told and math.isnan(self.p_dunnett)

    @property
    def is_found(self) -> bool:
        """Whether the adjusted test finds a difference."""
        return self.p_dunnett <= ALPHA

    def verdict(self, items: str = "items") -> str:
        """The conclusion in one plain sentence.

        Args:
            items: what is counted by n, e.g. ``texts``; empty where n counts the seeds.
        """
        found = self.difference
        seeds = f"{found.seeds} seed{'s' if found.seeds > 1 else ''}"
        inside = f" of {found.clusters} clusters" if found.clusters != found.n else ""
        at = f"n = {found.n} {items}{inside} x {seeds}" if items else f"n = {seeds}"
        names = f"{self.variant} and {self.baseline}"
        if math.isnan(found.low):
            return f"{names} cannot be compared at {at}: too little to tell how much scores vary."
        if self.answers_alike:
            return f"{names} cannot be told apart at {at}: their answers score the same."
        ends = f"{100 * found.level:g} % interval {found.low:+.2f} to {found.high:+.2f}"
        if self.waits_for_seeds:
            return (
                f"no verdict on {names} at {at} ({found.value:+.2f} points, {ends}): it takes "
                f"{FEWEST_SEEDS} seeds."
            )
        shown = "p < 0.001" if self.p_dunnett < 0.001 else f"p = {self.p_dunnett:.3f}"
        if self.is_found:
            word = "better" if found.value > 0 else "worse"
            size = f"{abs(found.value):.2f} points ({ends}, {shown} after Dunnett)"
            return f"{self.variant} is {word} than {self.baseline} by {size} at {at}."
        return (
            f"no detectable difference between {names} at {at} ({found.value:+.2f} points, {ends}, "
            f"{shown} after Dunnett); detectable would be >= {self.detectable:.1f} points."
        )


def compare(
    parts: Mapping[str, Mapping[int, np.ndarray]],
    baseline: str,
    score: ScoreFunction,
    clusters: Sequence[str] | None = None,
) -> list[Comparison]:
    """Compare every variant with the baseline.

    Args:
        parts: for each variant and training seed the sums of every item, ``(N, K)``, NaN for an
            item that is not in that seed's test set. A difference is taken over the seeds that
            variant and baseline share.
        baseline: its name in ``parts``.
        score: function of summed parts ``(..., K)``; more is better.
        clusters: names ``(N,)``; None: items are independent.

    Returns:
        One comparison a variant that shares a seed with the baseline, in their order.
    """
    if len(in_order(parts, baseline)) < 2:
        return []
    return compared(answers(parts, baseline, score, clusters))


def compare_reported(values: Mapping[str, Mapping[int, float]], baseline: str) -> list[Comparison]:
    """Compare metrics known only per run, so that nothing is known of test items."""
    if len(in_order(values, baseline)) < 2:
        return []
    return compared(reported(values, baseline))


def compared(study: Answers) -> list[Comparison]:
    """Compare every system with the first, and adjust the tests together."""
    return adjusted(study, [comparison(study, number) for number in range(1, len(study.names))])


def comparison(study: Answers, system: int) -> Comparison:
    """Compare a system with the baseline, not adjusted."""
    from scipy.special import stdtr, stdtrit

    found = study.difference(system)
    seeds, (n, clusters) = study.seeds_of(system), study.sizes(system)
    error = 0.0 if study.same_as[system] == 0 else found.error
    half = -float(stdtrit(found.freedom, (1 - LEVEL) / 2)) * error
    p_value = math.nan
    if seeds >= FEWEST_SEEDS and not math.isnan(error):
        ratio = abs(found.value) / error if error else math.inf * bool(found.value)
        p_value = 1.0 if math.isnan(ratio) else 2 * float(stdtr(found.freedom, -ratio))
    gap = Difference(
        found.value,
        found.value - half,
        found.value + half,
        LEVEL,
        error,
        n,
        clusters,
        method(study, system),
        p_value,
        seeds,
    )
    more = [study.names[one] for one in (system, 0) if study.same_as[one] in study.variable]
    return Comparison(study.names[system], study.names[0], gap, found.freedom, varies_more=more)


def method(study: Answers, system: int) -> str:
    """Say what an interval rests on."""
    pool, (_, clusters) = study.pool_of(system), study.sizes(system)
    told = []
    if pool.freedom:
        told.append(f"seeds of {len(pool.systems)} variants ({pool.freedom} degrees of freedom)")
    if len(study.items):
        kind = "items" if len(study.clusters) == len(study.items) else "clusters"
        told.append(f"{clusters} test {kind}, each left out once")
    return f"Student's t, variance from {' and '.join(told)}" if told else "nothing to compare with"


def adjusted(study: Answers, found: Sequence[Comparison]) -> list[Comparison]:
    """Add both adjustments and what is detectable to the comparisons that can be tested."""
    from nlpcl.metrics.significance import ManyToOne, holm

    tested = [
        place
        for place, one in enumerate(found)
        if not math.isnan(one.p_value) and not one.answers_alike
    ]
    changed = list(found)
    for place, one in enumerate(found):
        if not math.isnan(one.p_value):  # equal answers are no test
            changed[place] = replace(one, p_holm=1.0, p_dunnett=1.0, detectable=math.nan)
    if not tested:
        return changed
    p_values = [found[place].p_value for place in tested]
    freedom = [found[place].freedom for place in tested]
    together = ManyToOne(study.correlation([1 + place for place in tested]), freedom)
    level = together.level(ALPHA)
    both = zip(holm(p_values), together.adjusted(p_values), strict=True)
    for place, (p_holm, p_dunnett) in zip(tested, both, strict=True):
        one = found[place]
        least = detectable(one.difference.standard_error, one.freedom, level)
        changed[place] = replace(one, p_holm=p_holm, p_dunnett=p_dunnett, detectable=least)
    return changed


def spread(values: Sequence[float]) -> tuple[float, float | None]:
    """Mean and standard deviation (ddof 1) over seeds; None for a single seed."""
    import numpy as np

    found: Any = np.asarray(values, dtype=np.float64)
    return float(found.mean()), float(found.std(ddof=1)) if len(found) > 1 else None
