"""Texts as a model reads them: split into segments, without characters that no model sees."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from nlpcl.text.characters import is_shown, is_word

Item = TypeVar("Item")

SENTENCE_ENDS = "。！？；!?;\n"
CLAUSE_ENDS = "，,、"
CHARACTERS = 1 << 16
"""Characters encoded at once in prediction, some 15 MB of Python objects."""
CLOSERS = "”’」』》）】\"')]"
"""Closing marks that stay with the sentence end before them."""
_END, _CLOSER = re.escape(SENTENCE_ENDS), re.escape(CLOSERS)
SENTENCE = re.compile(rf"[^{_END}]*[{_END}]+[{_CLOSER}]*|[^{_END}]+")
"""A sentence with its marks, or what is left at the end of a text."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment of a text; ``start`` is the index of its first code point in the original."""

    start: int
    text: str


def sentences(text: str) -> Iterator[Segment]:
    """Split ``text`` after the marks that end a sentence and the closing marks behind them.

    Joined, the sentences give ``text``. What becomes of a sentence does not depend on what stands
    around it, so that joined texts are cut into the same sentences as each of them alone.
    """
    for found in SENTENCE.finditer(text):
        yield Segment(found.start(), found.group())


def segments(text: str, limit: int) -> Iterator[Segment]:
    """Split ``text`` into segments of at most ``limit`` code points; joined they give ``text``.

    A text within the limit stays whole, since context helps. A longer one is split after the last
    end of a sentence within the limit (and the closing quotes that follow it), else after the last
    comma, else before the run of letters or digits at the limit; such a run is split only if it is
    longer than the limit. Linear in the length of the text.

    Raises:
        ValueError: when ``limit`` is below 1.
    """
    if limit < 1:
        raise ValueError("limit must be at least 1")
    start = 0
    while start < len(text):
        end = len(text) if len(text) - start <= limit else cut(text, start, start + limit)
        yield Segment(start, text[start:end])
        start = end


def cut(text: str, start: int, end: int) -> int:
    """The best place in (start, end] to end a segment at ``start`` of a text that continues."""
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
    """The characters to show to a model, and the position of each in ``text``.

    Spaces, control and zero-width characters, variation selectors, combining marks and lone
    surrogates are left out. Every other code point is an entry of its own, so that no tokenizer can
    join, split or drop characters.

    Returns:
        The characters and their positions, equally long; positions increase.
    """
    positions = [position for position, character in enumerate(text) if is_shown(character)]
    return [text[position] for position in positions], positions


def bounded(
    items: Iterable[Item], size: Callable[[Item], int], most: int | None = None
) -> Iterator[list[Item]]:
    """Groups of consecutive items, which end with the item that fills them.

    Args:
        items: texts or features.
        size: of an item, in characters; a group is full at :data:`CHARACTERS`.
        most: items of a group.
    """
    group: list[Item] = []
    total = 0
    for item in items:
        group.append(item)
        total += size(item)
        if total >= CHARACTERS or len(group) == most:
            yield group
            group, total = [], 0
    if group:
        yield group
