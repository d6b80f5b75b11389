"""Scores by group of items: speaker, gender, session, corpus, target of a text.

An item may belong to one group (a name) or to several (a sequence of names); items without a name
are listed as ``(none)`` and stay out of comparisons. Macro-F1 within a group is over the classes
that are gold or predicted there, so that a group which lacks a class is not punished for it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nlpcl.core.errors import unknown_name
from nlpcl.core.tables import Cell, Table
from nlpcl.metrics.arrays import Integers
from nlpcl.metrics.confusion import SCORES, cell, checked_indices, confusion_counts, ratio, recall
from nlpcl.metrics.gender_groups import gender_tables

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from nlpcl.metrics.intervals import Interval

NO_GROUP = "(none)"
MEASURES = {"wa": "accuracy", "ua": "UA", "macro_f1_present": "macro-F1"}
FEWEST_CLUSTERS = 5
"""Groups with fewer clusters are resampled by item."""

GroupNames = Sequence[str] | Sequence[Sequence[str]]


@dataclass(frozen=True)
class Group:
    """One group and its scores.

    Args:
        name: of the group.
        counts: confusion counts (C, C).
        intervals: by measure, see ``MEASURES``; percent.
    """

    name: str
    counts: Integers
    intervals: Mapping[str, Interval]

    @property
    def n(self) -> int:
        """Number of items in the group."""
        return int(self.counts.sum())


def members(values: GroupNames) -> dict[str, Integers]:
    """Item indices of every group, names sorted; items without a name under ``(none)``."""
    import numpy as np

    found: dict[str, list[int]] = {}
    for index, value in enumerate(values):
        names = [value] if isinstance(value, str) else list(value)
        for name in dict.fromkeys(name or NO_GROUP for name in names or [""]):
            found.setdefault(name, []).append(index)
    order = sorted(found, key=lambda name: (name == NO_GROUP, name))
    return {name: np.array(found[name]) for name in order}


def score_groups(
    gold: ArrayLike,
    predicted: ArrayLike,
    classes: int,
    values: GroupNames,
    *,
    clusters: Sequence[str] | None = None,
    resamples: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> list[Group]:
    """Scores of every group with intervals.

    Args:
        gold: class indices (N,).
        predicted: class indices (N,).
        classes: C.
        values: the group or groups of every item.
        clusters: e.g. the speaker of every item. A group with at least five of them has all its
            intervals from resampled clusters; others have Wilson's interval of accuracy and
            resampled items for the rest, which speak of these very speakers only.
        resamples: of the bootstrap.
        seed: of the bootstrap.
        level: nominal coverage of intervals.

    Raises:
        ValueError: lengths differ, or indices out of range.
    """
    from nlpcl.metrics.intervals import Interval, score_intervals
    from nlpcl.metrics.rates import wilson_interval
    from nlpcl.metrics.resampling import classification_units

    truth = checked_indices(gold, classes, "gold")
    answers = checked_indices(predicted, classes, "predicted")
    if not len(truth) == len(answers) == len(values):
        raise ValueError(f"{len(truth)} gold, {len(answers)} predicted, {len(values)} group names")
    scores = {name: SCORES[name] for name in MEASURES}
    result: list[Group] = []
    for name, items in members(values).items():
        inside = [] if clusters is None else [str(clusters[item]) for item in items.tolist()]
        clustered = len(set(inside)) >= FEWEST_CLUSTERS
        units = classification_units(
            truth[items], answers[items], classes, inside if clustered else None
        )
        intervals = score_intervals(units, scores, resamples=resamples, seed=seed, level=level)
        if not clustered:
            right = int((truth[items] == answers[items]).sum())
            low, high = wilson_interval(right, len(items), level)
            value, n = intervals["wa"].value, len(items)
            intervals["wa"] = Interval(value, low, high, level, math.nan, n, n, "Wilson")
        counts = confusion_counts(truth[items], answers[items], classes)
        result.append(Group(name, counts, intervals))
    return result


def group_tables(
    gold: ArrayLike,
    predicted: ArrayLike,
    labels: Sequence[str],
    groups: Mapping[str, GroupNames],
    by: Sequence[str],
    *,
    clusters: Sequence[str] | None = None,
    resamples: int = 1000,
    seed: int = 0,
    level: float = 0.95,
    fewest: int = 1,
) -> list[Table]:
    """Tables ``by_NAME`` and ``classes_by_NAME`` for each name, then ``group_gaps``.

    With "gender" in ``by`` and "speaker" in ``groups``, also ``gender_speakers`` and
    ``gender_recall``.

    Args:
        gold: class indices (N,).
        predicted: class indices (N,).
        labels: class names.
        groups: for each name, the group or groups of every item.
        by: names to show.
        clusters: see ``score_groups``; by default ``groups["speaker"]`` where there is one.
        resamples: of the bootstrap.
        seed: of the bootstrap.
        level: nominal coverage of intervals.
        fewest: groups with fewer items are shown and left out of gaps.

    Raises:
        UserError: a name in ``by`` that is not in ``groups``.
        ValueError: lengths differ, or indices out of range.
    """
    for name in by:
        if name not in groups:
            raise unknown_name("group", name, groups)
    if clusters is None and "speaker" in groups:
        clusters = [str(name) for name in groups["speaker"]]
    tables: list[Table] = []
    gaps: list[list[Cell]] = []
    for name in by:
        found = score_groups(
            gold,
            predicted,
            len(labels),
            groups[name],
            clusters=None if name == "speaker" else clusters,
            resamples=resamples,
            seed=seed,
            level=level,
        )
        tables += [score_table(name, found, level), class_count_table(name, found, labels)]
        compared = [group for group in found if group.name != NO_GROUP and group.n >= fewest]
        gaps += gap_rows(name, compared, labels)
        if name == "gender" and "speaker" in groups:
            speakers, items = groups["speaker"], members(groups[name])
            genders = {group.name: group.counts for group in compared}
            tables += gender_tables(
                gold, predicted, labels, speakers, items, genders, MEASURES, level
            )
    columns = ["by", "measure", "groups", "mean", "std", "worst", "best", "gap"]
    note = "Percent. std: over groups, ddof 1. Last two rows of a name: the class with the largest"
    note += " gap in recall (equal opportunity) and in selection rate (demographic parity)."
    if fewest > 1:
        note += f" Groups of fewer than {fewest} items are left out."
    return [
        *tables,
        Table("group_gaps", columns, gaps, title="Gaps between groups", note=note, digits=1),
    ]


def score_table(name: str, groups: Sequence[Group], level: float) -> Table:
    """One row a group: n, accuracy, UA and macro-F1 with intervals, and what was resampled."""
    columns = [name, "n"]
    for measure in MEASURES.values():
        columns += [measure, "low", "high"]
    rows: list[list[Cell]] = []
    for group in groups:
        row: list[Cell] = [group.name, group.n]
        for measure in MEASURES:
            part = group.intervals[measure]
            row += [part.value, cell(part.low), cell(part.high)]
        rows.append([*row, resampled(group)])
    columns = [*columns, "resampled"]
    note = f"Percent, {100 * level:g} % intervals; UA and macro-F1: over the classes of the group."
    kinds = {row[-1] for row in rows}
    if kinds == {"items"}:
        note += " Wilson's interval for accuracy, resampled items else."
        columns, rows = columns[:-1], [row[:-1] for row in rows]
    else:
        note += " items: Wilson for accuracy, resampled items else; clusters: resampled clusters."
    return Table(f"by_{name}", columns, rows, title=f"By {name}", note=note, digits=1)


def resampled(group: Group) -> str:
    """What a group's intervals resample: ``items``, or how many clusters."""
    if group.intervals["wa"].method == "Wilson":
        return "items"
    return f"{group.intervals['ua'].clusters} clusters"


