"""JSON of annotation tools and libraries that marks spans of characters, one record a text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from nlpcl.core.errors import UserError, unknown_name
from nlpcl.core.splits import Example, Problem
from nlpcl.data.given_spans import Given, GivenSpans, span_row
from nlpcl.data.json_records import json_values
from nlpcl.data.tables import Fields

SPAN_FIELDS: Fields = {
    "text": ("text", "sentence", "content", "data"),
    "entities": ("entities", "label", "labels", "spans", "annotations"),
}
"""The fields of a record and the names recognised for them."""
_START = ("start", "start_offset", "begin")
_END = ("end", "end_offset")
_TYPE = ("type", "label", "labels", "entity", "tag")
_SURFACE = ("text", "surface", "mention", "word")
KNOWN = (
    "Known: CLUENER, spaCy offsets, Label Studio, doccano, and "
    '{"text": ..., "entities": [{"start": 0, "end": 2, "type": "PER"}]}.'
)
CLUENER = "CLUENER JSON (ends inclusive)"
NAMED = "texts with spans (start, end, type)"


class Unknown(ValueError):
    """A record of no known structure."""


class Skipped(ValueError):
    """A record without annotation."""


def read_records(
    path: Path, text: str, suffix: str, columns: Mapping[str, str], notes: list[str]
) -> tuple[list[Example], list[Problem]]:
    """The rows of a JSON file, spans unchecked, and what was skipped.

    Args:
        path: the file, for messages.
        text: its content.
        suffix: ``.jsonl`` for a record a line; ``.json`` for a list of them, or the same.
        columns: the names of ``text`` and ``entities`` where they are others.
        notes: gets the names of the formats found.

    Raises:
        UserError: broken JSON, or not one record of a known structure.
    """
    values, problems = json_values(path, text, suffix)
    formats: Counter[str] = Counter()
    rows: list[Example] = []
    ids: Counter[str] = Counter()
    unknown: tuple[int, str] | None = None
    for line, value in values:
        told: list[str] = []
        try:
            name, content, given = _parsed(value, columns, told)
        except (Unknown, Skipped) as error:
            problems.append(Problem(str(path), line, f"{error}; row skipped"))
            if isinstance(error, Unknown) and unknown is None:
                unknown = (line, str(error))
            continue
        formats[name] += 1
        problems += [Problem(str(path), line, what, is_used=True) for what in told]
        more = _further(value)
        identifier = more.pop("id", f"{path.name}:{line}")
        ids[identifier] += 1
        if ids[identifier] > 1:  # the items of a list may share a line
            identifier += f"#{ids[identifier]}"
        rows += span_row(content, given, identifier, str(path), line, problems, **more)
    if not formats and unknown is not None:
        raise UserError(f"unknown structure at line {unknown[0]} ({unknown[1]})", path, KNOWN)
    if formats:
        names = [name for name in formats if name] or [NAMED]
        notes.append(f"{path.name}: {' and '.join(names)}")
    return rows, problems


def _parsed(value: Any, columns: Mapping[str, str], told: list[str]) -> tuple[str, Any, GivenSpans]:
    """The format, the text and the spans of a record; ``told`` gets what is doubtful about it.

    Raises:
        Unknown: its structure is none of the known ones.
        Skipped: it is not annotated.
    """
    if isinstance(value, list):
        if len(value) != 2 or not isinstance(value[1], dict) or "entities" not in value[1]:
            raise Unknown('a list that is not ["text", {"entities": [...]}]')
        return "spaCy offsets", value[0], _triples(value[1]["entities"])
    if not isinstance(value, dict):
        raise Unknown("neither an object nor a list")
    if isinstance(value.get("data"), dict):
        return "Label Studio", *_label_studio(value, columns, told)
    text, spans = _column(value, "text", columns), _column(value, "entities", columns)
    if text is None:
        raise Unknown(f"no text among {_keys(value)}")
    if spans is None:
        raise Skipped(f"no entities among {_keys(value)}")
    if value[spans] is None:
        raise Skipped(f"{spans!r} is null")
    name, given = _spans(spans, value[spans])
    return name, value[text], given


def _keys(value: Mapping[str, Any]) -> str:
    listed = ", ".join(repr(key) for key in list(value)[:8])
    return listed or "no keys"


def _column(value: Mapping[str, Any], field: str, columns: Mapping[str, str]) -> str | None:
    names = (columns[field],) if field in columns else SPAN_FIELDS[field]
    return next((name for name in names if name in value), None)


def _spans(key: str, spans: Any) -> tuple[str, GivenSpans]:
    """The format and the spans of a record with a text beside them."""
    if isinstance(spans, dict):
        return CLUENER, _mentions(spans)
    if not isinstance(spans, list):
        raise Unknown(f"{key!r} is neither a list nor an object")
    offsets = "spaCy offsets" if key == "entities" else "doccano"
    if not spans:
        return "", GivenSpans(())
    if isinstance(spans[0], list):
        return offsets, _triples(spans)
    if not isinstance(spans[0], dict):
        raise Unknown(f"{key!r} holds {spans[0]!r}, which is no span")
    given: list[Given] = []
    for one in spans:
        if not isinstance(one, dict):
            raise Unknown(f"{key!r} holds {one!r}, which is no span")
        given += _of_object(one)
    if "start_offset" in spans[0]:
        return "doccano", GivenSpans(given, is_inclusive=False)
    if isinstance(spans[0].get("labels"), list):
        return "Label Studio (JSON-MIN)", GivenSpans(given, is_inclusive=False)
    return NAMED, GivenSpans(given)


def _of_object(one: Mapping[str, Any]) -> Iterator[Given]:
    """A span with names; one of several labels is several."""
    start, end, kind, surface = (
        next((one[name] for name in names if name in one), None)
        for names in (_START, _END, _TYPE, _SURFACE)
    )
    for each in kind if isinstance(kind, list) and kind else [kind]:
        yield Given(start, end, each, surface if isinstance(surface, str) else None)


def _triples(spans: Any) -> GivenSpans:
    """``[[start, end, type], ...]``; what follows the type is not read."""
    if not isinstance(spans, list) or not all(
        isinstance(one, list) and len(one) >= 3 for one in spans
    ):
        raise Unknown("spans that are not [start, end, type]")
    return GivenSpans([Given(*one[:3]) for one in spans])


def _mentions(spans: Mapping[str, Any]) -> GivenSpans:
    """``{type: {mention: [[start, end], ...]}}``, ends inclusive."""
    given: list[Given] = []
    for kind, mentions in spans.items():
        if not isinstance(mentions, dict):
            raise Unknown(f"{kind!r} is not {{mention: [[start, end]]}}")
        for surface, places in mentions.items():
            if not isinstance(places, list) or not all(
                isinstance(place, list) and len(place) == 2 for place in places
            ):
                raise Unknown(f"{kind!r} is not {{mention: [[start, end]]}}")
            given += [Given(start, end, kind, surface) for start, end in places]
    return GivenSpans(given, is_inclusive=True)


def _label_studio(
    value: Mapping[str, Any], columns: Mapping[str, str], told: list[str]
) -> tuple[Any, GivenSpans]:
    """A task with its first annotation that was not cancelled."""
    data = value["data"]
    text = _column(data, "text", columns)
    if text is None and "text" not in columns:
        texts = [key for key, content in data.items() if isinstance(content, str)]
        text = texts[0] if len(texts) == 1 else None
    if text is None:
        raise Unknown(f"no text among {_keys(data)} of its data")
    annotations = value.get("annotations", value.get("completions")) or []
    if not isinstance(annotations, list):
        raise Unknown("annotations are no list")
    sound = [
        one
        for one in annotations
        if isinstance(one, dict)
        and isinstance(one.get("result"), list)
        and not one.get("was_cancelled")
    ]
    if not sound:
        raise Skipped("not annotated")
    if len(sound) > 1:
        told.append(f"{len(sound)} annotations; the first one is used")
    given: list[Given] = []
    for item in sound[0]["result"]:
        content = item.get("value") if isinstance(item, dict) else None
        if isinstance(content, dict) and {"start", "end"} <= set(content):
            kinds = next((content[k] for k in ("labels", "hypertextlabels") if k in content), None)
            place = content.get("globalOffsets")
            content = {**content, **place} if isinstance(place, dict) else content
            given += _of_object({**content, "type": kinds})
    return data[text], GivenSpans(given, is_inclusive=False)


def _further(value: Any) -> dict[str, str]:
    """The id, language and group of a record, if it has them."""
    if not isinstance(value, dict):
        return {}
    found = {field: value.get(field) for field in ("id", "language", "group")}
    return {
        field: str(content)
        for field, content in found.items()
        if isinstance(content, str | int) and str(content).strip()
    }


def check_columns(columns: Mapping[str, str], known: tuple[str, ...], where: Path) -> None:
    """Refuse a name for a field that files of this kind do not have.

    Raises:
        UserError: listing those they have.
    """
    for field in columns:
        if field not in known:
            raise unknown_name("field", field, known, where=str(where))
