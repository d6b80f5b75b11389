"""The annotation format of the SIGHAN bake-offs' test sets: sentences, with the truth aside."""

from __future__ import annotations

import re
from pathlib import Path

from nlpcl.core.errors import UserError
from nlpcl.core.splits import Example, Problem
from nlpcl.core.text_files import read_lines
from nlpcl.data.pairs import pair
from nlpcl.data.sgml import location_of

_INPUT = re.compile(r"\s*\((?:pid|nid)\s*=\s*([^)\s]+)\s*\)\s?(.*)", re.IGNORECASE)


def read_truth(inputs: Path, truth: Path, problems: list[Problem]) -> list[Example]:
    """Pairs of a test file ``(pid=ID) sentence`` and its truth ``ID, location, character, ...``.

    Locations are 1-based; ``ID, 0`` means no error.
    """
    edits = _read_edits(truth, problems)
    rows: list[Example] = []
    for line, content in enumerate(read_lines(inputs, damaged=problems), start=1):
        found = _INPUT.fullmatch(content)
        if found is None or not found.group(2).strip():
            what = "not (pid=ID) and a sentence; row skipped" if content.strip() else "empty row"
            problems.append(Problem(str(inputs), line, what))
            continue
        identifier, source = found.group(1), found.group(2).strip()
        if identifier not in edits:
            what = f"{identifier} is not in {truth.name}; row skipped"
            problems.append(Problem(str(inputs), line, what))
            continue
        truth_line, changes = edits.pop(identifier)
        if any(not 1 <= at <= len(source) for at in changes):
            what = f"{identifier}: a location beyond the sentence's end; row skipped"
            problems.append(Problem(str(truth), truth_line, what))
            continue
        pieces = [changes.get(at, character) for at, character in enumerate(source, start=1)]
        rows.append(pair(identifier, source, "".join(pieces), inputs, line))
    for identifier, (line, _) in edits.items():
        problems.append(Problem(str(truth), line, f"{identifier} is not in {inputs.name}"))
    if not rows:
        raise UserError("no usable row", inputs, "Expected lines (pid=ID) and a sentence.")
    return rows


def _read_edits(truth: Path, problems: list[Problem]) -> dict[str, tuple[int, dict[int, str]]]:
    """Line and ``{location: right character}`` of every sentence of a truth file."""
    edits: dict[str, tuple[int, dict[int, str]]] = {}
    for line, content in enumerate(read_lines(truth), start=1):
        if not content.strip():
            continue
        identifier, *rest = (part.strip() for part in content.split(","))
        if rest == ["0"]:
            edits[identifier] = (line, {})
        elif rest and len(rest) % 2 == 0 and all(location_of(part) >= 0 for part in rest[::2]):
            changes = {location_of(at): new for at, new in zip(rest[::2], rest[1::2], strict=True)}
            edits[identifier] = (line, changes)
        else:
            what = f"{identifier}: not pairs of location and character; row skipped"
            problems.append(Problem(str(truth), line, what))
    return edits
