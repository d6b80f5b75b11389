"""Spans as a file gives them, and the entities that are left after checks against the text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from nlpcl.core.characters import is_encodable
from nlpcl.core.errors import UserError
from nlpcl.core.splits import Example, Problem, Splits
from nlpcl.data.tables import CONTROL

FLAG = "--inclusive-ends"


@dataclass(frozen=True)
class Given:
    """A span as it stands in a file, unchecked.

    Args:
        start, end: offsets in characters of the text.
        type: of the entity.
        surface: its words as the file repeats them, if it does.
        line: where it stands, if not where its text does.
        file: likewise.
        is_parted: whether it stands there in pieces, as brat writes what goes over the end of a
            line; it is a span where only blanks part them.
    """

    start: Any
    end: Any
    type: Any
    surface: str | None = None
    line: int | None = None
    file: str = ""
    is_parted: bool = False


@dataclass(frozen=True)
class GivenSpans:
    """The spans of a text.

    Args:
        spans: of the file, in any order.
        is_inclusive: whether the end is the last character of a span rather than the one behind it;
            None if the format does not tell, so that the user must.
    """

    spans: Sequence[Given]
    is_inclusive: bool | None = None


def settle(splits: Splits, *, inclusive_ends: bool = False) -> Splits:
    """Turn the spans of all rows, ``GivenSpans``, into entities of characters, end exclusive.

    A span that cannot be in its text, or whose words are others there, is left out and reported.
    Offsets that count UTF-16 units are recognised by the words that the file repeats.

    Args:
        splits: whose rows have ``GivenSpans`` as ``entities``; changed in place.
        inclusive_ends: what holds for formats that do not tell.

    Raises:
        UserError: the words that the file repeats show that ends are meant the other way.
    """
    parts = [splits.train, splits.dev, *splits.test.values()]
    rows = [row for part in parts for row in part]
    if not any(row["entities"].is_inclusive is None and row["entities"].spans for row in rows):
        splits.idle["inclusive_ends"] = "the format of the files says where a span ends"
    _refuse_other_ends(rows, inclusive_ends=inclusive_ends)
    for part in parts:
        texts = [row["text"] for row in part]
        given = [exclusive(row["entities"], inclusive_ends=inclusive_ends) for row in part]
        counted = _counted(texts, given)
        if counted != CHARACTERS:
            splits.notes.append(f"{splits.name}: offsets count {counted}; converted to characters")
        for row, spans in zip(part, given, strict=True):
            moved = _moved(row["text"], spans, counted)
            row["entities"] = _entities(row, moved, splits.problems)
    return splits


def exclusive(given: GivenSpans, *, inclusive_ends: bool) -> list[Given]:
    """The spans with exclusive ends."""
    is_inclusive = inclusive_ends if given.is_inclusive is None else given.is_inclusive
    return [
        replace(one, end=one.end + 1) if is_inclusive and _is_whole(one.end) else one
        for one in given.spans
    ]


def _refuse_other_ends(rows: Iterable[Example], *, inclusive_ends: bool) -> None:
    """Refuse offsets whose words show that ends are meant the other way."""
    right, wrong = 0, 0
    first: Example | None = None
    for row in rows:
        if row["entities"].is_inclusive is not None:
            continue
        for one in row["entities"].spans:
            if one.surface and _has_place(one):
                as_told, other = (
                    agrees(row["text"], replace(one, end=one.end + added))
                    for added in (inclusive_ends, not inclusive_ends)
                )
                right += as_told
                if other and not as_told:
                    wrong += 1
                    first = first or row
    if first is not None and wrong > right:
        known = "exclusive" if inclusive_ends else "inclusive"
        what = f"{wrong} spans show by their own words that ends are {known}"
        how = f"Leave {FLAG} out, or pass --no-inclusive-ends where a run was trained with it."
        how = how if inclusive_ends else f"Pass {FLAG}."
        raise UserError(what, f"{first['file']}:{first['line']}", how)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _has_place(one: Given) -> bool:
    return _is_whole(one.start) and _is_whole(one.end)


def agrees(text: str, one: Given) -> bool:
    """Whether the words that the file repeats, if it does, stand there; blanks do not count."""
    if one.surface is None or not _has_place(one):
        return True
    is_inside = 0 <= one.start <= one.end <= len(text)
    found = text[one.start : one.end] if is_inside else ""
    return is_inside and "".join(found.split()) == "".join(one.surface.split())


def _counted(texts: Sequence[str], given: Sequence[Sequence[Given]]) -> str:
    """What the offsets of a file count, as far as the words that it repeats tell."""

    def agreeing(counted: str) -> int:
        return sum(
            one.surface is not None and agrees(text, one)
            for text, spans in zip(texts, given, strict=True)
            for one in _moved(text, spans, counted)
        )

    if agreeing(CHARACTERS) == sum(one.surface is not None for spans in given for one in spans):
        return CHARACTERS
    return max([CHARACTERS, *COUNTED], key=agreeing)  # the first of those that are equally good


def _moved(text: str, spans: Sequence[Given], counted: str) -> list[Given]:
    """Spans with each offset replaced by its place in characters; those outside stay outside."""
    if counted == CHARACTERS:
        return list(spans)
    places = [*COUNTED[counted](text), len(text)]

    def placed(at: int) -> int:
        return places[at] if 0 <= at < len(places) else at + (at > 0) * len(text)

    return [
        replace(one, start=placed(one.start), end=placed(one.end)) if _has_place(one) else one
        for one in spans
    ]


def _units(text: str) -> list[int]:
    """The character of every UTF-16 unit."""
    return [at for at, one in enumerate(text) for _ in range(1 + (ord(one) > 0xFFFF))]


def _short_ends(text: str) -> list[int]:
    """The characters that were counted before line ends were changed to two of them."""
    return [at for at in range(len(text)) if text[at : at + 2] != "\r\n"]


CHARACTERS = "characters"
COUNTED: Mapping[str, Callable[[str], Sequence[int]]] = {
    "UTF-16 units": _units,
    "line ends as one character": _short_ends,
}
"""What else offsets may count → a text → where in it the offsets 0, 1, 2 ... are."""


def _entities(
    row: Example, given: Sequence[Given], problems: list[Problem]
) -> list[dict[str, Any]]:
    """The spans that can be, sorted and without repeats."""
    text = row["text"]
    kept: list[tuple[int, int, str]] = []
    counts: Counter[tuple[int, int, str]] = Counter()
    for one in given:
        what = _fault(text, one)
        if what and row["entities"].is_inclusive is None and one.start == one.end:
            what += f" (are ends inclusive? {FLAG})"
        span = (one.start, one.end, one.type.strip()) if not what else (0, 0, "")
        if not what and (counts.update([span]) or counts[span] > 1):
            what = f"{span[2]} {span[0]}-{span[1]} stands there twice; one left out"
        if what:
            file, line = one.file or row["file"], one.line or row["line"]
            problems.append(Problem(file, line, what, is_used=True))
        else:
            kept.append(span)
    return as_dicts(kept)


def as_dicts(spans: Iterable[tuple[int, int, str]]) -> list[dict[str, Any]]:
    """The entities of a row, sorted."""
    return [{"start": start, "end": end, "type": kind} for start, end, kind in sorted(spans)]


def _fault(text: str, one: Given) -> str:
    """Why a span cannot be in a text; empty if it can."""
    place = f"{one.start!r}-{one.end!r}"
    if not _has_place(one):
        return f"a span from {one.start!r} to {one.end!r}, not whole numbers; left out"
    if not isinstance(one.type, str) or not one.type.strip():
        is_missing = not one.type or isinstance(one.type, str)
        what = "no type" if is_missing else f"{one.type!r} as its type, no text"
        return f"span {place} has {what}; left out"
    if not is_encodable(one.type):
        return f"span {place} has half of a surrogate pair in its type; left out"
    if one.end < one.start:
        return f"span {place} ends before it starts; left out"
    if one.end == one.start:
        return f"span {place} is empty; left out"
    if one.start < 0 or one.end > len(text):
        return f"span {place} lies outside a text of {len(text)} characters; left out"
    if one.is_parted and not (one.surface and agrees(text, one)):
        return f"{one.type} in several pieces; left out"
    if not agrees(text, one):
        found = text[one.start : one.end]
        return f"span {place} should be {one.surface!r}, but {found!r} stands there; left out"
    return ""


def span_row(
    text: Any,
    given: GivenSpans,
    identifier: str,
    file: str,
    line: int | None,
    problems: list[Problem],
    **more: Any,
) -> list[Example]:
    """A list with the row of a text; or an empty one, and a problem, if there is no text.

    Args:
        text: as it stands in the file.
        given: its spans.
        identifier: becomes ``id``.
        file: where it stands.
        line: there, if known.
        problems: gets what is wrong with the text.
        more: further fields.
    """
    what = ""
    if not isinstance(text, str):
        what = "no text; row skipped"
    elif not text.strip():
        what = "empty text; row skipped"
    elif not is_encodable(text):
        what = "half of a surrogate pair in the text; row skipped"
    if what:
        problems.append(Problem(file, line, what))
        return []
    if found := CONTROL.search(text):
        what = f"control character U+{ord(found.group()):04X} in the text, kept"
        problems.append(Problem(file, line, what, is_used=True))
    return [{"id": identifier, "text": text, "entities": given, **more, "file": file, "line": line}]
