"""Whether a system's answers have collapsed: one class for everything, or nothing ever found.

Such a system has scores that look like any others, so reports and tables say it in words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nlpcl.metrics.spans import row_spans

Rows = Sequence[Mapping[str, Any]]


def one_class(rows: Rows, item: str) -> str:
    """Return ``answers 'x' to every one of the 80 texts``; empty where gold has but one class too.

    Args:
        rows: with ``gold`` and ``label``.
        item: what a row is called, in the plural.
    """
    labels = {row["label"] for row in rows}
    if len(labels) != 1 or len({row["gold"] for row in rows}) < 2:
        return ""
    return f"answers {labels.pop()!r} to every one of the {len(rows)} {item}"


def nothing_changed(rows: Rows, item: str) -> str:
    """Return ``changes none of the 60 sentences``; empty where there is nothing to change.

    Args:
        rows: with ``source``, ``gold`` and ``target``.
        item: what a row is called, in the plural.
    """
    wrong = any(row["gold"] != row["source"] for row in rows)
    if not wrong or any(row["target"] != row["source"] for row in rows):
        return ""
    return f"changes none of the {len(rows)} {item}"


def one_type(rows: Rows, item: str) -> str:
    """Return ``finds no entity in any of the 80 texts``, or that all it finds are of one type.

    Empty where gold has no entities; where it has but one type too, nothing is said of types.

    Args:
        rows: with ``gold`` and ``entities``.
        item: what a row is called, in the plural.
    """
    wanted = {span["type"] for row in rows for span in row["gold"]}
    found = {span["type"] for row in rows for span in row["entities"]}
    if wanted and not found:
        return f"finds no entity in any of the {len(rows)} {item}"
    if len(wanted) < 2 or len(found) > 1:
        return ""
    return f"finds no type of entity but {found.pop()!r} in the {len(rows)} {item}"


COLLAPSES: dict[str, Callable[[Rows, str], str]] = {
    "labels": one_class,
    "edits": nothing_changed,
    "entities": one_type,
}
"""By what prediction rows hold (``TaskSpec.answers``)."""


def answer(row: Mapping[str, Any]) -> Any:
    """Return the prediction in a row: the label, the set of entities, or the corrected text."""
    if "entities" in row:
        return row_spans(row["entities"])
    return row["label"] if "label" in row else row["target"]


def gold_answer(row: Mapping[str, Any]) -> Any:
    """Return what would be right in a row, as :func:`answer` gives it."""
    return row_spans(row["gold"]) if "entities" in row else row["gold"]
