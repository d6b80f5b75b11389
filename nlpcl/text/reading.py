"""Reading texts for ``nlpcl predict``: one at a time, in order, in constant memory."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any, Literal

from nlpcl.core.characters import is_encodable
from nlpcl.core.delimited import expected_dialect
from nlpcl.core.errors import UserError
from nlpcl.core.json_files import BrokenJson, parsed
from nlpcl.core.text_files import remedy
from nlpcl.text.csv_rows import read_csv
from nlpcl.text.records import Record, check_encoding, text_column

InputFormat = Literal["auto", "txt", "jsonl", "csv"]
SUFFIXES: dict[str, InputFormat] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".csv": "csv",
    ".tsv": "csv",
}
BYTE_ORDER_MARK = "\ufeff"


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
    belong to the text. JSON Lines and CSV (with a header; divided by tabs in a ``.tsv`` file, or by
    what the header shows) give one record a row. Blank lines are records with an empty text, and a
    row that cannot be read is a record with an ``error``: what is written stands in the order of
    the input, one for one.

    Args:
        source: a path, or ``"-"`` for standard input.
        format: ``auto`` is decided by the suffix of the file, plain text if that is unknown.
        column: field that holds the text; by default the first of text, source, sentence.

    Raises:
        UserError: for a file that cannot be read, plain text that is not UTF-8, a CSV header that
            cannot be read, or a file of which no row can be read.
    """
    standard = str(source) == "-"
    path = Path(source)
    format = format_of(source, format)
    if column is not None and format == "txt":
        raise UserError(
            "plain text has no columns", "--column", "Leave it out, or give a jsonl or csv file."
        )
    name = "standard input" if standard else str(path)
    with open_bytes(path, standard) as stream:
        lines = decoded_lines(stream, name)
        if format == "txt":
            yield from read_plain(lines)
            return
        lines = unmarked(undecoded_lines(stream))
        if format == "jsonl":
            records = read_json_lines(lines, name, column)
        else:
            records = read_csv(lines, name, column, expected_dialect(path.suffix.lower()))
        yield from some_readable(records)


def format_of(source: Path | str, format: InputFormat) -> InputFormat:
    """The format of an input: ``auto`` goes by the suffix, plain text if that is unknown."""
    if format != "auto":
        return format
    return "txt" if str(source) == "-" else SUFFIXES.get(Path(source).suffix.lower(), "txt")


def some_readable(records: Iterable[Record]) -> Iterator[Record]:
    """The records.

    Raises:
        UserError: at the end, where none of them could be read.
    """
    first = ""
    is_readable = False
    for record in records:
        is_readable |= not record.error
        first = first or record.error
        yield record
    if first and not is_readable:
        raise UserError(f"no row can be read; the first: {first}")


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
                remedy(line),
            ) from error


def undecoded_lines(stream: IO[bytes]) -> Iterator[str]:
    """Decode lines as :func:`decoded_lines` does; bytes that are not UTF-8 become surrogates."""
    return (line.decode("utf-8", errors="surrogateescape") for line in stream)


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
    """One record per line."""
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            yield Record("", number=number)
            continue
        row: dict[str, Any] = {}
        try:
            row = json_object(line)
            key = text_column(row, column, "")
            text = row[key]
            if not isinstance(text, str):
                raise UserError(f"field {key!r} is not a text", how="Put it in quotes.")
            if not is_encodable(text):
                what = f"field {key!r} holds half of a surrogate pair"
                raise UserError(what, how="Mend the \\u escape.")
        except UserError as error:
            yield Record("", number=number, fields=row, error=f"{name}:{number}: {error}")
            continue
        del row[key]
        yield Record(text, number=number, fields=row)


def json_object(line: str) -> dict[str, Any]:
    """The object of a line.

    Raises:
        UserError: there is none.
    """
    advice = 'Write one object a line, such as {"text": "..."}; plain text is --input-format txt.'
    check_encoding(line)
    try:
        row = parsed(line)
    except BrokenJson as error:
        raise UserError(f"not valid JSON: {error.what}", how=advice) from error
    if not isinstance(row, dict):
        raise UserError("not a JSON object", how=advice)
    return row
