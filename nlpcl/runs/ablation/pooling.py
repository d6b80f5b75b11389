"""The answers of a study as trainings of numbered systems, and what of them is pooled."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from nlpcl.metrics.confusion import ScoreFunction
from nlpcl.metrics.power import Pilot
from nlpcl.metrics.resampling import cluster_indices
from nlpcl.metrics.variance import (
    Estimate,
    Pool,
    Trainings,
    estimate,
    jackknife,
    more_variable,
    pool,
)

Parts = Mapping[str, Mapping[int, np.ndarray]]


@dataclass(frozen=True)
class Answers:
    """The finished trainings of a study on one test set.

    Args:
        names: of the systems, the baseline first.
        trainings: their scores.
        items: whether a training was tested on an item (N, M); no rows where only scores are known.
        clusters: the same of clusters (C, M); that of the items where these are independent.
        same_as: for each system the first one that has the same answers at the same seeds.
    """

    names: Sequence[str]
    trainings: Trainings
    items: np.ndarray
    clusters: np.ndarray
    same_as: Sequence[int]

    @cached_property
    def variable(self) -> list[int]:
        """Systems whose scores vary clearly more over seeds than the others'."""
        return more_variable(self.trainings, sorted(set(self.same_as)))

    @cached_property
    def common(self) -> Pool:
        """The variance over seeds of all others together."""
        distinct = sorted(set(self.same_as))
        return pool(self.trainings, [one for one in distinct if one not in self.variable])

    def is_pooled(self, system: int) -> bool:
        """Whether the common variance holds for the difference of a system to the baseline."""
        return not {self.same_as[system], 0} & set(self.variable)

    @cached_property
    def weights(self) -> np.ndarray:
        """The contrasts of all systems with the baseline (k + 1, M)."""
        return np.stack([self.trainings.contrast(one, 0) for one in range(len(self.names))])

    def seeds_of(self, system: int) -> int:
        """Seeds that a system shares with the baseline."""
        return int((self.weights[system] > 0).sum())

    def pool_of(self, system: int) -> Pool:
        """The variance over seeds for the difference of a system to the baseline."""
        return self.common if self.is_pooled(system) else pool(self.trainings, [0, system])

    def difference(self, system: int) -> Estimate:
        """A system less the baseline; an error of NaN where nothing tells of it."""
        seeds = self.pool_of(system)
        found = estimate(self.trainings, self.weights[system], seeds)
        few = len(self.items) and self.sizes(system)[1] < 2
        unknown = not len(self.items) and not seeds.freedom
        return Estimate(found.value, math.nan, math.nan) if few or unknown else found

    def sizes(self, system: int) -> tuple[int, int]:
        """Test items and clusters on which a system meets the baseline; seeds without items."""
        used = self.weights[system] != 0
        if not len(self.items):
            return self.seeds_of(system), self.seeds_of(system)
        return int(self.items[:, used].any(1).sum()), int(self.clusters[:, used].any(1).sum())

    def variances(self) -> np.ndarray:
        """Variance over seeds of one training's score, items aside, by system."""
        found = np.full(len(self.names), self.common.training)
        apart = [number for number in range(1, len(found)) if not self.is_pooled(number)]
        # Half of what a pair of trainings varies is the system's, or the baseline's own.
        pairs = {number: 2 * self.pool_of(number).training for number in apart}
        if 0 in self.variable:
            found[0] = max(0.0, float(np.mean(list(pairs.values()))) - self.common.training)
        for number in set(self.variable) - {0}:
            found[number] = max(0.0, pairs[number] - found[0])
        return found

    def correlation(self, systems: Sequence[int]) -> np.ndarray:
        """Of the differences of some systems to the baseline (k, k)."""
        weights = self.weights[list(systems)]
        own = np.diag(self.variances()[self.trainings.systems])
        covariance = weights @ (own + self.trainings.items) @ weights.T
        scale = np.sqrt(covariance.diagonal())
        scale[scale == 0] = 1
        found = covariance / np.outer(scale, scale)
        np.fill_diagonal(found, 1)
        return found

    def pilot(self, systems: Sequence[int]) -> Pilot:
        """What is known for planning a study of these systems and the baseline."""
        within = np.zeros((len(systems), len(systems)))
        between = within.copy()
        each = [self.by_seed(number) for number in systems]
        for row, (first, weights) in enumerate(each):
            for column, (second, others) in enumerate(each):
                covariance = weights @ self.trainings.items @ others.T
                same = first[:, None] == second
                within[row, column] = covariance[same].mean() if same.any() else 0
                between[row, column] = covariance[~same].mean() if not same.all() else 0
        freedom = [
            len(self.common.systems) - 1.0 if self.is_pooled(number) else 1.0 for number in systems
        ]
        return Pilot(
            self.variances()[[0, *systems]],
            within,
            between,
            np.array(freedom),
            max(map(self.seeds_of, systems)),
            round(float(self.items.sum(0).mean())) if len(self.items) else 0,
            round(float(self.clusters.sum(0).mean())) if len(self.items) else 0,
        )

    def by_seed(self, system: int) -> tuple[np.ndarray, np.ndarray]:
        """Seeds (S,), and the contrasts (S, M) of a system with the baseline at each of them."""
        weights = np.sign(self.weights[system])
        seeds = np.unique(self.trainings.seeds[weights > 0])
        return seeds, weights * (self.trainings.seeds == seeds[:, None])


