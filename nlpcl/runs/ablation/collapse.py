"""Trainings of an ablation whose answers have collapsed, and variants that answer all alike.

Their differences are those of other things than the variants' names say.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from nlpcl.core.tables import Table
from nlpcl.metrics.collapse import answer
from nlpcl.runs.ablation.outcomes import Result
from nlpcl.tasks.spec import TaskSpec


def collapse_of(spec: TaskSpec, one: Result) -> str:
    """Return how a training's answers have collapsed on a test set; empty where they have not."""
    return next(filter(None, (spec.collapse(rows) for rows in one.rows.values())), "")


def collapsed(spec: TaskSpec, results: Sequence[Result]) -> dict[str, str]:
    """Map each variant with collapsed trainings to a sentence about them."""
    found: dict[str, list[Result]] = {}
    for one in results:
        if collapse_of(spec, one):
            found.setdefault(one.cell.variant, []).append(one)
    sentences = {}
    for variant, own in found.items():
        numbers = ", ".join(str(one.cell.seed) for one in own)
        seeds = f"seed{'s' if len(own) > 1 else ''} {numbers}"
        sentences[variant] = f"COLLAPSED: {variant} ({seeds}) {collapse_of(spec, own[0])}."
    return sentences


def alike(results: Sequence[Result]) -> list[list[str]]:
    """Group the variants that give equal answers to all test items at every seed."""
    found: dict[Hashable, list[str]] = {}
    variants = dict.fromkeys(one.cell.variant for one in results)
    for variant in variants:
        own = [one for one in results if one.cell.variant == variant and one.rows]
        answers = tuple((one.cell.seed, answers_of(one.rows)) for one in own)
        if answers:
            found.setdefault(answers, []).append(variant)
    return [names for names in found.values() if len(names) > 1]


def answers_of(rows: Mapping[str, Sequence[Mapping[str, Any]]]) -> Hashable:
    """Return all answers, by test set."""
    return tuple((test, tuple(answer(row) for row in own)) for test, own in rows.items())


def say_collapse(
    table: Table, spec: TaskSpec, results: Sequence[Result], *, in_rows: bool = False
) -> Table:
    """Add to a table what is to be said of collapsed trainings and variants that are all alike.

    Args:
        table: its first column names the variants.
        spec: of the task.
        results: of the ablation's cells.
        in_rows: say it in the last cell of the variant's row rather than in the note.
    """
    said = {variant: [sentence] for variant, sentence in collapsed(spec, results).items()}
    for names in alike(results):
        sentence = f"SAME ANSWERS: {' and '.join(names)} answer every item alike at every seed."
        for name in names if in_rows else names[:1]:
            said.setdefault(name, []).append(sentence)
    if in_rows:
        rows = [
            [*row[:-1], " ".join([str(row[-1]), *said.get(str(row[0]), [])])] for row in table.rows
        ]
        return replace(table, rows=rows)
    remarks = [sentence for own in said.values() for sentence in own]
    return replace(table, note=" ".join(filter(None, [*remarks, table.note])))
