"""Report of a text classifier: scores, calibration, threshold, bias and scores by group.

They are made from prediction rows and the labels alone, without the model.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nlpcl.core.tables import Cell, Report, Table
from nlpcl.metrics.bias import bias_metrics, bias_table
from nlpcl.metrics.calibration import calibration
from nlpcl.metrics.classification import classification_scores
from nlpcl.metrics.clusters import clusters_of
from nlpcl.metrics.confusion import SCORES, cell, label_indices
from nlpcl.metrics.groups import NO_GROUP, group_tables, members
from nlpcl.metrics.intervals import Interval, cluster_bootstrap, score_intervals
from nlpcl.metrics.measures import CLASS_HEADLINE
from nlpcl.metrics.ranking import (
    WeightedScore,
    mean_over_classes,
    threshold_table,
    weighted_auroc,
    weighted_average_precision,
    weighted_calibration_error,
)
from nlpcl.metrics.rates import wilson_interval
from nlpcl.metrics.resampling import classification_units
from nlpcl.tasks.classification.rows import (
    Decision,
    groups_of,
    neutral_label,
    positive_label,
)

GROUPS = ("language",)
"""Groups of texts that are shown where there is more than one."""
FEWEST = 10
"""Groups with fewer texts are shown, but are in no mean, gap or comparison."""
DRAWN = 5_000_000
"""Items drawn in all resamples of a ranking score; a thousand resamples at most."""

Rows = Sequence[Mapping[str, Any]]


def classification_report(
    rows: Rows, decision: Decision, title: str = "", counts: Mapping[str, int] | None = None
) -> Report:
    """Build the report: scores with intervals, calibration, and bias if there are targets.

    Intervals resample whole groups of sentences where rows name them. Of two classes AUROC and
    average precision speak of the one that is not neutral.

    Args:
        rows: of ``predictions.jsonl``: ``gold``, ``label``, ``probabilities``, ``targets``, ...
        decision: the model's classes, and the threshold that gave the labels.
        title: heads the first table; names the protocol.
        counts: ``truncated`` and ``empty``.
    """
    labels = ordered(decision.labels, [row["gold"] for row in rows])
    gold = label_indices([row["gold"] for row in rows], labels)
    predicted = label_indices([row["label"] for row in rows], labels)
    probabilities = np.array([[row["probabilities"][name] for name in labels] for row in rows])
    found_clusters = clusters_of(rows)
    clusters = found_clusters and found_clusters.names
    scores = classification_scores(gold, predicted, labels, probabilities=probabilities)
    measured = calibration(gold, probabilities, predicted=predicted)
    units = classification_units(gold, predicted, len(labels), clusters)
    intervals = score_intervals(units, {name: SCORES[name] for name in CLASS_HEADLINE})
    intervals |= ranking_intervals(gold, predicted, probabilities, clusters)
    tables = [*scores.tables(title, intervals), *measured.tables()]
    metrics = scores.as_metrics() | measured.as_metrics()
    error = intervals["ece"]
    row: list[Cell] = ["ece", error.value, cell(error.low), cell(error.high)]
    tables[0].rows = [*tables[0].rows, [*row, "expected calibration error, 15 bins"]]
    if len(labels) == 2:
        threshold = 0.5 if decision.threshold is None else decision.threshold
        positive = decision.positive or labels[1]
        at = labels.index(positive)
        tables.append(threshold_table(gold == at, probabilities[:, at], threshold, positive))
        metrics["threshold"] = threshold
        remark = f"auroc and average_precision are those of {labels[1]!r}."
        tables[0].note = f"{tables[0].note} {remark}"
    for name, found in intervals.items():
        metrics |= {f"{name}_low": found.low, f"{name}_high": found.high}
    groups = groups_of(rows)
    if "target" in groups:
        found_bias, bias = target_bias(rows, labels[0] if len(labels) == 2 else None)
        metrics |= found_bias
        tables += bias
    shown = [name for name in GROUPS if len(set(groups.get(name, ()))) > 1]
    if shown:
        tables += group_tables(
            gold, predicted, labels, groups, shown, clusters=clusters, fewest=FEWEST
        )
    if counts is not None:
        metrics |= {f"n_{name}": float(number) for name, number in counts.items()}
        tables.append(count_table(counts))
    metrics = {name: value for name, value in metrics.items() if not math.isnan(value)}
    return Report(metrics, tables)


def ordered(labels: Sequence[str], gold: Sequence[str]) -> list[str]:
    """Order the classes; of two, the neutral one first, since the second is ranked."""
    if len(labels) != 2:
        return list(labels)
    positive = positive_label(labels, label_indices(gold, labels))
    return sorted(labels, key=lambda name: name == positive)


def ranking_intervals(
    gold: np.ndarray,
    predicted: np.ndarray,
    probabilities: np.ndarray,
    clusters: Sequence[str] | None,
) -> dict[str, Interval]:
    """Intervals of ``auroc``, ``average_precision`` and ``ece``, if defined."""
    confidence = probabilities[np.arange(len(gold)), predicted].clip(0, 1)
    scores: dict[str, WeightedScore | None] = {
        "auroc": mean_over_classes(weighted_auroc, gold, probabilities),
        "average_precision": mean_over_classes(weighted_average_precision, gold, probabilities),
        "ece": weighted_calibration_error(confidence, predicted == gold),
    }
    unit = len(gold) if clusters is None else clusters
    resamples = min(1000, max(200, DRAWN // len(gold)))
    return {
        name: cluster_bootstrap(score, unit, resamples=resamples)
        for name, score in scores.items()
        if score is not None
    }


def target_bias(rows: Rows, neutral: str | None = None) -> tuple[dict[str, float], list[Table]]:
    """Generalised means, and tables of bias towards the target groups.

    Every class but the neutral one counts as positive; its score is 1 - p(neutral).

    Args:
        rows: prediction rows with ``targets``.
        neutral: the class of harmless texts; by default found by its name, see
            ``classification_rows.NEUTRAL``, else the commonest gold class.
    """
    name = neutral or neutral_label(list(rows[0]["probabilities"]), [row["gold"] for row in rows])
    gold = np.array([row["gold"] != name for row in rows], dtype=int)
    predicted = np.array([row["label"] != name for row in rows], dtype=int)
    scores = np.array([1 - row["probabilities"][name] for row in rows])
    targets = groups_of(rows)["target"]
    table = bias_table(gold, scores, predicted, targets, fewest=FEWEST)
    whole = len(rows)
    inside = {group: items for group, items in members(targets).items() if group != NO_GROUP}
    every = [*inside.values(), np.arange(whole)]
    lines: list[list[Cell]] = []
    for line, items in zip(table.rows, every, strict=True):
        negatives = items[gold[items] == 0]
        low, high = wilson_interval(int(predicted[negatives].sum()), len(negatives))
        lines.append([*line[:4], cell(low), cell(high), *line[4:]])
    lines[-1][0] = "all / means"
    columns = ["group", "n", "negatives", "FPR", "low", "high", "subgroup AUC", "BPSN", "BNSP"]
    note = f"{table.note} FPR: percentage of the {name!r} texts that get another label;"
    note += " Wilson's 95 % intervals. Last row: FPR of all texts, generalised means of the AUCs."
    title = "Bias by group: false-positive rate and AUCs"
    made = Table("bias", columns, lines, title=title, note=note, digits=1)
    return bias_metrics(gold, scores, targets, fewest=FEWEST), [made, worst_table(lines[:-1])]


def worst_table(lines: Sequence[Sequence[Cell]]) -> Table:
    """The group with the worst value of each measure of bias."""
    measures = {
        "false-positive rate": (3, 2, 1.0),
        "subgroup AUC": (6, 1, -1.0),
        "BPSN": (7, 1, -1.0),
        "BNSP": (8, 1, -1.0),
    }
    rows: list[list[Cell]] = []
    for name, (place, size, sign) in measures.items():
        compared = [
            (sign * float(line[place] or 0.0), line)
            for line in lines
            if line[place] is not None and int(line[size] or 0) >= FEWEST
        ]
        if compared:
            _, line = max(compared, key=lambda item: item[0])
            rows.append([name, line[0], line[place], line[size]])
    note = f"Of groups with at least {FEWEST} texts (negatives for the rate). Percent."
    columns = ["measure", "worst group", "value", "n"]
    return Table("worst_groups", columns, rows, title="Worst groups", note=note, digits=1)


def count_table(counts: Mapping[str, int]) -> Table:
    """Counts of texts that were truncated, empty or of other classes."""
    meanings = {
        "truncated": "longer than the limit: only their beginning was read",
        "empty": "without any token",
    }
    rows: list[list[Cell]] = [[meanings[name], number] for name, number in counts.items()]
    return Table("texts", ["texts", "n"], rows, title="Texts")


def tables_by(rows: Rows, by: Sequence[str]) -> list[Table]:
    """Tables for some groups only, from predictions.

    ``target`` (or ``targets``) is the identity groups a text speaks of: false-positive rate and
    the AUCs of Borkan et al. (2019), then the scores by group. Other names are columns of the rows,
    such as ``language`` or ``test``.
    """
    names = ["target" if name == "targets" else name for name in by]
    labels = ordered(list(rows[0]["probabilities"]), [row["gold"] for row in rows])
    gold = label_indices([row["gold"] for row in rows], labels)
    predicted = label_indices([row["label"] for row in rows], labels)
    groups = groups_of(rows)
    found = clusters_of(rows)
    clusters = found and found.names
    tables = group_tables(gold, predicted, labels, groups, names, clusters=clusters, fewest=FEWEST)
    if "target" in names:
        tables = [*target_bias(rows, labels[0] if len(labels) == 2 else None)[1], *tables]
    return tables
