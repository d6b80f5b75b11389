"""Display of classified texts: tables, CSV and plain text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from nlpcl.core.characters import visible
from nlpcl.text.writing import Layout, styled

STRONG, WEAK = 0.6, 0.25
"""Fractions of the largest weight from which a word is marked strongly, or at all."""
WORDS_SHOWN = 3
SHOWN = 200
"""Characters of a text in a table."""


def layout(labels: Sequence[str], *, explained: bool = False) -> Layout:
    """Layout of the rows of ``Classification.stream``.

    Args:
        labels: the classes: a column each in CSV, also where a text has no label.
        explained: whether rows have ``words``.
    """

    def flat(row: Mapping[str, Any]) -> dict[str, Any]:
        """Text, label, a column for the probability of each class, the words as JSON."""
        plain = {"text": row["text"], "label": row["label"] or ""}
        plain |= {f"p_{name}": row["probabilities"].get(name, "") for name in labels}
        words = {"words": row["words"]} if explained else {}
        return plain | {"is_truncated": row["is_truncated"]} | words

    def table(row: Mapping[str, Any]) -> dict[str, Any]:
        """The same for people: the most probable class first, words coloured by their weight."""
        ranked = sorted(row["probabilities"].items(), key=lambda item: -item[1])
        cells: dict[str, Any] = {
            "text": shown_text(row, explained),
            "label": row["label"] or "-",
            "probabilities": "  ".join(f"{name} {value:.2f}" for name, value in ranked),
        }
        return cells | ({"words": strongest(row["words"])} if explained else {})

    return Layout(text=lambda row: row["label"] or "", flat=flat, table=table)


def shown_text(row: Mapping[str, Any], explained: bool) -> Any:
    """Return the text as ``rich.text.Text``: words for the label in red, against it in blue.

    A text that was cut ends with a remark; a very long one is shown in part.
    """
    text = row["text"]
    words = row["words"] if explained else []
    largest = max((abs(weight) for *_, weight in words), default=0.0)
    marks: list[tuple[int, int, str]] = []
    for _, start, end, weight in words:
        colour = "red" if weight > 0 else "blue"
        fraction = abs(weight) / largest if largest else 0.0
        if fraction >= WEAK and start < SHOWN:
            emphasis = f"bold {colour} underline" if fraction >= STRONG else colour
            marks.append((start, min(end, SHOWN), emphasis))
    shown = styled(text[:SHOWN], marks)
    if len(text) > SHOWN:
        shown.append("…")
    if row["is_truncated"]:
        shown.append(" (cut)", "dim")
    return shown


def strongest(words: Sequence[Sequence[Any]]) -> str:
    """The words with the largest weights for or against the label."""
    ranked = sorted(words, key=lambda word: -abs(word[3]))[:WORDS_SHOWN]
    return "  ".join(f"{visible(word)} {weight:+.2f}" for word, _, _, weight in ranked)


def remarks(counts: Counter[str], limit: int) -> list[str]:
    """Remarks on texts that were truncated."""
    found = []
    if counts["truncated"]:
        found.append(
            f"{counts['truncated']} of {counts['all']} texts are longer than {limit} tokens: "
            "only their beginning was read"
        )
    if counts["empty"]:
        found.append(f"{counts['empty']} of {counts['all']} texts are empty and have no label")
    return found
