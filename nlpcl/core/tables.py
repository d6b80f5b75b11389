"""Tables and reports, rendered for the terminal, JSON, CSV, Markdown and LaTeX."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nlpcl.core.characters import visible, visible_lines
from nlpcl.core.csv_lines import csv_line, safe_cell
from nlpcl.core.latex import latex
from nlpcl.core.widths import Column, fitted

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, Group
    from rich.table import Table as RichTable

Cell = str | int | float | bool | None

DIGITS = 2
"""Digits after the point where a table does not say."""


def show(value: Cell, digits: int = DIGITS) -> str:
    """Format a cell: ``-`` for None, a fixed number of digits for fractions."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.{digits}f}"
    return visible(str(value))


NAME = 24
"""Characters of the longest cell that is never broken over lines."""


@dataclass
class Table:
    """A named table.

    Args:
        name: short identifier, unique in a report.
        columns: column headings.
        rows: one sequence of cells a row, as long as ``columns``.
        title: heading in print; protocol, n and seeds belong here.
        note: what a reader must know to read the numbers; printed below.
        digits: digits after the point for fractional cells in print; JSON keeps full precision.
    """

    name: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    title: str = ""
    note: str = ""
    digits: int = DIGITS

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(
                    f"table {self.name}: {len(row)} cells for {len(self.columns)} columns"
                )

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        parts: dict[str, Any] = {
            "name": self.name,
            "columns": list(self.columns),
            "rows": [list(row) for row in self.rows],
        }
        for key in ("title", "note"):
            if getattr(self, key):
                parts[key] = getattr(self, key)
        return parts if self.digits == DIGITS else parts | {"digits": self.digits}

    @classmethod
    def from_dict(cls, parts: Mapping[str, Any]) -> Table:
        """The reverse of :meth:`as_dict`."""
        known = {"name", "columns", "rows", "title", "note", "digits"}
        return cls(**{key: value for key, value in parts.items() if key in known})

    def texts(self) -> list[list[str]]:
        """Format every cell."""
        return [[show(cell, self.digits) for cell in row] for row in self.rows]

    def for_people(self) -> tuple[list[str], list[list[str]]]:
        """Format headings and cells for print; ``low`` and ``high`` go in brackets."""
        columns, texts = list(map(visible, self.columns)), self.texts()
        for at in reversed(range(1, len(columns) - 1)):
            if columns[at : at + 2] != ["low", "high"]:
                continue
            del columns[at : at + 2]
            for row in texts:
                ends = row[at : at + 2]
                del row[at : at + 2]
                if ends != ["-", "-"]:
                    row[at - 1] += f" ({ends[0]}–{ends[1]})"
        return columns, texts

    def as_rich(self) -> Group:
        """Render for the terminal: title, table and note, numbers right-aligned.

        The title and the note stand outside the table, whose width would wrap them.
        """
        from rich.console import Group
        from rich.text import Text

        title = Text(visible(self.title or self.name), style="bold")
        note = [Text("\n".join(visible_lines(self.note)), style="dim")] if self.note else []
        return Group(title, Fitted(self), *note, Text(""))

    def is_numeric(self, column: str) -> bool:
        """Whether a column holds only numbers."""
        cells = [row[list(self.columns).index(column)] for row in self.rows]
        return bool(cells) and all(
            cell is None or (isinstance(cell, int | float) and not isinstance(cell, bool))
            for cell in cells
        )

    def as_csv(self, *, safe: bool = False) -> str:
        """Render as CSV in full precision, with a header line.

        Args:
            safe: put an apostrophe before texts that a spreadsheet would take for formulas.
        """
        lines = (self.columns, *self.rows)
        return "".join(csv_line(map(safe_cell, cells) if safe else cells) for cells in lines)

    def as_markdown(self) -> str:
        """Render as Markdown, with the title above."""

        def line(cells: Sequence[str]) -> str:
            return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"

        columns, texts = self.for_people()
        lines = [line(columns), "|" + " --- |" * len(columns), *map(line, texts)]
        title = [f"**{visible(self.title)}**", ""] if self.title else []
        note = ["", *visible_lines(self.note)] if self.note else []
        return "\n".join([*title, *lines, *note]) + "\n"

    def as_latex(self) -> str:
        """Render as a booktabs ``tabular`` in a ``table``, its title and note as the caption."""
        columns, texts = self.for_people()
        numeric = [name in self.columns and self.is_numeric(name) for name in columns]
        numeric[:1] = [False]
        return latex(columns, texts, is_number=numeric, title=self.title, note=self.note)


@dataclass
class Fitted:
    """A table for rich, whose columns get the room that the terminal has.

    Args:
        table: what is printed.
    """

    table: Table

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RichTable]:
        """Yield it, as rich asks for."""
        from rich.table import Table as RichTable
        from rich.text import Text

        columns, texts = self.table.for_people()
        contents: list[Column] = []
        for index, heading in enumerate(columns):
            cells = [row[index] for row in texts]
            # In the first column names may have several words.
            is_named = all(len(one) <= NAME and (not index or " " not in one) for one in cells)
            is_text = not is_named and not self.table.is_numeric(heading)
            contents.append(Column(heading, cells, is_text))
        widths = fitted(contents, options.max_width - 3 * len(columns) - 1)
        made = RichTable()
        for index, heading in enumerate(columns):
            made.add_column(
                Text(heading),
                justify="right" if self.table.is_numeric(heading) else "left",
                overflow="fold",
                width=widths[index] if widths else None,
            )
        for row in texts:
            made.add_row(*(Text(cell) for cell in row))
        yield made


@dataclass
class Report:
    """Named metrics and tables; saved as ``report.json``."""

    metrics: dict[str, float] = field(default_factory=dict[str, float])
    tables: list[Table] = field(default_factory=list[Table])

    def extend(self, other: Report) -> None:
        """Add the metrics and tables of another report."""
        self.metrics |= other.metrics
        self.tables += other.tables

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form: ``{"metrics": {name: number}, "tables": [{"name", ...}]}``."""
        return {"metrics": self.metrics, "tables": [table.as_dict() for table in self.tables]}
