"""Texts as a model reads them: cut into pieces, and without what no model sees."""

from __future__ import annotations

from dataclasses import dataclass

from nlpcl.text.characters import is_shown, is_word

SENTENCE_ENDS = "。！？；!?;\n"
CLAUSE_ENDS = "，,、"
CLOSERS = "”’」』》）】\"')]"
"""Closing marks that stay with the sentence end before them."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of a text; ``start`` is its first code point in the original."""

    start: int
    text: str


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
