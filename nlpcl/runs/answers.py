"""The kept answers of a run: ``predictions.jsonl`` and ``history.csv``, read and checked."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nlpcl.core.errors import UserError
from nlpcl.core.json_files import DAMAGED, read_json_lines
from nlpcl.core.text_files import read_text
from nlpcl.runs.shapes import EditedRow, LabelledRow, SpansRow
from nlpcl.tasks.spec import Answers

TOLERANCE = 0.01
"""How far probabilities may be from adding up to 1: they are rounded."""


def read_answers(path: Path, answers: Answers) -> list[dict[str, Any]]:
    """The rows of a ``predictions.jsonl``.

    Args:
        path: of the file.
        answers: what its rows hold, see :class:`nlpcl.tasks.spec.TaskSpec`.

    Raises:
        UserError: it is missing, or a row is damaged.
    """
    shapes: Mapping[Answers, Any] = {
        "labels": LabelledRow,
        "edits": EditedRow,
        "entities": SpansRow,
    }
    rows: list[dict[str, Any]] = read_json_lines(path, shapes.get(answers, dict[str, Any]))
    for number, row in enumerate(rows, start=1):
        what = ""
        if answers == "edits":
            what = _fault_of_edits(row)
        elif answers == "labels":
            what = _fault_of_labels(row, rows[0])
        elif answers == "entities":
            what = _fault_of_entities(row)
        if what:
            raise UserError(f"row {number}: {what}", path, DAMAGED)
    return rows


def _fault_of_labels(row: Mapping[str, Any], first: Mapping[str, Any]) -> str:
    found = row["probabilities"]
    if found.keys() != first["probabilities"].keys():
        return "its probabilities are not those of the first row's classes"
    if not all(0 <= value <= 1 for value in found.values()):
        return "a probability is not between 0 and 1"
    if found and abs(math.fsum(found.values()) - 1) > TOLERANCE:
        return "its probabilities do not add up to 1"
    if found and row["label"] not in found:
        return f"its label {row['label']!r} has no probability"
    return ""


def _fault_of_edits(row: Mapping[str, Any]) -> str:
    length = len(row["source"])
    if not all(0 <= edit["position"] < length for edit in row["edits"]):
        return "an edit stands beyond its sentence"
    return ""


def _fault_of_entities(row: Mapping[str, Any]) -> str:
    length = len(row["text"])
    for one in [*row["gold"], *row["entities"]]:
        if not 0 <= one["start"] < one["end"] <= length:
            return "an entity does not lie in its text"
    return ""


def read_history(path: Path) -> list[dict[str, Any]]:
    """The rows of a ``history.csv``: one per epoch and fold, with numbers converted.

    Raises:
        UserError: it is missing or damaged.
    """
    try:
        listed = list(csv.DictReader(io.StringIO(read_text(path), newline=""), strict=True))
    except csv.Error as error:
        raise UserError(f"broken CSV ({error})", path, DAMAGED) from error
    if not listed:
        raise UserError("holds no epoch", path, DAMAGED)
    rows: list[dict[str, Any]] = []
    for number, cells in enumerate(listed, start=1):
        row = {name: value for name, value in cells.items() if value}
        if None in row or "epoch" not in row:
            raise UserError(f"row {number} is not as long as the header", path, DAMAGED)
        try:
            rows.append({name: _number(name, value) for name, value in row.items()})
        except ValueError as error:
            raise UserError(f"row {number}: {error}", path, DAMAGED) from error
    return rows


def _number(name: str, value: str) -> Any:
    if name == "fold":
        return value
    try:
        return float(value)
    except ValueError:
        raise ValueError(f"{name} is {value!r}, not a number") from None
