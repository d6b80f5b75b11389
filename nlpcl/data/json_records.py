"""Records of .json and .jsonl files, each with its line."""

from __future__ import annotations

import re
from json import JSONDecoder
from pathlib import Path
from typing import Any

from nlpcl.core.errors import UserError
from nlpcl.core.json_files import BrokenJson, parsed, parsed_from
from nlpcl.core.splits import Problem

Record = tuple[int, dict[str, Any]]
"""A 1-based line and the named values that stand there."""
Value = tuple[int, Any]
"""A 1-based line and what stands there, decoded."""
SUFFIXES = (".json", ".jsonl")
ONE = "Keep one list, or write one object a line."
_LIST = re.compile(r"\s*\[\s*[\[{]")
"""How a list of records begins, whatever its file is called."""


def json_records(path: Path, text: str, suffix: str) -> tuple[list[Record], list[Problem]]:
    """The objects of a file, and what in it is none.

    Args:
        path: the file, for messages.
        text: its content.
        suffix: ``.jsonl`` for one object a line; ``.json`` for a list of objects, or the same.

    Raises:
        UserError: broken JSON, or neither of these.
    """
    values, problems = json_values(path, text, suffix)
    records: list[Record] = []
    for line, value in values:
        if isinstance(value, dict):
            records.append((line, value))
        else:
            problems.append(Problem(str(path), line, "not a JSON object; row skipped"))
    return records, sorted(problems, key=lambda problem: problem.line or 0)


def json_values(path: Path, text: str, suffix: str) -> tuple[list[Value], list[Problem]]:
    """As :func:`json_records`, with whatever stands in place of an object."""
    is_list = suffix == ".json" or _LIST.match(text)
    return _json(path, text) if is_list else _jsonl(path, text)


def _jsonl(path: Path, text: str) -> tuple[list[Value], list[Problem]]:
    values: list[Value] = []
    problems: list[Problem] = []
    for line, content in enumerate(text.rstrip("\r\n").split("\n"), start=1):
        if not content.strip():
            problems.append(Problem(str(path), line, "empty row; row skipped"))
            continue
        try:
            values.append((line, parsed(content)))
        except BrokenJson:
            problems.append(Problem(str(path), line, "not valid JSON; row skipped"))
    return values, problems


def _json(path: Path, text: str) -> tuple[list[Value], list[Problem]]:
    """Decode a list one by one, to know the line of each value."""
    if text.lstrip().startswith("{"):
        values, problems = _jsonl(path, text)
        if any(isinstance(value, dict) for _, value in values):
            return values, problems  # one object a line, which some tools name .json
        raise UserError("one JSON object", path, "Expected a list of objects: [{...}, {...}].")
    decoder, blank = JSONDecoder(), re.compile(r"[\s,]*")
    start = re.match(r"\s*\[", text)
    if start is None:
        raise UserError("not a JSON list", path, "Expected a list of objects: [{...}, {...}].")
    values: list[Value] = []
    line, counted, at = 1, 0, start.end()
    while True:
        gap = blank.match(text, at)
        at = gap.end() if gap else at
        line, counted = line + text.count("\n", counted, at), at
        if text[at : at + 1] == "]":
            if text[at + 1 :].strip():
                raise UserError(f"more behind the list that ends at line {line}", path, ONE)
            return values, []
        try:
            value, at = parsed_from(decoder, text, at)
        except BrokenJson as error:
            how = "Get an undamaged copy; expected a list of objects: [{...}, {...}]."
            raise UserError(f"broken JSON at line {line} ({error.what})", path, how) from error
        values.append((line, value))
