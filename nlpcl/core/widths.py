"""Widths of a table's columns, so that it fits a terminal and breaks what may be broken.

Headings are broken first, then texts between words, last of all names and numbers, between words
too: an interval such as ``(-0.2–12.0)`` is a word.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

LONG = 14
"""Cells of the longest word of a text that is not broken lightly; an address is longer, and so is a
sentence written without blanks."""
SHORT = 8
"""Cells of the longest word that is never broken."""


@dataclass(frozen=True)
class Column:
    """What stands in a column.

    Args:
        heading: above it.
        cells: below.
        is_text: whether its cells are sentences or addresses, and no names or numbers.
    """

    heading: str
    cells: Sequence[str]
    is_text: bool

    def stages(self) -> list[int]:
        """The widths down to which it gives way, in turn.

        Its natural width; with its heading broken; a text between words; then in the midst of
        words that are broken already; of other long words; and names between words.
        """
        heading = _longest(self.heading.split())
        whole, word = _longest(self.cells), _longest(w for cell in self.cells for w in cell.split())
        broken = SHORT if word > LONG else word
        text = [min(word, LONG), broken, min(word, SHORT), min(word, SHORT)]
        least = text if self.is_text else [whole, whole, whole, word]
        natural = max(_longest([self.heading]), whole)
        return [natural, *(max(heading, width) for width in (whole, *least))]


def fitted(columns: Sequence[Column], room: int) -> list[int] | None:
    """The width of each column, at most ``room`` in all; None if they do not fit."""
    natural, *stages = zip(*(column.stages() for column in columns), strict=True)
    widths = list(natural)
    for least in stages:
        while sum(widths) > room:
            slack = [width - limit for width, limit in zip(widths, least, strict=True)]
            most = max(slack)
            if most <= 0:
                break
            widths[slack.index(most)] -= 1
    return widths if sum(widths) <= room else None


def _longest(texts: Iterable[str]) -> int:
    """Cells of a terminal that the longest of some texts takes."""
    from rich.cells import cell_len

    return max(map(cell_len, texts), default=0)
