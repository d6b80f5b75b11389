"""Edits of a text: which are accepted, and how they are applied.

The contract every result keeps: ``target`` is as long as ``source`` in code points; it is exactly
``source`` with ``edits`` applied; positions count code points of the *original* text from 0; a
model changes single Han characters into single Han characters and nothing else. Only a user's own
dictionary may touch other characters, one for one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from nlpcl.core.splits import Example
from nlpcl.text.characters import is_han

Span = tuple[int, int]
"""Start and end of a stretch of text, end excluded."""


@dataclass(frozen=True, slots=True)
class Edit:
    """Replacement of one character by another.

    Args:
        position: code point of the original text, from 0.
        wrong, right: the character that stands there and the one to write.
        probability: of ``right``, 0-1; 1.0 for an edit from a dictionary.
        lead: of ``right`` over the next best character, that written included, as a difference of
            logits; below 0 where another is better, so that this edit is none (see ``ties``).
    """

    position: int
    wrong: str
    right: str
    probability: float = 1.0
    lead: float = math.inf


def apply_edits(text: str, edits: Iterable[Edit]) -> str:
    """Apply all edits to a text.

    Raises:
        ValueError: when an edit does not fit the text or two edits share a position.
    """
    characters = list(text)
    seen: set[int] = set()
    for edit in edits:
        fits = 0 <= edit.position < len(text) and text[edit.position] == edit.wrong
        if not fits or len(edit.right) != 1 or edit.position in seen:
            raise ValueError(f"{edit} does not fit the text")
        seen.add(edit.position)
        characters[edit.position] = edit.right
    return "".join(characters)


def select_edits(
    text: str,
    proposals: Iterable[Edit],
    *,
    threshold: float = 0.0,
    protected: Iterable[Span] = (),
) -> list[Edit]:
    """Select the model's proposals that are allowed, ordered by position.

    Accepted is one Han character for a different one, where the text has ``wrong``; the most
    probable proposal wins at each position. A higher threshold always gives a subset.

    Args:
        text: the original text.
        proposals: in any order; unfit ones are left out.
        threshold: lowest probability of ``right``.
        protected: spans no edit may overlap.
    """
    closed: set[int] = set()
    for start, end in protected:
        closed.update(range(start, end))
    best: dict[int, Edit] = {}
    for edit in proposals:
        if (
            edit.probability >= threshold
            and edit.lead > 0
            and 0 <= edit.position < len(text)
            and edit.position not in closed
            and text[edit.position] == edit.wrong != edit.right
            and is_han(edit.wrong)
            and is_han(edit.right)
        ):
            other = best.get(edit.position)
            if other is None or edit.probability > other.probability:
                best[edit.position] = edit
    return [best[position] for position in sorted(best)]


def correction_row(text: str, edits: Iterable[Edit]) -> dict[str, Any]:
    """Build the result of one text; ``target`` is ``source`` with exactly these edits.

    Returns:
        ``{"source", "target", "edits": [{"position", "wrong", "right", "probability"}]}``, edits
        ordered by position, probabilities rounded to six digits.

    Raises:
        ValueError: when an edit does not fit the text or two share a position.
    """
    ordered = sorted(edits, key=lambda edit: edit.position)
    return {
        "source": text,
        "target": apply_edits(text, ordered),
        "edits": [
            {
                "position": edit.position,
                "wrong": edit.wrong,
                "right": edit.right,
                "probability": round(edit.probability, 6),
            }
            for edit in ordered
        ],
    }


def corrected(
    examples: Sequence[Example], proposals: Sequence[Sequence[Edit]]
) -> list[dict[str, Any]]:
    """Return result rows with every proposal accepted."""
    return [
        correction_row(example["source"], select_edits(example["source"], proposed))
        for example, proposed in zip(examples, proposals, strict=True)
    ]
