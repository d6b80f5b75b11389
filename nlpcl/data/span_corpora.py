"""Corpora of entities that keep each part in a file of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Literal

from nlpcl.core.splits import Splits
from nlpcl.data.locate import copies_note
from nlpcl.data.span_files import read_file
from nlpcl.data.spans import finished

Part = Literal["train", "dev", "test"]
PARTS: tuple[Part, ...] = ("train", "dev", "test")


def read_parts(
    splits: Splits, paths: Mapping[Part, Path], others: Sequence[Path], language: str
) -> Splits:
    """Read the parts of a corpus.

    Args:
        splits: with name and protocol; gets the rows.
        paths: files of ``train``, ``test`` and, where there is one, ``dev``.
        others: files of further copies.
        language: of all texts.
    """
    reads = {part: partial(read_file, path, {}, splits) for part, path in paths.items()}
    splits.train = splits.part("train", reads["train"])
    splits.dev = splits.part("dev", reads["dev"]) if "dev" in reads else []
    splits.test[splits.name] = reads["test"]()
    splits.notes += copies_note(splits.name, paths["test"].parent, others)
    finished(splits)
    for row in (*splits.train, *splits.dev, *splits.test[splits.name]):
        row["language"] = language
    return splits
