"""A text that was read, with what is needed to write it back in its place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from nlpcl.core.errors import UserError, unknown_name
from nlpcl.core.text_files import remedy

TEXT_COLUMNS = ("text", "source", "sentence")
"""Columns that hold the text by default, in order of preference."""


@dataclass(frozen=True, slots=True)
class Record:
    r"""One text, and what is needed to write it back in its place.

    Args:
        text: the text itself, without its line end, otherwise exactly as in the input.
        line_end: ``"\n"``, ``"\r\n"``, or ``""`` after a last line without one.
        number: line of the input at which it begins, counted from 1.
        fields: the other fields of a JSON Lines or CSV row.
        before: the byte order mark of a plain text file, on its first record.
        error: why there is no text, for a row of JSON Lines or CSV that cannot be read.
    """

    text: str
    line_end: str = "\n"
    number: int = 0
    fields: Mapping[str, Any] = field(default_factory=dict)
    before: str = ""
    error: str = ""


def check_encoding(line: str) -> None:
    """Refuse a line of :func:`undecoded_lines` that is not UTF-8.

    Raises:
        UserError: saying where, and what it looks like.
    """
    data = line.encode("utf-8", errors="surrogateescape")
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        what = f"not UTF-8 (byte {error.start + 1} of the row)"
        raise UserError(what, how=remedy(data)) from error


def found_column(names: Iterable[str], column: str | None) -> str | None:
    """The column of that name, or the first of the usual ones, whose case is ignored."""
    known = list(names)
    if column is not None:
        return column if column in known else None
    usual = {name.strip().casefold(): name for name in reversed(known)}
    return next((usual[name] for name in TEXT_COLUMNS if name in usual), None)


def text_column(names: Iterable[str], column: str | None, where: str) -> str:
    """The column that holds the text, as :func:`found_column` finds it.

    Raises:
        UserError: there is none.
    """
    known = list(names)
    found = found_column(known, column)
    if found is not None:
        return found
    if column is not None:
        raise unknown_name("column", column, known, where=where)
    raise UserError(
        f"no column text, source or sentence among {', '.join(known) or 'none'}",
        where,
        "Name the column with --column.",
    )
