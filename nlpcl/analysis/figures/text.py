"""Figures made of coloured text: HTML in the report, a picture elsewhere."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nlpcl.analysis.figures.style import COLOURS, INK, WIDTH

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FOR, AGAINST = COLOURS[1], COLOURS[0]
"""Colours of positive and of negative weights."""
COLUMNS = 84
"""Widths of a Latin character in a line of a picture."""
LONGEST = 1200
"""Characters of a text that are shown."""


@dataclass(frozen=True)
class Piece:
    """A word or character.

    Args:
        text: as it stands.
        weight: -1..1; its colour and strength.
        note: what is said of it, shown when the reader points at it.
        is_marked: underlined.
    """

    text: str
    weight: float = 0.0
    note: str = ""
    is_marked: bool = False


@dataclass(frozen=True)
class Line:
    """A text with a heading.

    Args:
        head: what it is.
        pieces: its words, blanks among them.
    """

    head: str
    pieces: Sequence[Piece]


def as_html(lines: Sequence[Line]) -> str:
    """Render the lines as paragraphs."""
    made = []
    for line in lines:
        pieces = "".join(map(piece_as_html, line.pieces))
        made.append(
            f'<p class="line"><span class="head">{html.escape(line.head)}</span>{pieces}</p>'
        )
    return "\n".join(made)


def piece_as_html(piece: Piece) -> str:
    """Render a piece as a span, or as plain text if it has no annotation."""
    text = html.escape(piece.text)
    if not (piece.weight or piece.note or piece.is_marked):
        return text
    styles = []
    if piece.weight:
        red, green, blue = components(FOR if piece.weight > 0 else AGAINST)
        strength = min(1.0, abs(piece.weight))
        styles.append(f"background:rgba({red},{green},{blue},{0.75 * strength:.2f})")
    if piece.is_marked:
        styles.append("text-decoration:underline;text-decoration-thickness:2px")
    note = f' title="{html.escape(piece.note)}"' if piece.note else ""
    return f'<span style="{";".join(styles)}"{note}>{text}</span>'


def components(colour: str) -> tuple[int, int, int]:
    """Split ``#2f7fd6`` into red, green and blue, 0..255."""
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return red, green, blue


def width_of(text: str) -> int:
    """Width in Latin characters: East Asian ones are twice as wide."""
    import unicodedata

    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def placed(lines: Sequence[Line]) -> Iterator[tuple[int, int, Line | None, Piece]]:
    """Wrap pieces: row, column and piece; the heading of a line has a row of its own.

    Yields:
        The line itself with the piece of its heading, else None.
    """
    row = 0
    for line in lines:
        yield row, 0, line, Piece(line.head)
        row, column = row + 1, 0
        for piece in line.pieces:
            size = width_of(piece.text)
            if column and column + size > COLUMNS:
                row, column = row + 1, 0
            if column or piece.text.strip():
                yield row, column, None, piece
                column += size
        row += 2


def draw(lines: Sequence[Line]) -> Figure:
    """Draw the lines as a picture."""
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

    cells = list(placed(lines))
    rows = cells[-1][0] + 1 if cells else 1
    figure = Figure(figsize=(WIDTH, 0.24 * rows + 0.2))
    axes = figure.add_axes((0.01, 0.0, 0.98, 1.0))
    axes.set(xlim=(0, COLUMNS), ylim=(rows, -0.3))
    axes.set_axis_off()
    for row, column, line, piece in cells:
        if line is not None:
            axes.text(0, row + 0.5, piece.text, va="center", fontsize=7.5, alpha=0.75)
            continue
        size = width_of(piece.text)
        if piece.weight:
            shade = FOR if piece.weight > 0 else AGAINST
            strength = 0.75 * min(1.0, abs(piece.weight))
            axes.add_patch(Rectangle((column, row + 0.04), size, 0.9, color=shade, alpha=strength))
        if piece.is_marked:
            axes.plot([column, column + size], [row + 0.97] * 2, color=INK, linewidth=1.4)
        middle = column + size / 2
        axes.text(middle, row + 0.5, piece.text, ha="center", va="center", fontsize=8.5)
    return figure
