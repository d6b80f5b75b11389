"""Reading texts for ``nlpcl predict``: one at a time, in order, in constant memory."""

from __future__ import annotations

import contextlib
import csv
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Literal

from nlpcl.core.errors import UserError, unknown_name
from nlpcl.text.characters import is_encodable

InputFormat = Literal["auto", "txt", "jsonl", "csv"]
TEXT_COLUMNS = ("text", "source", "sentence")
"""Columns that hold the text by default, in order of preference."""
SUFFIXES: dict[str, InputFormat] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".csv": "csv",
    ".tsv": "csv",
}
BYTE_ORDER_MARK = "\ufeff"


@dataclass(frozen=True, slots=True)
class Record:
    r"""One text, and what is needed to write it back in its place.

    Args:
        text: the text itself, without its line end, otherwise exactly as in the input.
        line_end: ``"\n"``, ``"\r\n"``, or ``""`` after a last line without one.
        number: line of the input at which it begins, counted from 1.
        fields: the other fields of a JSON Lines or CSV row.
        before: the byte order mark of a plain text file, on its first record.
    """

    text: str
    line_end: str = "\n"
    number: int = 0
    fields: Mapping[str, Any] = field(default_factory=dict)
    before: str = ""


def from_arguments(texts: Iterable[str]) -> Iterator[Record]:
    """Texts given on the command line, as records.

    Raises:
        UserError: for an argument whose bytes are not UTF-8.
    """
    for number, text in enumerate(texts, start=1):
        if not is_encodable(text):
            raise UserError("not UTF-8", f"text {number}", "Give it with --input FILE.")
        yield Record(text, number=number)


def read_texts(
    source: Path | str, format: InputFormat = "auto", column: str | None = None
) -> Iterator[Record]:
    r"""The texts of a file or of standard input, one after the other.

    In plain text only ``\n`` ends a line (``\r\n`` is preserved); other separators, such as U+2028,
    belong to the text. Blank lines are records. JSON Lines and CSV (with a header; tab-separated in
    a ``.tsv`` file) give one record per row; blank lines between rows are skipped.

    Args:
        source: a path, or ``"-"`` for standard input.
        format: ``auto`` is decided by the suffix of the file, plain text if that is unknown.
        column: field that holds the text; by default the first of text, source, sentence.

    Raises:
        UserError: for a file that cannot be read, is not UTF-8, or a malformed row, with its line.
    """
    standard = str(source) == "-"
    path = Path(source)
    if format == "auto":
        format = "txt" if standard else SUFFIXES.get(path.suffix.lower(), "txt")
    if column is not None and format == "txt":
        raise UserError(
            "plain text has no columns", "--column", "Leave it out, or give a jsonl or csv file."
        )
    name = "standard input" if standard else str(path)
    with open_bytes(path, standard) as stream:
        lines = decoded_lines(stream, name)
        if format == "txt":
            yield from read_plain(lines)
        elif format == "jsonl":
            yield from read_json_lines(unmarked(lines), name, column)
        else:
            delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
            yield from read_csv(unmarked(lines), name, column, delimiter)


@contextlib.contextmanager
def open_bytes(path: Path, standard: bool) -> Iterator[IO[bytes]]:
    """Open the input as bytes; standard input is left open in the end."""
    if standard:
        yield sys.stdin.buffer
        return
    try:
        stream = path.open("rb")
    except OSError as error:
        raise UserError(
            f"cannot be read: {error.strerror}", path, "Check the name given to --input."
        ) from error
    with stream:
        yield stream


def decoded_lines(stream: IO[bytes], name: str) -> Iterator[str]:
    """Decode lines, keeping their line ends; only a line feed ends a line."""
    for number, line in enumerate(stream, start=1):
        try:
            yield line.decode("utf-8")
        except UnicodeDecodeError as error:
            raise UserError(
                f"not UTF-8 (byte {error.start + 1} of the line)",
                f"{name}:{number}",
                "Convert it first, e.g. iconv -f GB18030 -t UTF-8.",
            ) from error


def unmarked(lines: Iterable[str]) -> Iterator[str]:
    """The lines, without the byte order mark at the beginning of the first."""
    for number, line in enumerate(lines):
        yield line.removeprefix(BYTE_ORDER_MARK) if number == 0 else line


def read_plain(lines: Iterable[str]) -> Iterator[Record]:
    """One record per line."""
    for number, line in enumerate(lines, start=1):
        before = BYTE_ORDER_MARK if number == 1 and line.startswith(BYTE_ORDER_MARK) else ""
        line_end = "\r\n" if line.endswith("\r\n") else "\n" if line.endswith("\n") else ""
        text = line[len(before) : len(line) - len(line_end)]
        yield Record(text, line_end, number, before=before)


def read_json_lines(lines: Iterable[str], name: str, column: str | None) -> Iterator[Record]:
    """One record per JSON object."""
    advice = 'Write one object a line, such as {"text": "..."}; plain text is --input-format txt.'
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        where = f"{name}:{number}"
        try:
            row = json.loads(line)
        except ValueError as error:
            reason = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
            raise UserError(f"not valid JSON: {reason}", where, advice) from error
        except RecursionError as error:
            raise UserError("not valid JSON: nested too deep", where, advice) from error
        if not isinstance(row, dict):
            raise UserError("not a JSON object", where, advice)
        key = text_column(row, column, where)
        text = row.pop(key)
        if not isinstance(text, str):
            raise UserError(f"field {key!r} is not a text", where, "Put it in quotes.")
        if not is_encodable(text):
            raise UserError(
                f"field {key!r} holds half of a surrogate pair", where, "Mend the \\u escape."
            )
        yield Record(text, number=number, fields=row)


def read_csv(
    lines: Iterable[str], name: str, column: str | None, delimiter: str
) -> Iterator[Record]:
    """One record per row below the header."""
    # A text may be longer than the 128 KiB the module allows by default.
    csv.field_size_limit(2**31 - 1)
    rows = csv.reader(lines, delimiter=delimiter, strict=True)
    header: list[str] = []
    key = ""
    before = 0
    try:
        for row in rows:
            number, before = before + 1, rows.line_num
            if not row:
                continue
            where = f"{name}:{number}"
            if not header:
                header = row
                key = text_column(header, column, where)
                if len(set(header)) < len(header):
                    raise UserError("two columns of one name", where, "Rename one of them.")
            elif len(row) != len(header):
                raise UserError(
                    f"{len(row)} fields where the header has {len(header)}",
                    where,
                    "Quote fields that hold the delimiter.",
                )
            else:
                fields = dict(zip(header, row, strict=True))
                yield Record(fields.pop(key), number=number, fields=fields)
    except csv.Error as error:
        raise UserError(
            f"not valid CSV: {error}", f"{name}:{before + 1}", "Check the quotes of this row."
        ) from error


def text_column(names: Iterable[str], column: str | None, where: str) -> str:
    """The column that holds the text.

    Raises:
        UserError: ``column`` is absent, or, if it is None, all of ``TEXT_COLUMNS`` are.
    """
    known = list(names)
    for candidate in [column] if column is not None else TEXT_COLUMNS:
        if candidate in known:
            return candidate
    if column is not None:
        raise unknown_name("column", column, known, where=where)
    raise UserError(
        f"no column text, source or sentence among {', '.join(known) or 'none'}",
        where,
        "Name the column with --column.",
    )
