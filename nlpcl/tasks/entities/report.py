"""Reports on entities: scores, what tokens cannot express, calibration, lists of errors."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from nlpcl.core.tables import Cell, Report, Table
from nlpcl.metrics.calibration import confidence_bins
from nlpcl.metrics.clusters import clusters_of
from nlpcl.metrics.entities import entity_scores
from nlpcl.metrics.entity_errors import case_lists, case_tables
from nlpcl.metrics.spans import Span, paired, row_spans
from nlpcl.tasks.entities.calibration import Decision

LISTED = 20


def entity_report(
    rows: Sequence[Mapping[str, Any]],
    title: str,
    known: Collection[str] | None,
    unexpressed: Sequence[tuple[str, Span]],
    decision: Decision,
) -> Report:
    """The report of a test set.

    Args:
        rows: predictions with ``gold``.
        title: heads the first table.
        known: surface forms of the training rows, if they are at hand.
        unexpressed: gold spans that no prediction can equal, with their texts.
        decision: of the model.
    """
    texts = [row["text"] for row in rows]
    gold = [row_spans(row["gold"]) for row in rows]
    found = [row_spans(row["entities"]) for row in rows]
    clusters = clusters_of(rows)
    names = None if clusters is None else clusters.names
    scores = entity_scores(gold, found, texts=texts, known=known, clusters=names)
    metrics = scores.as_metrics() | {
        "n_unexpressed": float(len(unexpressed)),
        "n_windows": float(sum(row["windows"] for row in rows)),
        "n_long": float(sum(row["windows"] > 1 for row in rows)),
    }
    tables = [
        *scores.tables(title),
        texts_table(metrics, {name for spans in gold for *_, name in spans}, decision),
    ]
    confidence = [one["probability"] for row in rows for one in row["entities"]]
    if confidence:
        right = [
            (one["start"], one["end"], one["type"]) in spans
            for row, spans in zip(rows, gold, strict=True)
            for one in row["entities"]
        ]
        bins = confidence_bins(np.array(confidence), np.array(right), bins=5)
        metrics["ece"] = bins.error
        tables.append(bins_table(bins))
    if unexpressed:
        tables.append(unexpressed_table(unexpressed))
    if decision.thresholds:
        listed: list[list[Cell]] = [[name, value] for name, value in decision.thresholds.items()]
        heading = "Scores above which spans are entities, chosen on dev"
        tables.append(Table("thresholds", ["type", "threshold"], listed, title=heading))
    tables += case_tables(case_lists(texts, paired(gold, found)))
    return Report(metrics, tables)


def texts_table(metrics: Mapping[str, float], types: Collection[str], decision: Decision) -> Table:
    """What was read in windows, and what could not be found at all."""
    rows: list[list[Cell]] = [
        ["texts", int(metrics["n"])],
        ["texts read in several windows", int(metrics["n_long"])],
        ["gold entities that no tokens express, missed", int(metrics["n_unexpressed"])],
    ]
    unknown = sorted(set(types) - set(decision.types))
    note = ""
    if unknown:
        listed = ", ".join(unknown[:LISTED])
        rows.append([f"gold types that the model does not know, missed: {listed}", len(unknown)])
        known = ", ".join(decision.types[:LISTED])
        note = (
            f"It knows {known}. nlpcl eval --map-types OLD=NEW renames gold types, OLD= drops them."
        )
    return Table("texts", ["", "number"], rows, title="Texts", note=note)


def bins_table(bins: Any) -> Table:
    """Whether probabilities hold."""
    rows: list[list[Cell]] = [
        [float(mean), float(accuracy), int(n)]
        for n, mean, accuracy in zip(bins.n, bins.confidence, bins.accuracy, strict=True)
        if n
    ]
    return Table(
        "calibration",
        ["mean probability", "right", "entities"],
        rows,
        title=f"Probabilities of the predicted entities (ECE {bins.error:.1f})",
        note="Percent; the probabilities were fitted on dev.",
    )


def unexpressed_table(unexpressed: Sequence[tuple[str, Span]]) -> Table:
    """The first gold spans that no tokens express."""
    rows: list[list[Cell]] = [
        [name, start, end, text[start:end], text[max(0, start - 10) : end + 10]]
        for text, (start, end, name) in unexpressed[:LISTED]
    ]
    title = (
        f"Gold entities that begin or end within a token or lie in no window ({len(unexpressed)}"
    )
    title += f", the first {LISTED} shown)" if len(unexpressed) > LISTED else ")"
    return Table("unexpressed", ["type", "start", "end", "entity", "in"], rows, title=title)
