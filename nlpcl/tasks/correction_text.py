"""What correction may do to a text: cut it, show it to a model, accept edits, apply them.

The contract every result keeps: ``target`` is as long as ``source`` in code points; it is exactly
``source`` with ``edits`` applied; positions count code points of the *original* text from 0; a
model changes single Han characters into single Han characters and nothing else. Only a user's own
dictionary may touch other characters, one for one.
"""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

SENTENCE_ENDS = "。！？；!?;\n"
CLAUSE_ENDS = "，,、"
CLOSERS = "”’」』》）】\"')]"
"""Closing marks that stay with the sentence end before them."""

Span = tuple[int, int]
"""Start and end of a stretch of text, end excluded."""


@dataclass(frozen=True, slots=True)
class Edit:
    """One character replaced by one character.

    Args:
        position: code point of the original text, from 0.
        wrong, right: the character that stands there and the one to write.
        probability: of ``right``, 0-1; 1.0 for an edit from a dictionary.
    """

    position: int
    wrong: str
    right: str
    probability: float = 1.0


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of a text; ``start`` is its first code point in the original."""

    start: int
    text: str


def apply_edits(text: str, edits: Iterable[Edit]) -> str:
    """``text`` with every edit made.

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


def is_han(character: str) -> bool:
    """Whether ``character`` is one Han ideograph: unified, an extension, compatibility, or 〇."""
    if len(character) != 1:
        return False
    code = ord(character)
    return (
        0x4E00 <= code <= 0x9FFF
        or 0x3400 <= code <= 0x4DBF
        or 0xF900 <= code <= 0xFAFF
        # Planes 2 and 3 are set aside for ideographs; U+xFFFE and U+xFFFF are never characters.
        or (0x20000 <= code <= 0x3FFFD and code & 0xFFFF < 0xFFFE)
        or code == 0x3007
    )


def segments(text: str, limit: int) -> list[Segment]:
    """Cut ``text`` into pieces of at most ``limit`` code points; joined they are ``text`` again.

    A text within the limit stays whole, since context helps. A longer one is cut after the last
    sentence end within the limit (with the closing quotes that follow it), failing that after the
    last comma, failing that before the run of letters or digits at the limit, and inside such a
    run only when it is longer than the limit. Linear in the length of the text.

    Raises:
        ValueError: when ``limit`` is below 1.
    """
    if limit < 1:
        raise ValueError("limit must be at least 1")
    pieces = []
    start = 0
    while start < len(text):
        end = len(text) if len(text) - start <= limit else cut(text, start, start + limit)
        pieces.append(Segment(start, text[start:end]))
        start = end
    return pieces


def cut(text: str, start: int, end: int) -> int:
    """The best place in (start, end] to end a piece that starts at ``start``; text goes on."""
    for marks in (SENTENCE_ENDS, CLAUSE_ENDS):
        place = max(text.rfind(mark, start, end) for mark in marks) + 1
        if place:
            while place < end and text[place] in CLOSERS:
                place += 1
            return place
    place = end
    while place > start and is_word(text[place - 1]) and is_word(text[end]):
        place -= 1
    return place if place > start else end


def is_word(character: str) -> bool:
    """Whether ``character`` is an ASCII letter or digit."""
    return character.isascii() and character.isalnum()


@functools.lru_cache(maxsize=65536)
def is_shown(character: str) -> bool:
    """Whether a model sees ``character``: no space, control, zero-width or combining character."""
    return not character.isspace() and unicodedata.category(character) not in (
        "Cc",
        "Cf",
        "Cs",
        "Mn",
        "Mc",
        "Me",
    )


def model_view(text: str) -> tuple[list[str], list[int]]:
    """The characters to show to a model and where each stands in ``text``.

    Spaces, control and zero-width characters, variation selectors, combining marks and lone
    surrogates are left out; everything else is one entry a code point, so that no tokenizer can
    join, split or drop characters.

    Returns:
        characters and their positions, equally long, positions rising.
    """
    positions = [position for position, character in enumerate(text) if is_shown(character)]
    return [text[position] for position in positions], positions


def proposed_edits(
    segment: Segment,
    positions: Sequence[int],
    predicted: Sequence[str],
    probabilities: Sequence[float],
) -> list[Edit]:
    """A model's output for one segment as proposals in the original text; nothing is checked yet.

    Args:
        segment: a piece from ``segments``.
        positions: from ``model_view(segment.text)``.
        predicted: the model's character for each of these positions.
        probabilities: of these characters, 0-1.

    Raises:
        ValueError: when the three sequences differ in length.
    """
    return [
        Edit(segment.start + position, segment.text[position], character, float(probability))
        for position, character, probability in zip(
            positions, predicted, probabilities, strict=True
        )
        if character != segment.text[position]
    ]


def select_edits(
    text: str,
    proposals: Iterable[Edit],
    *,
    threshold: float = 0.0,
    protected: Iterable[Span] = (),
    limit_per_sentence: int | None = None,
    allowed: Callable[[str, str], bool] | None = None,
) -> list[Edit]:
    """The proposals of a model that may be made, ordered by position.

    Accepted is one Han character for a different one, where the text has ``wrong``; the most
    probable proposal wins at each position. A higher threshold always gives a subset.

    Args:
        text: the original text.
        proposals: in any order; unfit ones are left out.
        threshold: lowest probability of ``right``.
        protected: spans no edit may overlap.
        limit_per_sentence: keep this many edits in a sentence, the most probable ones.
        allowed: further condition on (wrong, right), e.g. the same pinyin.
    """
    closed: set[int] = set()
    for start, end in protected:
        closed.update(range(start, end))
    best: dict[int, Edit] = {}
    for edit in proposals:
        if (
            edit.probability >= threshold
            and 0 <= edit.position < len(text)
            and edit.position not in closed
            and text[edit.position] == edit.wrong != edit.right
            and is_han(edit.wrong)
            and is_han(edit.right)
            and (allowed is None or allowed(edit.wrong, edit.right))
        ):
            other = best.get(edit.position)
            if other is None or edit.probability > other.probability:
                best[edit.position] = edit
    edits = [best[position] for position in sorted(best)]
    if limit_per_sentence is not None and len(edits) > limit_per_sentence:
        edits = most_probable(text, edits, limit_per_sentence)
    return edits


def most_probable(text: str, edits: Sequence[Edit], limit: int) -> list[Edit]:
    """The ``limit`` most probable edits of each sentence; ``edits`` are ordered by position."""
    sentences: dict[int, list[Edit]] = {}
    sentence = place = 0
    for edit in edits:
        sentence += sum(text.count(mark, place, edit.position) for mark in SENTENCE_ENDS)
        place = edit.position
        sentences.setdefault(sentence, []).append(edit)
    kept = [
        edit
        for group in sentences.values()
        for edit in sorted(group, key=lambda edit: (-edit.probability, edit.position))[:limit]
    ]
    return sorted(kept, key=lambda edit: edit.position)


def correction_row(text: str, edits: Iterable[Edit]) -> dict[str, Any]:
    """The result for one text; ``target`` is ``source`` with exactly these edits.

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
