"""Writing the results of ``nlpcl predict``: one at a time, in order, in constant memory."""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Literal

from nlpcl.core.characters import is_encodable, visible
from nlpcl.core.csv_lines import csv_line, safe_cell
from nlpcl.core.errors import UserError
from nlpcl.core.files import atomic_file, explained
from nlpcl.text.records import Record

OutputFormat = Literal["table", "text", "jsonl", "csv"]
"""What every task can be written as; a layout may add others."""
ROWS_IN_TABLE = 100
"""Longer output is printed as several tables, so that memory stays constant."""

Row = Mapping[str, Any]
Lines = Callable[[Record, Row], str]
"""What stands in the output for a record and its result, with the line ends."""


def flat(row: Row) -> dict[str, Any]:
    """A row with lists and objects encoded as JSON, for formats that have only cells."""
    return {
        name: json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value
        for name, value in row.items()
    }


@dataclass(frozen=True)
class Layout:
    """The form of a task's results in the formats other than JSON Lines.

    Args:
        text: the line of the ``text`` format for a row, e.g. the corrected text.
        flat: the columns of the ``csv`` format.
        table: the columns of the ``table`` format; cells are ``rich.text.Text`` or are printed.
        counter: heading of the column of line numbers in a ``table``; empty for none.
        more: further formats by name; each is begun anew for an output.
    """

    text: Callable[[Row], str]
    flat: Callable[[Row], Row] = flat
    table: Callable[[Row], Row] = flat
    counter: str = "line"
    more: Mapping[str, Callable[[], Lines]] = field(default_factory=dict[str, Callable[[], Lines]])


class ResultWriter:
    """Writes results one by one; a context manager.

    - ``text``: the text of each result, with the byte order mark and line end of its record, so
      that a plain text file without changes is reproduced byte for byte.
    - ``jsonl``: the other fields of the input row, then the result. An input field whose name the
      result also uses is kept as ``input_NAME``.
    - ``csv``: the same, in columns that the first row determines.
    - ``table``: a table, with colours on a terminal.

    What could not be read has a row with its ``error``, an empty line in ``text``, and is an empty
    row to the formats of a layout.

    A regular file is put in place only if the block ends without an error, and may be the input.
    """

    def __init__(
        self,
        format: OutputFormat | str,
        output: Path | None,
        layout: Layout,
        *,
        errors: bool = False,
        safe_csv: bool = False,
    ) -> None:
        """Prepare to write.

        Args:
            format: one of ``table``, ``text``, ``jsonl``, ``csv`` and those of the layout.
            output: a file; None or ``-`` for standard output.
            layout: how the task's results are written.
            errors: whether there may be rows that could not be read; CSV then has their column.
            safe_csv: put an apostrophe before cells of CSV that a spreadsheet takes for formulas.
        """
        self._format, self._layout = format, layout
        self._output = None if output is None or str(output) == "-" else output
        self._exit = contextlib.ExitStack()
        self._stream: IO[str] = sys.stdout
        self._columns: list[str] = []
        self._pending: list[Row] = []
        self._errors, self._safe_csv = errors, safe_csv
        self._early: list[Row] = []  # rows with errors before the first that shows the columns
        self._lines = layout.more[format]() if format in layout.more else None

    def __enter__(self) -> ResultWriter:
        """Open the output."""
        if self._output is not None:
            self._stream = self._exit.enter_context(open_output(self._output))
        elif self._format != "table":
            self._stream = self._exit.enter_context(standard_output())
        return self

    def __exit__(self, *error: Any) -> bool | None:
        """Print pending rows and put the file in place, or discard it after an error."""
        if error[0] is None:
            try:
                self._write_early()
                self._print_table()
            except BaseException:
                self._exit.__exit__(*sys.exc_info())
                raise
        return self._exit.__exit__(*error)

    def write(self, record: Record, row: Row) -> None:
        """Write the result ``row`` of ``record``.

        Raises:
            UserError: a CSV row has a field that the first row lacks, or the disk is full.
        """
        if self._lines is not None:
            self._stream.write(self._lines(record, row))
        elif self._format == "text":
            self._stream.write(f"{record.before}{self._layout.text(row)}{record.line_end}")
        elif self._format == "jsonl":
            self._stream.write(json_line(merged(record.fields, row)))
        elif self._format == "csv":
            self._write_csv(record, flat(merged(record.fields, self._layout.flat(row))))
        else:
            self._add_to_table(record, self._layout.table(row))
        if self._output is None:
            self._stream.flush()

    def write_error(self, record: Record, row: Row | None = None) -> None:
        """Write the row of a record that could not be read, in its place.

        Args:
            record: with its ``error``.
            row: what else is known of it.
        """
        told = {**(row or {}), "error": record.error}
        if self._lines is not None:
            self._stream.write(self._lines(record, {}))
        elif self._format == "text":
            self._stream.write(f"{record.before}{record.line_end}")
        elif self._format == "jsonl":
            self._stream.write(json_line(merged(record.fields, told)))
        elif self._format == "table":
            self._add_to_table(record, told)
        elif self._columns:
            self._write_csv(record, told)
        else:
            self._early.append(told)
        if self._output is None:
            self._stream.flush()

    def _add_to_table(self, record: Record, row: Row) -> None:
        counter = {self._layout.counter: record.number} if self._layout.counter else {}
        self._pending.append({**counter, **row})
        if len(self._pending) >= ROWS_IN_TABLE:
            self._print_table()

    def _write_early(self) -> None:
        early, self._early = self._early, []
        if early and not self._columns:
            self._columns = list(early[0])
            self._write_cells(self._columns)
        for row in early:
            self._write_cells(row.get(name, "") for name in self._columns)

    def _write_csv(self, record: Record, row: Row) -> None:
        if not self._columns:
            self._columns = list(row) + (["error"] if self._errors else [])
            self._write_cells(self._columns)
            self._write_early()
        unknown = row.keys() - set(self._columns)
        if unknown:
            raise UserError(
                f"field {min(unknown)!r} is not in the first row",
                f"line {record.number}",
                "Write --format jsonl, which needs no fixed columns.",
            )
        self._write_cells(row.get(name, "") for name in self._columns)

    def _write_cells(self, cells: Iterable[Any]) -> None:
        self._stream.write(csv_line(map(safe_cell, cells) if self._safe_csv else cells))

    def _print_table(self) -> None:
        if not self._pending:
            return
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(show_lines=False)
        names = list(dict.fromkeys(name for row in self._pending for name in row))
        for name in names:
            number = isinstance(self._pending[0].get(name), int | float)
            table.add_column(Text(name), justify="right" if number else "left", overflow="fold")
        for row in self._pending:
            cells = [row.get(name, "") for name in names]
            table.add_row(
                *(cell if isinstance(cell, Text) else visible(str(cell)) for cell in cells)
            )
        Console(file=self._stream, markup=False, emoji=False, highlight=False).print(table)
        self._pending = []


