"""Widths of a table's columns, so that it fits a terminal and breaks what may be broken.

Headings are broken first, then texts between words, last of all names and numbers, between words
too: an interval such as ``(-0.2–12.0)`` is a word.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

LONGEST_WORD = 14
"""Cells beyond which a word of a text is broken where nothing else helps, as a sentence is that is
written without blanks."""


@dataclass(frozen=True)
class Column:
    """What stands in a column.

    Args:
        heading: above it.
        cells: below.
        is_text: whether its cells are sentences, and no names or numbers.
    """

    heading: str
    cells: Sequence[str]
    is_text: bool

    def stages(self) -> list[int]:
        """Widths in the order in which it may give way: natural, heading, text, name broken."""
        heading = _longest(self.heading.split())
        whole, word = _longest(self.cells), _longest(w for cell in self.cells for w in cell.split())
        text = min(word, LONGEST_WORD) if self.is_text else whole
        name = min(word, LONGEST_WORD) if self.is_text else word
        return [
            max(_longest([self.heading]), whole),
            max(heading, whole),
            max(heading, text),
            max(heading, name),
        ]


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
