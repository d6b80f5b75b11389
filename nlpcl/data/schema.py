"""The fields of a task's rows, and how files, folders and corpora become such rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nlpcl.core.splits import Dataset, Example, Problem, Splits
from nlpcl.data.tables import Fields


def as_they_are(splits: Splits, corpus: Dataset | None, options: Mapping[str, Any]) -> Splits:
    """Return the rows unchanged."""
    return splits


@dataclass(frozen=True, kw_only=True)
class Schema:
    """Describes the rows of a task.

    Args:
        task: the task that corpora declare to have such rows.
        fields: of a row, read from the columns of table files.
        optional: further fields, read where a file has their columns.
        count: what ``nlpcl data check`` counts.
        adopts: another task → function that makes rows of its corpora into ours.
        read: own reader of a user's file or folder; by default tables with the columns of
            ``fields``, and datasets of the hub.
        expects: what the user may give, for a message.
        finish: what is done to rows after reading: splits, the corpus (None for the user's own
            files) and the options of the configuration → splits.
        holds_test_out: whether a corpus without a test set has one held out of ``train``; the
            user's own files always do.
        find: rows as read → what is wrong with them, by kind; by default what can be seen in texts.
    """

    task: str
    fields: Fields
    optional: Fields = field(default_factory=dict)
    count: Callable[[Splits], dict[str, Any]] = Splits.sizes
    adopts: Mapping[str, Callable[[Splits], Splits]] = field(default_factory=dict)
    read: Callable[[Path, Mapping[str, str] | None], Splits] | None = None
    expects: str = "a file, a folder with train, dev and test files, or hf:OWNER/NAME"
    finish: Callable[[Splits, Dataset | None, Mapping[str, Any]], Splits] = as_they_are
    holds_test_out: bool = False
    find: Callable[[Splits], dict[str, list[Problem]]] | None = None


def each_row(splits: Splits, made: Callable[[Example], Example]) -> Splits:
    """Apply a function to every row of the splits, in place."""
    splits.train = [made(row) for row in splits.train]
    splits.dev = [made(row) for row in splits.dev]
    splits.test = {name: [made(row) for row in rows] for name, rows in splits.test.items()}
    return splits
