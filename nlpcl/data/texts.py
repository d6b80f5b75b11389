"""Plain texts for masked language modelling, also from corpora of other tasks."""

from __future__ import annotations

from nlpcl.core.splits import Splits
from nlpcl.data.schema import Schema, each_row

_TEXT = "text TEXT tweet content correct_text target sentence"


def right_sentences(splits: Splits) -> Splits:
    """The right sentences of sentence pairs, as plain texts."""
    return each_row(splits, lambda row: {"text": row["target"], **row})


TEXTS = Schema(
    task="masked_lm",
    fields={"text": tuple(_TEXT.split())},
    adopts={"correction": right_sentences},
)
"""Rows ``{"id", "text"}``."""