def styled(text: str, marks: Iterable[tuple[int, int, str]]) -> Any:
    """``visible(text)`` as ``rich.text.Text``, with styles from one of its characters to another.

    Args:
        text: to show on a terminal.
        marks: first character of ``text``, the one after the last, and the style.
    """
    from rich.text import Text

    shown = Text(visible(text))
    places: Sequence[int] = range(len(text) + 1)
    if len(shown) != len(text):  # some characters are shown as their escapes
        places = [0, *itertools.accumulate(len(visible(character)) for character in text)]
    for start, end, style in marks:
        shown.stylize(style, places[start], places[end])
    return shown


def merged(fields: Row, row: Row) -> dict[str, Any]:
    """The fields of the input and of the result in one row, without overwriting any."""
    together: dict[str, Any] = {}
    for name, value in fields.items():
        while name in row or name in together:
            name = f"input_{name}"
        together[name] = value
    return together | dict(row)


def json_line(row: Row) -> str:
    """``row`` as one line; non-ASCII is escaped only if the row has a lone surrogate."""
    line = json.dumps(row, ensure_ascii=False) + "\n"
    return line if is_encodable(line) else json.dumps(row) + "\n"


@contextlib.contextmanager
def open_output(path: Path) -> Iterator[IO[str]]:
    """Open ``path`` without newline translation; a device or pipe is written directly."""
    if path.exists() and not path.is_file():
        with explained(path), path.open("w", encoding="utf-8", newline="") as stream:
            yield stream
    else:
        with atomic_file(path, newline="") as stream:
            yield stream


@contextlib.contextmanager
def standard_output() -> Iterator[IO[str]]:
    """Standard output as UTF-8 without newline translation, whatever the locale."""
    sys.stdout.flush()
    buffer = getattr(sys.stdout, "buffer", None)
    if buffer is None:
        yield sys.stdout
        return
    stream = io.TextIOWrapper(buffer, encoding="utf-8", newline="", write_through=True)
    try:
        yield stream
    finally:
        stream.detach()
