"""The optional columns of labelled texts: their names, and the conversion of their cells."""

from __future__ import annotations

from typing import Any

from nlpcl.core.json_files import BrokenJson, parsed
from nlpcl.data.tables import Fields

OPTIONAL_FIELDS: Fields = {
    "id": ("id", "post_id", "tweet_id"),
    "language": ("language", "lang"),
    "targets": ("targets",),
    "group": ("group", "group_id"),
    "rationale": ("rationale",),
}
"""The fields and the column names recognised for them; read if there are such columns."""


def typed(field: str, value: Any, text: str) -> Any:
    """Convert a cell of an optional column.

    ``id``, ``language`` and ``group`` become text, ``targets`` a list of distinct names and
    ``rationale`` a sorted list of ``[start, end]``.

    Args:
        field: one of ``OPTIONAL_FIELDS``.
        value: the cell, as text or already decoded from JSON.
        text: the row's text, in which the spans of a rationale must lie.

    Raises:
        ValueError: the value is of another type, or a span lies outside the text.
    """
    if field == "targets":
        return _targets(value)
    if field == "rationale":
        return _spans(value, len(text))
    if isinstance(value, str | int | float) and str(value).strip():
        return str(value).strip()
    raise ValueError(f"{field} is not text")


def _targets(value: Any) -> list[str]:
    names = value
    if isinstance(value, str):
        names = _json(value) if value.lstrip().startswith("[") else value.split("|")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError("targets are not a list of names")
    return list(dict.fromkeys(name.strip() for name in names if name.strip()))


def _spans(value: Any, length: int) -> list[list[int]]:
    spans = _json(value) if isinstance(value, str) else value
    wanted = "rationale is not a list of [start, end] inside the text"
    if not isinstance(spans, list):
        raise ValueError(wanted)
    for span in spans:
        is_pair = isinstance(span, list) and len(span) == 2 and all(type(at) is int for at in span)
        if not is_pair or not 0 <= span[0] < span[1] <= length:
            raise ValueError(wanted)
    return sorted(spans)


def _json(text: str) -> Any:
    try:
        return parsed(text)
    except BrokenJson:
        return None
