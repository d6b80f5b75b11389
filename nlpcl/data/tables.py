"""Reading of rows from .tsv, .csv, .jsonl and .json files, for all tasks."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nlpcl.core.delimited import (
    BrokenQuotes,
    Dialect,
    described,
    expected_dialect,
    sniff,
    without_empty_end,
)
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


def read_rows(
    path: Path,
    fields: Fields,
    *,
    columns: Mapping[str, str] | None = None,
    suffix: str | None = None,
    optional: Fields | None = None,
    notes: list[str] | None = None,
    keep_longer: bool = False,
) -> tuple[list[Example], list[Problem]]:
    """Rows with ``id``, the task's fields as text, ``file`` and ``line``; and the rows skipped.

    A header is found by its names. Without one the columns stand in the order of ``fields``, after
    an optional column of counts or flags. Tab-separated files are read without quoting, unless
    quotes alone make rows as long as the header, and other delimiters than the file's name
    promises are recognised. A row with more cells than the header is skipped, since nobody knows
    which cell is which. Text is not normalised.

    Args:
        path: a file with one of ``SUFFIXES``; ``.txt`` is read as tab-separated.
        fields: the task's fields with the column names they are known by.
        columns: field to column, as the user named them.
        suffix: how to read a file whose own suffix does not tell.
        optional: further fields, read as they stand where a header names them.
        notes: gets what is unusual about the file as a whole; without it Latin-1 is refused.
        keep_longer: use the first cells of a row with more cells than the header all the same.

    Raises:
        UserError: an unreadable file, no such column, or not one usable row.
    """
    more = optional or {}
    for field in columns or {}:
        if field not in fields and field not in more:
            raise unknown_name("field", field, [*fields, *more], where=str(path))
    suffix = suffix or path.suffix.lower()
    text = read_text(path, notes=notes)
    if suffix not in SUFFIXES:
        raise UserError(f"unknown file type {suffix!r}", path, f"Known: {', '.join(SUFFIXES)}.")
    if suffix in (".json", ".jsonl"):
        records, problems = _READERS[suffix](path, text)
    else:
        header = _Header(fields, columns or {}, more)
        expected = expected_dialect(suffix)
        dialect = sniff(text, expected, header.fit)
        if (what := described(dialect, expected)) and notes is not None:
            notes.append(f"{path.name}: {what}")
        records, problems = _delimited(path, text, dialect, header, keep_longer)
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


@dataclass(frozen=True)
class _Header:
    """What is looked for in the first row of a table.

    Args:
        fields: the task's, with the names they are known by.
        columns: field to column, as the user named them.
        optional: further fields.
    """

    fields: Fields
    columns: Mapping[str, str]
    optional: Fields

    def knows(self, row: Sequence[str]) -> int:
        """How many of the fields it names."""
        names = {cell.strip().casefold() for cell in row}
        listed = [field for field, known in self.fields.items() if names.intersection(known)]
        return len({*listed, *(f for f, column in self.columns.items() if column in row)})

    def is_flagged(self, row: Sequence[str]) -> bool:
        """Whether a row without a header begins with a count or flag."""
        return len(row) == len(self.fields) + 1 and bool(re.fullmatch(r"\s*\d+\s*", row[0]))

    def fit(self, row: Sequence[str]) -> int:
        """How well a row suits: names count more than the mere number of cells."""
        return 2 * self.knows(row) + (len(row) == len(self.fields) or self.is_flagged(row))


def _delimited(
    path: Path, text: str, dialect: Dialect, header: _Header, keep_longer: bool
) -> tuple[list[Record], list[Problem]]:
    """The rows of a table as records named after the fields."""
    problems: list[Problem] = []
    filled: list[tuple[int, list[str]]] = []
    try:
        for line, row in dialect.cells(text):
            if any(cell.strip() for cell in row):
                filled.append((line, row))
            else:
                problems.append(Problem(str(path), line, "empty row; row skipped"))
    except BrokenQuotes as error:
        raise UserError(
            f"broken CSV from line {error.line} on ({error})",
            path,
            'Write quotes in text as "".',
        ) from error
    if not filled:
        return [], problems
    first = filled[0][1]
    if header.columns or header.knows(first):
        resolved = resolve_columns(first, header.fields, header.columns, path)
        resolved |= resolve_optional(first, header.optional, header.columns, path)
        index = {field: first.index(column) for field, column in resolved.items()}
        filled = filled[1:]
    else:
        flagged = header.is_flagged(first)
        if len(first) != len(header.fields) and not flagged:
            how = f"Expected {' and '.join(header.fields)}, or a header that names them."
            raise UserError(f"{len(first)} columns without a known header", path, how)
        index = {field: place + flagged for place, field in enumerate(header.fields)}
    records: list[Record] = []
    for line, cells in filled:
        row = without_empty_end(cells, len(first))
        if len(row) > len(first):
            what = f"{len(row)} cells for {len(first)} columns"
            what += "; the surplus is ignored" if keep_longer else "; row skipped"
            problems.append(Problem(str(path), line, what, is_used=keep_longer))
        if keep_longer or len(row) <= len(first):
            records.append((line, {f: row[at] for f, at in index.items() if at < len(row)}))
    return records, problems


def _jsonl(path: Path, text: str) -> tuple[list[Record], list[Problem]]:
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


def _json(path: Path, text: str) -> tuple[list[Record], list[Problem]]:
    """Decode a list of objects one by one, to know the line of each."""
    if text.lstrip().startswith("{"):
        records, problems = _jsonl(path, text)
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


_READERS: dict[str, Callable[[Path, str], tuple[list[Record], list[Problem]]]] = {
    ".jsonl": _jsonl,
    ".json": _json,
}
