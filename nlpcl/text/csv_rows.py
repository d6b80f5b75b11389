"""Reading texts from CSV, one row at a time; a broken row does not take its neighbours with it."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterable, Iterator

from nlpcl.core.delimited import LONGEST_CELL, NAMES, Dialect
from nlpcl.core.errors import UserError
from nlpcl.text.records import Record, check_encoding, found_column, text_column


def read_csv(
    lines: Iterable[str], name: str, column: str | None, expected: Dialect
) -> Iterator[Record]:
    """One record per row below the header.

    Where quotes are not closed, the line at which they begin is a record with an error, and the
    next line begins a row again.

    Raises:
        UserError: the header cannot be read, or lacks the column.
    """
    rows = Rows(lines)
    header, at, key = csv_header(rows, name, column, expected)
    for number, row in rows.read(at):
        if not isinstance(row, str) and not any(row):
            yield Record("", number=number, fields={name: "" for name in header if name != key})
            continue
        try:
            if isinstance(row, str):
                raise UserError(f"not valid CSV: {row}", how="Check the quotes of this row.")
            check_encoding("".join(row))
            if len(row) != len(header):
                fields = "field" if len(row) == 1 else "fields"
                what = f"{len(row)} {fields} where the header has {len(header)}"
                is_longer = len(row) > len(header)
                how = "Quote fields that hold the delimiter." if is_longer else "Add the others."
                raise UserError(what, how=how)
        except UserError as error:
            yield Record("", number=number, error=f"{name}:{number}: {error}")
            continue
        fields = dict(zip(header, row, strict=True))
        yield Record(fields.pop(key), number=number, fields=fields)


def csv_header(
    rows: Rows, name: str, column: str | None, expected: Dialect
) -> tuple[list[str], str, str]:
    """The names of the columns, the delimiter, and which column holds the text.

    The delimiter is the expected one where it finds that column, else another that does.

    Raises:
        UserError: no such column, a broken header, or two columns of one name.
    """
    line = next((line for line in rows if line.strip()), "")
    if not line:
        return [""], expected.delimiter, ""
    where = f"{name}:{rows.number}"
    header, delimiter = [], expected.delimiter
    for tried in dict.fromkeys([expected.delimiter, *NAMES]):
        try:
            (cells,) = csv.reader([line], delimiter=tried, strict=True)
        except (csv.Error, ValueError) as error:
            raise UserError(f"not valid CSV: {error}", where, "Check its quotes.") from error
        is_found = found_column(cells, column) is not None
        if tried == expected.delimiter or is_found:
            header, delimiter = cells, tried
        if is_found:
            break
    check_encoding(line)
    if len(set(header)) < len(header):
        raise UserError("two columns of one name", where, "Rename one of them.")
    return header, delimiter, text_column(header, column, where)


class Rows:
    """Lines of a table, of which those behind an unclosed quote can be read again.

    Args:
        lines: with their ends.
    """

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self._again: deque[str] = deque()
        self._taken: list[str] = []
        self.number = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._lines)
        self._taken.append(line)
        self.number += 1
        return line

    def read(self, delimiter: str) -> Iterator[tuple[int, list[str] | str]]:
        """Rows with the number of their first line; for a broken one, what is wrong with it."""
        csv.field_size_limit(LONGEST_CELL)
        reader = csv.reader(self, delimiter=delimiter, strict=True)
        while True:
            self._taken.clear()
            first = self.number + 1
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                self._again.extendleft(reversed(self._taken[1:]))
                self.number = first
                reader = csv.reader(self, delimiter=delimiter, strict=True)
                yield first, str(error)
                continue
            yield first, row