def answers(
    parts: Parts, baseline: str, score: ScoreFunction, clusters: Sequence[str] | None
) -> Answers:
    """Gather trainings from the sums of every item; arguments as of ``compare``."""
    names = in_order(parts, baseline)
    cells = [
        (place, seed, parts[name][seed]) for place, name in enumerate(names) for seed in parts[name]
    ]
    sums = np.stack([values for _, _, values in cells], axis=1)
    tested = ~np.isnan(sums[..., 0])
    held = tested.any(1)
    sums, tested = np.nan_to_num(sums[held]), tested[held]
    named = None if clusters is None else [clusters[at] for at in np.flatnonzero(held).tolist()]
    grouped = tested
    if named is not None and 1 < len(set(named)) < len(named):
        unit, _ = cluster_indices(named)
        order = np.argsort(unit, kind="stable")
        starts = np.searchsorted(unit[order], np.arange(unit.max() + 1))
        sums = np.add.reduceat(sums[order], starts)
        grouped = np.logical_or.reduceat(tested[order], starts)
    values, covariance = jackknife(sums, grouped, score)
    sets = len({column.tobytes() for column in grouped.T})
    numbers = np.array([[place, seed] for place, seed, _ in cells]).T
    freedom = max(1.0, len(grouped) - sets)
    trainings = Trainings(values, numbers[0], numbers[1], covariance, freedom)
    return Answers(names, trainings, tested, grouped, first_alike(parts, names))


def reported(values: Mapping[str, Mapping[int, float]], baseline: str) -> Answers:
    """Gather trainings of which only a number each is known."""
    parts = {
        name: {seed: np.array([value]) for seed, value in cells.items()}
        for name, cells in values.items()
    }
    names = in_order(parts, baseline)
    cells = [(place, seed) for place, name in enumerate(names) for seed in parts[name]]
    numbers = np.array(cells).T
    scores = np.array([values[names[place]][seed] for place, seed in cells])
    nothing = np.zeros((len(cells), len(cells)))
    trainings = Trainings(scores, numbers[0], numbers[1], nothing, math.inf)
    none = np.zeros((0, len(cells)), dtype=bool)
    return Answers(names, trainings, none, none, first_alike(parts, names))


def in_order(parts: Mapping[str, Mapping[int, Any]], baseline: str) -> list[str]:
    """List the baseline, then the variants that share a seed with it."""
    shared = [
        name for name in parts if name != baseline and set(parts[name]) & set(parts[baseline])
    ]
    return [baseline, *shared]


def first_alike(parts: Parts, names: Sequence[str]) -> list[int]:
    """Find for each system the first one with equal sums at the same seeds."""

    def alike(one: str, other: str) -> bool:
        first, second = parts[one], parts[other]
        return set(first) == set(second) and all(
            np.array_equal(first[seed], second[seed], equal_nan=True) for seed in first
        )

    return [
        next(number for number, other in enumerate(names) if alike(name, other)) for name in names
    ]
