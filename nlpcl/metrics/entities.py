"""Scores of entities over a corpus.

A span is ``(start, end, type)`` in characters, end exclusive; those of a text are a set, so repeats
count once. Flat, overlapping and nested spans are all allowed. Counts are summed over the whole
corpus; there is no mean over batches or texts. What is counted, and what happens where there is
nothing to divide by, is said in :mod:`nlpcl.metrics.entity_counts`.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from nlpcl.core.tables import Cell, Table
from nlpcl.metrics.confusion import ScoreFunction, cell
from nlpcl.metrics.counts import Score
from nlpcl.metrics.entity_counts import COUNTED, MEASURES, row_rate, rows_rate, text_counts
from nlpcl.metrics.entity_errors import error_counts, error_table
from nlpcl.metrics.entity_groups import (
    DepthScore,
    by_depth,
    by_length,
    by_seen,
    by_type,
    depth_table,
    group_table,
    ratio_cells,
)
from nlpcl.metrics.partial_matches import SCHEMES, PartialScore, partial_score, partial_table
from nlpcl.metrics.spans import Pairs, Span, paired

if TYPE_CHECKING:
    from nlpcl.metrics.intervals import Interval

MOST_TYPES = 30
"""With more types, only the tables name them."""
OF_TYPE = "type "
"""Stands before the names of types among those of measures."""


@dataclass(frozen=True)
class EntityScores:
    """Scores of one system on one test set; percentages unless said otherwise.

    Args:
        n: texts.
        overall: by name, see ``MEASURES``.
        intervals: of these, without those that are undefined on the data.
        exact: counts of exact hits.
        types: the same for each type that has gold or predicted spans.
        type_intervals: of F1 of each type.
        partial: by scheme, see :mod:`nlpcl.metrics.partial_matches`.
        lengths: exact hits by the length of the mention.
        depths: exact hits by depth of nesting.
        seen: exact hits by whether the surface form occurs in training; empty where that is not
            known.
        errors: how many there are of each kind, see :mod:`nlpcl.metrics.entity_errors`.
    """

    n: int
    overall: Mapping[str, float]
    intervals: Mapping[str, Interval]
    exact: Score
    types: Mapping[str, Score]
    type_intervals: Mapping[str, Interval]
    partial: Mapping[str, PartialScore]
    lengths: Mapping[str, Score]
    depths: Mapping[int, DepthScore]
    seen: Mapping[str, Score]
    errors: Mapping[str, int]

    def as_metrics(self) -> dict[str, float]:
        """Flat names: ``MEASURES`` with ``_low`` and ``_high``, ``f1_TYPE``, and counts.

        Types are named where there are 30 at most; one that is called like a measure, e.g.
        ``macro``, is in the tables alone. With surface forms of training also ``recall_seen``,
        ``f1_unseen`` and the like.
        """
        values = {}
        if len(self.types) <= MOST_TYPES:
            values = {f"f1_{name}": score.f1 for name, score in self.types.items()}
        for group, score in self.seen.items():
            values |= {f"recall_{group}": score.recall, f"f1_{group}": score.f1}
        values |= self.overall
        for name, found in self.intervals.items():
            if not math.isnan(found.low):
                values |= {f"{name}_low": found.low, f"{name}_high": found.high}
        counts = {"n": self.n, "n_gold": self.exact.gold, "n_predicted": self.exact.predicted}
        counts |= {f"n_{kind}": number for kind, number in self.errors.items()}
        return values | {name: float(number) for name, number in counts.items()}

    def tables(self, title: str = "") -> list[Table]:
        """All that is known; no table of depths where nothing is nested, none of what is not known.

        Args:
            title: heads the first table, e.g. the protocol.
        """
        found = [
            self.overall_table(f"{title} (n={self.n})" if title else f"n={self.n}"),
            self.type_table(),
            partial_table(self.partial),
            group_table("entity_lengths", "characters", self.lengths, "By length of the mention"),
        ]
        if max(self.depths, default=0):
            found.append(depth_table(self.depths))
        if self.seen:
            heading = "By whether the surface form is an entity in the training data"
            found.append(group_table("entity_seen", "in training", self.seen, heading))
        return [*found, error_table(self.exact, self.errors)]

    def overall_table(self, title: str) -> Table:
        """One row a measure, with its interval and its definition."""
        rows: list[list[Cell]] = [
            [name, value, *ends(self.intervals.get(name)), MEASURES[name].definition]
            for name, value in self.overall.items()
        ]
        hits = self.exact
        note = f"Percent. Entities: {hits.gold} gold, {hits.predicted} predicted, {hits.hits} both."
        columns = ["score", "value", "low", "high", "definition"]
        return Table("entities", columns, rows, title=title, note=f"{note}{method(self.intervals)}")

    def type_table(self) -> Table:
        """One row a type, those with most gold entities first."""
        order = sorted(self.types, key=lambda name: (-self.types[name].gold, name))
        rows = [
            [name, *ratio_cells(self.types[name]), *ends(self.type_intervals.get(name))]
            for name in order
        ]
        columns = ["type", "gold", "predicted", "precision", "recall", "F1", "low", "high"]
        note = "Percent." + method(self.type_intervals)
        return Table("entity_types", columns, rows, title="By type", note=note)


def ends(found: Interval | None) -> list[Cell]:
    """Low and high; None where there are none."""
    return [None, None] if found is None else [cell(found.low), cell(found.high)]


def method(intervals: Mapping[str, Interval]) -> str:
    """How intervals were made, for a note; empty without any."""
    first = next(iter(intervals.values()), None)
    return f" {100 * first.level:g} % intervals: {first.method}." if first else ""


def entity_scores(
    gold: Sequence[Collection[Span]],
    predicted: Sequence[Collection[Span]],
    *,
    texts: Sequence[str] = (),
    known: Collection[str] | None = None,
    clusters: Sequence[str] | None = None,
    resamples: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> EntityScores:
    """Score predictions in every way (see the module docstring).

    Args:
        gold: spans of each text.
        predicted: spans of each text.
        texts: as they are; needed with ``known`` alone.
        known: surface forms of the training data, see :func:`nlpcl.metrics.spans.surface_forms`.
        clusters: of the texts, which are resampled as a whole; None: texts are independent.
        resamples: of the bootstrap.
        seed: of the bootstrap.
        level: nominal coverage of intervals.

    Raises:
        ValueError: no texts, lengths that differ, or a span that is none.
    """
    pairs = paired(gold, predicted)
    types = by_type(pairs)
    overall, intervals = estimates(
        pairs, list(types), clusters, resamples=resamples, seed=seed, level=level
    )
    return EntityScores(
        n=len(pairs),
        overall=overall,
        intervals={name: intervals[name] for name in overall if name in intervals},
        exact=exact_score(pairs),
        types=types,
        type_intervals={name: intervals[OF_TYPE + name] for name in types},
        partial={scheme: partial_score(scheme, pairs) for scheme in SCHEMES},
        lengths=by_length(pairs),
        depths=by_depth(pairs),
        seen={} if known is None else by_seen(pairs, texts, known),
        errors=error_counts(pairs),
    )


def exact_score(pairs: Pairs) -> Score:
    """Exact hits over all types: enough to follow a training by.

    Args:
        pairs: gold and predicted spans of each text.
    """
    score = Score()
    for gold, predicted in pairs:
        score.add(len(gold & predicted), len(predicted), len(gold))
    return score


def estimates(
    pairs: Pairs,
    types: Sequence[str],
    clusters: Sequence[str] | None,
    *,
    resamples: int,
    seed: int,
    level: float,
) -> tuple[dict[str, float], dict[str, Interval]]:
    """Every measure, and the intervals of those that are defined on the data and of each type's F1.

    A resample in which a measure is undefined, e.g. F1 of a type that none of its texts has, says
    nothing of it and is left out. The names of types follow ``OF_TYPE``.
    """
    import numpy as np

    from nlpcl.metrics.intervals import defined_intervals

    parts = [text_counts(name, pairs)[:, None] for name in COUNTED]
    table = np.concatenate([*parts, text_counts("", pairs, types)], axis=1)
    first = len(COUNTED)
    scores: dict[str, ScoreFunction] = {}
    for name, one in MEASURES.items():
        if one.counts:
            scores[name] = partial(row_rate, one.kind, list(COUNTED).index(one.counts))
        else:
            scores[name] = partial(rows_rate, one.kind, first)
    scores |= {OF_TYPE + name: partial(row_rate, "f1", first + at) for at, name in enumerate(types)}
    values, found = defined_intervals(
        table.reshape(len(pairs), -1),
        scores,
        clusters,
        resamples=resamples,
        seed=seed,
        level=level,
    )
    return {name: values[name] if name in found else 0.0 for name in MEASURES}, found
