"""Comparison of variants with a baseline: intervals, tests with Holm's correction, verdicts.

A variant and the baseline answer the same test items after training from the same seeds. Items (or
clusters: speakers, sentences of one source) are resampled for both at once. With several seeds the
interval is of models trained anew (:func:`nlpcl.metrics.intervals.paired_bootstrap`), and the
p-value is the greater of approximate randomisation over items and Student's t over items and seeds,
so that a lucky seed is no discovery: the first test alone speaks of the very models that were
trained.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from nlpcl.metrics.confusion import ScoreFunction
from nlpcl.metrics.intervals import Difference

if TYPE_CHECKING:
    import numpy as np

POWER = 0.8
"""Probability of finding a difference as large as the one called detectable."""


@dataclass(frozen=True)
class Comparison:
    """Comparison of a variant with the baseline, in points of a metric.

    Args:
        variant, baseline: names.
        difference: variant minus baseline, with its 95 % interval.
        p_value: two-sided, of this comparison alone; NaN where nothing can be resampled.
        p_holm: corrected for the number of variants.
        detectable: the smallest true difference found with 80 % probability; NaN as above.
    """

    variant: str
    baseline: str
    difference: Difference
    p_value: float
    p_holm: float
    detectable: float

    @property
    def is_found(self) -> bool:
        """Whether the interval and the corrected test agree on a difference."""
        found = self.difference
        return self.p_holm <= 1 - found.level and not found.low <= 0 <= found.high

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
        if math.isnan(found.low) or math.isnan(self.p_holm):
            return f"{names} cannot be compared at {at}: too little to resample."
        if not found.standard_error:
            return f"{names} cannot be told apart at {at}: their answers score the same."
        shown = "p < 0.001" if self.p_holm < 0.001 else f"p = {self.p_holm:.3f}"
        ends = f"{100 * found.level:g} % interval {found.low:+.2f} to {found.high:+.2f}"
        if self.is_found:
            word = "better" if found.value > 0 else "worse"
            size = f"{abs(found.value):.2f} points ({ends}, {shown} after Holm)"
            return f"{self.variant} is {word} than {self.baseline} by {size} at {at}."
        return (
            f"no detectable difference between {names} at {at} ({found.value:+.2f} points, {ends}, "
            f"{shown} after Holm); detectable would be >= {self.detectable:.1f} points."
        )


def compare(
    parts: Mapping[str, Mapping[int, np.ndarray]],
    baseline: str,
    score: ScoreFunction,
    clusters: Sequence[str] | None = None,
    *,
    resamples: int = 2000,
    seed: int = 0,
) -> list[Comparison]:
    """Compare every variant with the baseline.

    Args:
        parts: for each variant and training seed the sums of every item, ``(N, K)``, NaN for an
            item that is not in that seed's test set. Seeds that a variant or the baseline lacks
            are left out of their comparison.
        baseline: its name in ``parts``.
        score: function of summed parts ``(..., K)``; more is better.
        clusters: names ``(N,)``; None: items are independent.
        resamples: of the bootstrap and of the randomisation.
        seed: of the resamples.

    Returns:
        One comparison a variant that shares a seed with the baseline, in their order.
    """
    found = []
    for name, cells in parts.items():
        shared = [number for number in parts[baseline] if number in cells]
        if name != baseline and shared:
            first = [cells[number] for number in shared]
            second = [parts[baseline][number] for number in shared]
            difference, p_value = paired(first, second, score, clusters, resamples, seed)
            found.append(
                Comparison(name, baseline, difference, p_value, p_value, detectable(difference))
            )
    return corrected(found)


def paired(
    first: Sequence[np.ndarray],
    second: Sequence[np.ndarray],
    score: ScoreFunction,
    clusters: Sequence[str] | None,
    resamples: int,
    seed: int,
) -> tuple[Difference, float]:
    """Difference and p-value of two systems with the same seeds; arrays are ``(N, K)`` each."""
    import numpy as np

    from nlpcl.metrics.intervals import approximate_randomisation, paired_bootstrap
    from nlpcl.metrics.resampling import summed_units

    both = np.stack([np.stack(first), np.stack(second)])
    held = ~np.isnan(both).all(axis=(0, 1, 3))  # the others belong to seeds not shared
    both = np.nan_to_num(both[:, :, held]).transpose(2, 0, 1, 3)
    names = None if clusters is None else [clusters[at] for at in np.flatnonzero(held).tolist()]
    if names is not None and len(set(names)) in (1, len(names)):
        names = None
    units = summed_units(both, names)
    difference = paired_bootstrap(units, score, resamples=resamples, seed=seed)
    p_value = approximate_randomisation(units, score, resamples=resamples, seed=seed)
    if math.isnan(difference.p_value):
        return difference, math.nan
    return difference, max(p_value, difference.p_value) if len(first) > 1 else p_value


def compare_reported(
    values: Mapping[str, Mapping[int, float]], baseline: str, level: float = 0.95
) -> list[Comparison]:
    """Compare metrics known only per run: Student's paired t over training seeds."""
    from scipy.stats import t

    from nlpcl.metrics.intervals import t_interval

    found = []
    for name, cells in values.items():
        shared = [number for number in values[baseline] if number in cells]
        if name == baseline or not shared:
            continue
        gaps = [cells[number] - values[baseline][number] for number in shared]
        interval = t_interval(gaps, level)
        error = interval.standard_error
        p_value = math.nan
        if len(gaps) > 1:
            ratio = abs(interval.value) / error if error else math.inf * bool(interval.value)
            p_value = 1.0 if math.isnan(ratio) else 2 * float(t.sf(ratio, len(gaps) - 1))
        difference = Difference(**vars(interval), p_value=p_value, seeds=len(gaps))
        found.append(
            Comparison(name, baseline, difference, p_value, p_value, detectable(difference))
        )
    return corrected(found)


def corrected(found: Sequence[Comparison]) -> list[Comparison]:
    """Apply Holm's correction to the comparisons that could be made."""
    from nlpcl.metrics.significance import holm

    tested = [one.p_value for one in found if not math.isnan(one.p_value)]
    adjusted = iter(holm(tested))
    return [
        one if math.isnan(one.p_value) else replace(one, p_holm=next(adjusted)) for one in found
    ]


def detectable(difference: Difference) -> float:
    """Smallest true difference detected with a power of 80 %, before Holm's correction.

    Half the interval and as many standard errors as the power asks for: 2.8 standard errors where
    the interval is 1.96 of them wide on each side; more with few seeds.
    """
    from scipy.stats import norm

    half = (difference.high - difference.low) / 2
    return half + float(norm.ppf(POWER)) * difference.standard_error


def spread(values: Sequence[float]) -> tuple[float, float | None]:
    """Mean and standard deviation (ddof 1) over seeds; None for a single seed."""
    import numpy as np

    found: Any = np.asarray(values, dtype=np.float64)
    return float(found.mean()), float(found.std(ddof=1)) if len(found) > 1 else None
