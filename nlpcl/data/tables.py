"""Reading of rows from .tsv, .csv, .jsonl and .json files, for all tasks."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from nlpcl.core.errors import UserError, unknown_name
from nlpcl.core.splits import Example, Problem
from nlpcl.core.text_files import read_text

Fields = Mapping[str, Sequence[str]]
"""The fields a task needs, each with the column names it is known by, in order of preference."""

Record = tuple[int, dict[str, Any]]
"""A 1-based line and the named values that stand there."""

SUFFIXES = (".tsv", ".csv", ".jsonl", ".json", ".txt")

# Surrogates come from JSON escapes; they cannot be written as UTF-8 again.
_DAMAGE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]|\r(?!\n)")
_EXTRA = "\0extra"


def read_rows(
    path: Path,
    fields: Fields,
    *,
    columns: Mapping[str, str] | None = None,
    suffix: str | None = None,
    optional: Fields | None = None,
) -> tuple[list[Example], list[Problem]]:
    """Rows with ``id``, the task's fields as text, ``file`` and ``line``; and the rows skipped.

    Tab-separated files are read without quoting. A header is found by its names. Without one the
    columns stand in the order of ``fields``, after an optional column of counts or flags.
    Text is not normalised.

    Args:
        path: a file with one of ``SUFFIXES``; ``.txt`` is read as tab-separated.
        fields: the task's fields with the column names they are known by.
        columns: field to column, as the user named them.
        suffix: how to read a file whose own suffix does not tell.
        optional: further fields, read as they stand where a header names them.

    Raises:
        UserError: an unreadable file, no such column, or not one usable row.
    """
    more = optional or {}
    for field in columns or {}:
        if field not in fields and field not in more:
            raise unknown_name("field", field, [*fields, *more], where=str(path))
    suffix = suffix or path.suffix.lower()
    text = read_text(path)
    if suffix not in _READERS:
        raise UserError(f"unknown file type {suffix!r}", path, f"Known: {', '.join(SUFFIXES)}.")
    records, problems = _READERS[suffix](path, text, fields, columns or {}, more)
    names = {field: field for field in fields}
    extras = {field: field for field in more}
    if suffix in (".json", ".jsonl"):
        header = list(dict.fromkeys(key for _, values in records for key in values))
        if records:
            names = resolve_columns(header, fields, columns or {}, path)
            extras = resolve_optional(header, more, columns or {}, path)
    rows, skipped = rows_of(records, names, path.name, str(path), extras)
    problems = sorted([*problems, *skipped], key=lambda problem: problem.line or 0)
    if not rows:
        first = f"First problem, line {problems[0].line}: {problems[0].what}." if problems else ""
        raise UserError("no usable row", path, first or "It holds no rows.")
    return rows, problems


def rows_of(
    records: Iterable[Record],
    names: Mapping[str, str],
    label: str,
    file: str,
    extras: Mapping[str, str] | None = None,
) -> tuple[list[Example], list[Problem]]:
    """Rows with the fields ``names`` maps to columns, and the records that are no rows.

    ``label`` begins the ids of the rows, ``file`` is where the problems are reported. ``extras``
    are the fields that a row may lack: their values are taken as they stand.
    """
    rows: list[Example] = []
    problems: list[Problem] = []
    for line, values in records:
        try:
            texts = {field: _as_text(values, column) for field, column in names.items()}
        except ValueError as error:
            problems.append(Problem(file, line, f"{error}; row skipped"))
            continue
        if _EXTRA in values:
            extra = "more fields than expected; the extra ones are ignored"
            problems.append(Problem(file, line, extra))
        more = {field: values.get(column) for field, column in (extras or {}).items()}
        given = {field: value for field, value in more.items() if value not in (None, "")}
        rows.append({"id": f"{label}:{line}", **texts, **given, "file": file, "line": line})
    return rows, problems


def resolve_columns(
    header: Sequence[str], fields: Fields, columns: Mapping[str, str], where: object
) -> dict[str, str]:
    """The column of each field: as the user named it, else by the known names.

    Raises:
        UserError: a named column is not in the header, or no known name is.
    """
    by_name = {name.strip().casefold(): name for name in reversed(header)}
    resolved: dict[str, str] = {}
    for field, aliases in fields.items():
        if field in columns:
            if columns[field] not in header:
                raise unknown_name("column", columns[field], header, where=str(where))
            resolved[field] = columns[field]
            continue
        known = [by_name[alias] for alias in aliases if alias in by_name]
        if not known:
            how = f"Name it: {field}=COLUMN. Known names: {', '.join(aliases)}."
            listed = ", ".join(repr(name) for name in header)
            raise UserError(f"no column for the {field} among {listed}", where, how)
        resolved[field] = known[0]
    return resolved


def resolve_optional(
    header: Sequence[str], fields: Fields, columns: Mapping[str, str], where: object
) -> dict[str, str]:
    """As :func:`resolve_columns`, for the fields that are named or have a known column."""
    present = {name.strip().casefold() for name in header}
    there = {f: names for f, names in fields.items() if f in columns or present.intersection(names)}
    return resolve_columns(header, there, columns, where)


def _as_text(values: Mapping[str, Any], column: str) -> str:
    value = values.get(column)
    if value is None:
        raise ValueError(f"no {column}")
    if isinstance(value, bool | int | float):
        value = json.dumps(value)
    if not isinstance(value, str):
        raise ValueError(f"{column} is not text")
    if not value.strip():
        raise ValueError(f"empty {column}")
    if damage := _DAMAGE.search(value):
        raise ValueError(f"control character U+{ord(damage.group()):04X} in {column}")
    return value


def _tsv(
    path: Path, text: str, fields: Fields, columns: Mapping[str, str], optional: Fields
) -> tuple[list[Record], list[Problem]]:
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    cells = [line.removesuffix("\r").split("\t") for line in lines]
    return _named(path, list(enumerate(cells, start=1)), fields, columns, optional)


def _csv(
    path: Path, text: str, fields: Fields, columns: Mapping[str, str], optional: Fields
) -> tuple[list[Record], list[Problem]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    cells: list[tuple[int, list[str]]] = []
    line = 1
    try:
        for row in reader:
            cells.append((line, row or [""]))
            line = reader.line_num + 1
    except csv.Error as error:
        raise UserError(
            f"broken CSV from line {line} on ({error})", path, 'Write quotes in text as "".'
        ) from error
    return _named(path, cells, fields, columns, optional)


def _named(
    path: Path,
    cells: list[tuple[int, list[str]]],
    fields: Fields,
    columns: Mapping[str, str],
    optional: Fields,
) -> tuple[list[Record], list[Problem]]:
    """Cells as records named after the fields."""
    problems: list[Problem] = []
    filled: list[tuple[int, list[str]]] = []
    for line, row in cells:
        if any(cell.strip() for cell in row):
            filled.append((line, row))
        else:
            problems.append(Problem(str(path), line, "empty row; row skipped"))
    if not filled:
        return [], problems
    first = filled[0][1]
    names = {cell.strip().casefold() for cell in first}
    known = [field for field, aliases in fields.items() if names.intersection(aliases)]
    if columns or known:
        resolved = resolve_columns(first, fields, columns, path)
        resolved |= resolve_optional(first, optional, columns, path)
        index = {field: first.index(column) for field, column in resolved.items()}
        width, filled = len(first), filled[1:]
    else:
        flagged = len(first) == len(fields) + 1 and re.fullmatch(r"\s*\d+\s*", first[0])
        if len(first) != len(fields) and not flagged:
            how = f"Expected {' and '.join(fields)}, or a header that names them."
            raise UserError(f"{len(first)} columns without a known header", path, how)
        index = {field: place + bool(flagged) for place, field in enumerate(fields)}
        width = len(first)
    records: list[Record] = []
    for line, row in filled:
        values: dict[str, Any] = {f: row[at] for f, at in index.items() if at < len(row)}
        if len(row) > width:
            values[_EXTRA] = True
        records.append((line, values))
    return records, problems


def _jsonl(
    path: Path, text: str, fields: Fields, columns: Mapping[str, str], optional: Fields
) -> tuple[list[Record], list[Problem]]:
    del fields, columns, optional
    records: list[Record] = []
    problems: list[Problem] = []
    for line, content in enumerate(text.rstrip("\n").split("\n"), start=1):
        try:
            value = json.loads(content) if content.strip() else None
        except (ValueError, RecursionError):
            problems.append(Problem(str(path), line, "not valid JSON; row skipped"))
            continue
        if isinstance(value, dict):
            records.append((line, value))
        else:
            what = "empty row" if value is None else "not a JSON object"
            problems.append(Problem(str(path), line, f"{what}; row skipped"))
    return records, problems


def _json(
    path: Path, text: str, fields: Fields, columns: Mapping[str, str], optional: Fields
) -> tuple[list[Record], list[Problem]]:
    """Decode a list of objects one by one, to know the line of each."""
    if text.lstrip().startswith("{"):
        records, problems = _jsonl(path, text, fields, columns, optional)
        if records:  # one object a line, which some tools name .json
            return records, problems
        raise UserError("one JSON object", path, "Expected a list of objects: [{...}, {...}].")
    decoder, blank = json.JSONDecoder(), re.compile(r"[\s,]*")
    start = re.match(r"\s*\[", text)
    if start is None:
        raise UserError("not a JSON list", path, "Expected a list of objects: [{...}, {...}].")
    records: list[Record] = []
    problems: list[Problem] = []
    line, counted, at = 1, 0, start.end()
    while True:
        gap = blank.match(text, at)
        at = gap.end() if gap else at
        line, counted = line + text.count("\n", counted, at), at
        if text[at : at + 1] == "]":
            return records, problems
        try:
            value, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            how = "Get an undamaged copy; expected a list of objects: [{...}, {...}]."
            raise UserError(f"broken JSON at line {line}", path, how) from error
        if isinstance(value, dict):
            records.append((line, value))
        else:
            problems.append(Problem(str(path), line, "not a JSON object; row skipped"))


_Reader = Callable[
    [Path, str, Fields, Mapping[str, str], Fields], tuple[list[Record], list[Problem]]
]
_READERS: dict[str, _Reader] = {
    ".tsv": _tsv,
    ".txt": _tsv,
    ".csv": _csv,
    ".jsonl": _jsonl,
    ".json": _json,
}
