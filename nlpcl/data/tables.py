"""Reading of rows from .tsv, .csv, .jsonl and .json files, for all tasks."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nlpcl.core.characters import is_encodable
from nlpcl.core.delimited import (
    Dialect,
    cells_of,
    described,
    expected_dialect,
    sniff,
    without_empty_end,
)
from nlpcl.core.errors import UserError, unknown_name
from nlpcl.core.splits import Example, Problem
from nlpcl.core.text_files import read_text
from nlpcl.data.json_records import SUFFIXES as JSON
from nlpcl.data.json_records import Record, json_records

Fields = Mapping[str, Sequence[str]]
"""The fields a task needs, each with the column names it is known by, in order of preference."""

SUFFIXES = (".tsv", ".csv", *JSON, ".txt")

PARTS = {
    "train": ("train", "training"),
    "dev": ("dev", "valid", "validation", "val", "development"),
    "test": ("test", "testing"),
}
"""The parts of a corpus, with the names that its files and columns give them."""

# Surrogates come from JSON escapes; they cannot be written as UTF-8 again.
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
"""Characters that are no text."""
_DAMAGE = re.compile(CONTROL.pattern + "|\r(?!\n)")


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
    if suffix in JSON:
        records, problems = json_records(path, text, suffix)
    else:
        header = _Header(fields, columns or {}, more)
        expected = expected_dialect(suffix)
        dialect = sniff(text, expected, header.fit)
        if (what := described(dialect, expected)) and notes is not None:
            notes.append(f"{path.name}: {what}")
        records, problems = _delimited(path, text, dialect, header, keep_longer)
    names = {field: field for field in fields}
    extras = {field: field for field in more}
    if suffix in JSON:
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


def part_files(folder: Path, parts: Mapping[str, Sequence[str]] = PARTS) -> dict[str, Path]:
    """The table of each part of a folder that has one.

    Args:
        folder: where they lie.
        parts: part → names of its file, without their endings.

    Raises:
        UserError: several files for one part.
    """
    files = [path for path in sorted(folder.iterdir()) if path.suffix.lower() in SUFFIXES]
    found: dict[str, Path] = {}
    for part, names in parts.items():
        named = [path for path in files if path.stem.lower() in names]
        if len(named) > 1:
            listed = ", ".join(path.name for path in named)
            raise UserError(f"several {part} tables: {listed}", folder, "Keep one of them.")
        if named:
            found[part] = named[0]
    return found


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
    taken: Counter[str] = Counter()
    for line, values in records:
        try:
            texts = {field: _as_text(values, column) for field, column in names.items()}
        except ValueError as error:
            problems.append(Problem(file, line, f"{error}; row skipped"))
            continue
        more = {field: values.get(column) for field, column in (extras or {}).items()}
        given = {field: value for field, value in more.items() if value not in (None, "")}
        for field in [f for f, value in given.items() if not is_encodable(_shown(value))]:
            what = f"half of a surrogate pair in {field}; left out"
            problems.append(Problem(file, line, what, is_used=True))
            del given[field]
        name = f"{label}:{line}"
        taken[name] += 1
        if taken[name] > 1:  # the items of a JSON list may share a line
            name = f"{name}#{taken[name]}"
        rows.append({"id": name, **texts, **given, "file": file, "line": line})
    return rows, problems


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


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
    for line, row in cells_of(path, text, dialect):
        if any(cell.strip() for cell in row):
            filled.append((line, row))
        else:
            problems.append(Problem(str(path), line, "empty row; row skipped"))
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