def class_count_table(name: str, groups: Sequence[Group], labels: Sequence[str]) -> Table:
    """Gold items of each class in each group."""
    rows: list[list[Cell]] = [
        [group.name, *group.counts.sum(1).tolist(), group.n] for group in groups
    ]
    title = f"Gold items of each class by {name}"
    return Table(f"classes_by_{name}", [name, *labels, "all"], rows, title=title)


def gap_row(by: str, measure: str, names: Sequence[str], values: Sequence[float]) -> list[Cell]:
    """Mean, standard deviation (ddof 1), extremes and gap over groups; NaN values are left out."""
    import numpy as np

    pairs = [(value, name) for value, name in zip(values, names, strict=True) if value == value]
    if not pairs:
        return [by, measure, 0, *[None] * 5]
    found = np.array([value for value, _ in pairs])
    (low, worst), (high, best) = pairs[int(found.argmin())], pairs[int(found.argmax())]
    spread = float(found.std(ddof=1)) if len(found) > 1 else None
    gap = high - low if len(found) > 1 else None
    ends = (f"{worst}: {low:.1f}", f"{best}: {high:.1f}")
    return [by, measure, len(found), float(found.mean()), spread, *ends, gap]


def gap_rows(by: str, groups: Sequence[Group], labels: Sequence[str]) -> list[list[Cell]]:
    """Gaps in accuracy, UA and macro-F1, and of the worst class in recall and selection rate."""
    import numpy as np

    names = [group.name for group in groups]
    rows = [
        gap_row(by, text, names, [group.intervals[measure].value for group in groups])
        for measure, text in MEASURES.items()
    ]
    if len(groups) < 2:
        return rows
    counts = np.stack([group.counts for group in groups])
    recalls = np.where(counts.sum(-1) > 0, recall(counts), np.nan)
    selected = 100 * ratio(counts.sum(1), counts.sum((1, 2))[:, None])
    for text, values in (("recall of", recalls), ("selection rate of", selected)):
        candidates = [
            gap_row(by, f"{text} {label}", names, values[:, index].tolist())
            for index, label in enumerate(labels)
        ]
        comparable = [row for row in candidates if row[-1] is not None]
        rows += [max(comparable, key=lambda row: float(row[-1] or 0))] if comparable else []
    return rows
