"""Report of speech emotion: scores by class, speaker, gender, session and fold; leakage.

They are made from prediction rows alone, so ``eval`` makes them again without the model.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nlpcl.core.tables import Cell, Report, Table
from nlpcl.metrics.calibration import calibration
from nlpcl.metrics.classification import classification_scores
from nlpcl.metrics.clusters import clusters_of
from nlpcl.metrics.confusion import SCORES, label_indices
from nlpcl.metrics.groups import group_tables
from nlpcl.metrics.intervals import score_intervals, t_interval
from nlpcl.metrics.measures import CLASS_HEADLINE
from nlpcl.metrics.resampling import classification_units

GROUPS = ("speaker", "gender", "session")
"""Groups of clips that are shown where a corpus names more than one."""

Rows = Sequence[Mapping[str, Any]]


def emotion_report(
    rows: Rows, labels: Sequence[str], title: str = "", by: Sequence[str] | None = None
) -> Report:
    """Build the report: scores with speaker-clustered intervals, groups, calibration.

    Args:
        rows: of ``predictions.jsonl``: ``gold``, ``probabilities``, ``speaker`` and other groups.
        labels: the model's classes, in order.
        title: heads the first table; names the protocol.
        by: groups to show; by default those of ``GROUPS`` that have at least two names.
    """
    gold = label_indices([row["gold"] for row in rows], labels)
    probabilities = np.array([[row["probabilities"][name] for name in labels] for row in rows])
    predicted = probabilities.argmax(-1)
    together = clusters_of(rows)
    scores = classification_scores(gold, probabilities, labels)
    units = classification_units(gold, predicted, len(labels), together and together.names)
    intervals = score_intervals(units, {name: SCORES[name] for name in CLASS_HEADLINE})
    measured = calibration(gold, probabilities)
    tables = [*scores.tables(title, intervals), *measured.tables()]
    groups = {name: [str(row.get(name, "")) for row in rows] for name in group_names(rows)}
    shown = [name for name in GROUPS if len(set(groups.get(name, ()))) > 1] if by is None else by
    if shown:
        tables += group_tables(gold, predicted, labels, groups, shown)
    metrics = scores.as_metrics() | measured.as_metrics()
    for name, found in intervals.items():
        metrics |= {f"{name}_low": found.low, f"{name}_high": found.high}
    return Report({name: one for name, one in metrics.items() if not math.isnan(one)}, tables)


def study_report(rows: Rows, labels: Sequence[str], leaks: Mapping[str, Any], title: str) -> Report:
    """Build the report of a study from the out-of-fold predictions of all folds."""
    made = emotion_report(rows, labels, title)
    made.tables[1:1] = [fold_table(rows, labels)]
    made.tables.append(leak_table(leaks))
    return made


def tables_by(rows: Rows, by: Sequence[str]) -> list[Table]:
    """Tables for some groups only, from predictions."""
    labels = list(rows[0]["probabilities"])
    gold = label_indices([row["gold"] for row in rows], labels)
    predicted = label_indices([row["label"] for row in rows], labels)
    groups = {name: [str(row.get(name, "")) for row in rows] for name in group_names(rows)}
    return group_tables(gold, predicted, labels, groups, by)


def group_names(rows: Rows) -> list[str]:
    """Fields that rows can be grouped by: their text fields except clip and answer."""
    own = {"id", "path", "gold", "label"}
    names = dict.fromkeys(
        key for row in rows for key, value in row.items() if isinstance(value, str)
    )
    return [name for name in names if name not in own]


def fold_table(rows: Rows, labels: Sequence[str]) -> Table:
    """Scores of each fold, then mean, standard deviation and t-interval over folds."""
    names = list(dict.fromkeys(row["fold"] for row in rows))
    cells: list[list[Cell]] = []
    values: list[list[float]] = []
    for name in names:
        chosen = [row for row in rows if row["fold"] == name]
        gold = label_indices([row["gold"] for row in chosen], labels)
        found = np.array([[row["probabilities"][label] for label in labels] for row in chosen])
        headline = classification_scores(gold, found, labels).headline()
        values.append([headline[score] for score in CLASS_HEADLINE])
        cells.append([name, len(chosen), *values[-1]])
    if len(names) > 1:
        spread = [t_interval(column) for column in zip(*values, strict=True)]
        cells.append(["mean", len(rows), *(interval.value for interval in spread)])
        deviations = [float(np.std(column, ddof=1)) for column in zip(*values, strict=True)]
        cells.append(["std (ddof 1)", None, *deviations])
        cells.append(["95 % low", None, *(interval.low for interval in spread)])
        cells.append(["95 % high", None, *(interval.high for interval in spread)])
    columns = ["fold", "n", "WA", "UA", "macro-F1", "weighted F1"]
    note = "The mean over folds; the headline pools their predictions. t-interval over folds."
    return Table("folds", columns, cells, title="Folds", note=note)


def leak_table(leaks: Mapping[str, Any]) -> Table:
    """Speakers in train, dev and test of each fold, and in more than one of them."""
    rows: list[list[Cell]] = []
    for fold in leaks["folds"]:
        rows.append([fold["name"], fold["train"], fold["dev"], fold["test"], fold["shared"]])
    columns = ["fold", "speakers in train", "in dev", "in test", "in more than one"]
    note = f"{leaks['statement']} Manifest {leaks['manifest']}."
    return Table("leaks", columns, rows, title="Speakers of the splits", note=note)
