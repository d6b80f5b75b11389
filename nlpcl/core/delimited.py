"""How a table divides its cells: by which character, and whether quotes have a meaning there."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from nlpcl.core.errors import UserError

NAMES = {",": "commas", ";": "semicolons", "\t": "tabs"}
"""The characters that are looked for, by what people call them."""
LONGEST_CELL = 2**31 - 1
"""A text may be longer than the 128 KiB that the csv module allows by default."""


@dataclass(frozen=True)
class Dialect:
    """How cells are divided.

    Args:
        delimiter: between cells.
        is_quoted: whether a cell may be quoted; else a quotation mark is a character like others.
    """

    delimiter: str
    is_quoted: bool

    def cells(self, text: str) -> Iterator[tuple[int, list[str]]]:
        """The rows, each with the line at which it begins, from 1; a blank line is ``[""]``.

        Raises:
            csv.Error: a quote is never closed, or stands inside a cell; its line is in ``line``.
        """
        if not self.is_quoted:
            lines = text.split("\n")
            if lines[-1] == "":
                lines.pop()
            for number, line in enumerate(lines, start=1):
                yield number, line.removesuffix("\r").split(self.delimiter)
            return
        csv.field_size_limit(LONGEST_CELL)
        stream = io.StringIO(text, newline="")
        reader = csv.reader(stream, delimiter=self.delimiter, strict=True)
        line = 1
        try:
            for row in reader:
                yield line, row or [""]
                line = reader.line_num + 1
        except csv.Error as error:
            raise BrokenQuotes(str(error), line) from error


class BrokenQuotes(csv.Error):
    """A quote that is never closed, or stands inside a cell; ``line`` is where its row begins."""

    def __init__(self, what: str, line: int) -> None:
        self.line = line
        super().__init__(what)


def cells_of(path: Path, text: str, dialect: Dialect) -> Iterator[tuple[int, list[str]]]:
    """:meth:`Dialect.cells` of a file.

    Raises:
        UserError: a quote is never closed, or stands inside a cell.
    """
    try:
        yield from dialect.cells(text)
    except BrokenQuotes as error:
        what = f"broken CSV from line {error.line} on ({error})"
        raise UserError(what, path, 'Write quotes in text as "".') from error


def expected_dialect(suffix: str) -> Dialect:
    """What the ending of a file promises: quoted commas for ``.csv``, else tabs without quotes."""
    return Dialect(",", True) if suffix == ".csv" else Dialect("\t", False)


def sniff(text: str, expected: Dialect, fit: Callable[[Sequence[str]], int]) -> Dialect:
    """How a table really divides its cells.

    Another delimiter is taken only where the first row fits better with it. In a table that should
    have no quotes they are taken for such where otherwise the first row would not fit, or more
    rows would differ from it in length: a quoted cell may hold the delimiter.

    Args:
        text: the table.
        expected: as its ending promises.
        fit: how well a first row suits, such as the number of known names in it.
    """
    others = [Dialect(delimiter, True) for delimiter in NAMES if delimiter != expected.delimiter]
    candidates = (expected, quoted(expected), *others)
    chosen = max(candidates, key=lambda dialect: fit(first_row(text, dialect)))
    if chosen.is_quoted or '"' not in text:
        return chosen
    return quoted(chosen) if misfits(text, quoted(chosen)) < misfits(text, chosen) else chosen


def quoted(dialect: Dialect) -> Dialect:
    """The same with quotes."""
    return Dialect(dialect.delimiter, True)


def first_row(text: str, dialect: Dialect) -> list[str]:
    """The first row that is not blank; ``[""]`` where there is none or it is broken."""
    try:
        return next((row for _, row in dialect.cells(text) if any(map(str.strip, row))), [""])
    except csv.Error:
        return [""]


def misfits(text: str, dialect: Dialect) -> float:
    """How many rows have another number of cells than the first; infinity for broken quotes."""
    try:
        widths = Counter(
            len(row) for _, row in dialect.cells(text) if any(cell.strip() for cell in row)
        )
    except csv.Error:
        return float("inf")
    return widths.total() - widths[len(first_row(text, dialect))]


def described(dialect: Dialect, expected: Dialect) -> str:
    """What differs from what was expected, in words; empty if nothing does."""
    if dialect.delimiter != expected.delimiter:
        return f"its cells are divided by {NAMES[dialect.delimiter]}"
    if dialect.is_quoted and not expected.is_quoted:
        return f"cells in quotation marks may hold {NAMES[dialect.delimiter]}"
    return ""


def without_empty_end(cells: Sequence[str], width: int) -> list[str]:
    """A row without surplus cells that are empty, as spreadsheets write them."""
    kept = list(cells)
    while len(kept) > width and not kept[-1].strip():
        kept.pop()
    return kept
