"""Clips of speech as rows, and what is done to their labels the same way for every corpus."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nlpcl.data.splits import Example, Splits
from nlpcl.data.text import read_text
from nlpcl.errors import UserError

FOUR = ("angry", "happy", "neutral", "sad")
"""Emotions that every corpus here has."""


def clip(path: Path, label: str, speaker: str, corpus: str, **more: Any) -> Example:
    """One row.

    Args:
        path: the sound file.
        label: the emotion, an English word in lower case.
        speaker: a name unique across corpora.
        corpus: its name.
        more: ``id``, ``session``, ``gender`` (female, male or empty), ``text``, ``kind``, ``start``
            and ``end`` in seconds.
    """
    row = {"id": path.stem, "path": str(path), "label": label, "speaker": speaker}
    empty = {"session": "", "gender": "", "corpus": corpus, "start": None, "end": None}
    return row | empty | more


def read_meta(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    """The rows of a table ``meta.csv``.

    Raises:
        UserError: a column is missing.
    """
    rows = list(csv.DictReader(io.StringIO(read_text(path))))
    missing = [name for name in columns if not rows or name not in rows[0]]
    if missing:
        raise UserError(f"has no column {missing[0]}", path, "Get an undamaged copy.")
    return rows


def chosen(
    splits: Splits,
    labels: Sequence[str] | None = None,
    merge: Mapping[str, str] | None = None,
    kind: str = "all",
) -> Splits:
    """Clips with their emotions renamed, then those of some emotions only.

    Args:
        splits: of a corpus.
        labels: emotions to keep; ``four`` alone stands for angry, happy, neutral and sad.
        merge: emotion → its new name; names that no clip has are ignored.
        kind: ``improvised`` or ``scripted`` speech only, where the corpus tells.

    Raises:
        UserError: an emotion to keep that no clip has.
    """
    if kind != "all":
        if not any(row.get("kind") == kind for row in splits.train):
            what = f"{splits.name} does not tell improvised from scripted speech"
            raise UserError(what, f"--kind {kind}", "Leave it out.")
        splits.train = [row for row in splits.train if row.get("kind") == kind]
        splits.notes.append(f"{splits.name}: {kind} speech only")
    renamed = merge or {}
    wanted = list(FOUR) if list(labels or ()) == ["four"] else list(labels or ())
    before = Counter(row["label"] for row in splits.train)
    rows = [row | {"label": renamed.get(row["label"], row["label"])} for row in splits.train]
    found = sorted({str(row["label"]) for row in rows})
    for name in wanted:
        if name not in found:
            raise UserError(
                f"{splits.name} has no clip of {name!r}",
                "--labels",
                f"It has: {', '.join(found)}.",
            )
    splits.train = [row for row in rows if not wanted or row["label"] in wanted]
    used = {old: new for old, new in renamed.items() if before[old]}
    if used:
        listed = ", ".join(f"{old} as {new}" for old, new in sorted(used.items()))
        splits.notes.append(f"{splits.name}: {listed}")
    if len(splits.train) < len(rows):
        splits.notes.append(
            f"{splits.name}: {len(rows) - len(splits.train)} clips of others left out"
        )
    return splits


def count_clips(splits: Splits) -> dict[str, Any]:
    """Clips in all, by emotion and by speaker."""
    return {
        "clips": len(splits.train),
        "labels": dict(sorted(Counter(row["label"] for row in splits.train).items())),
        "speakers": dict(sorted(Counter(row["speaker"] for row in splits.train).items())),
    }
