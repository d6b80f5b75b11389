"""Common code of the sentence pair corpora (wrong, right): fields, parallel files, counts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nlpcl.core.errors import UserError
from nlpcl.core.splits import Example, Problem, Splits
from nlpcl.core.text_files import read_lines
from nlpcl.data.schema import Schema
from nlpcl.data.tables import read_rows

_SOURCE = "source src wrong original_text original error input sentence"
_TARGET = "target tgt correct correct_text corrected gold label output"
PAIR_FIELDS = {"source": tuple(_SOURCE.split()), "target": tuple(_TARGET.split())}
"""The fields of spelling correction and the column names recognised for them."""


def read_pairs(
    paths: Sequence[Path], problems: list[Problem], *, suffix: str | None = None
) -> list[Example]:
    """The rows of several table files, concatenated; skipped rows are added to ``problems``.

    ``suffix`` overrides the suffix of the files, which decides on their format, e.g. ``".tsv"``.
    """
    rows: list[Example] = []
    for path in paths:
        found, skipped = read_rows(path, PAIR_FIELDS, suffix=suffix, keep_longer=True)
        rows += found
        problems += skipped
    return rows


def read_parallel(wrong: Path, right: Path, problems: list[Problem]) -> list[Example]:
    """Sentence pairs of two parallel files.

    Raises:
        UserError: the files have different numbers of lines, so the pairing is lost.
    """
    sources, targets = read_lines(wrong), read_lines(right)
    if len(sources) != len(targets):
        raise UserError(
            f"{len(sources)} lines against {len(targets)} in {right.name}",
            wrong,
            "Line i of one must belong to line i of the other; get an undamaged copy.",
        )
    rows: list[Example] = []
    for line, (source, target) in enumerate(zip(sources, targets, strict=True), start=1):
        if not source.strip() or not target.strip():
            problems.append(Problem(str(wrong), line, "empty row; row skipped"))
            continue
        rows.append(pair(f"{wrong.name}:{line}", source, target, wrong, line))
    return rows


def pair(identifier: str, source: str, target: str, path: Path, line: int) -> Example:
    """One row of a pair corpus, with the file and line it was read from."""
    return {
        "id": identifier,
        "source": source,
        "target": target,
        "file": str(path),
        "line": line,
    }


def has_unequal_length(row: Example) -> bool:
    """Whether source and target differ in length, which spelling correction cannot express."""
    return len(row["source"]) != len(row["target"])


def count_pairs(splits: Splits) -> dict[str, Any]:
    """Number of sentences, erroneous sentences and wrong characters per split.

    Keys are ``train``, ``train_erroneous``, ``train_wrong_characters``, the same for ``dev`` and
    ``test``; with several test sets, ``test:NAME`` instead. Empty splits are left out. Pairs of
    unequal length count as erroneous and have no wrong characters.
    """
    parts = {"train": splits.train, "dev": splits.dev}
    single = len(splits.test) == 1
    parts |= {"test" if single else f"test:{name}": rows for name, rows in splits.test.items()}
    counts: dict[str, Any] = {}
    for name, rows in parts.items():
        if not rows:
            continue
        counts[name] = len(rows)
        counts[f"{name}_erroneous"] = sum(row["source"] != row["target"] for row in rows)
        counts[f"{name}_wrong_characters"] = sum(
            a != b
            for row in rows
            if not has_unequal_length(row)
            for a, b in zip(row["source"], row["target"], strict=True)
        )
    return counts


PAIRS = Schema(task="correction", fields=PAIR_FIELDS, count=count_pairs)
"""Rows ``{"id", "source", "target"}``."""
