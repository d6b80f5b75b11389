"""Lines of CSV files, which spreadsheets open too."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import Any

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""How cells begin that a spreadsheet takes for formulas."""


def csv_line(cells: Iterable[Any]) -> str:
    """Cells as one CSV line; a lone surrogate is written as its Python escape."""
    stream = io.StringIO(newline="")
    # The module quotes a carriage return only if it is part of the line terminator.
    csv.writer(stream, lineterminator="\r\n").writerow(cells)
    line = stream.getvalue().removesuffix("\r\n") + "\n"
    return line.encode(errors="backslashreplace").decode()


def safe_cell(cell: Any) -> Any:
    """A cell that no spreadsheet takes for a formula: an apostrophe before a text like one."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell
