"""Display of entities: tables, CSV and plain text."""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from nlpcl.core.characters import visible
from nlpcl.metrics.spans import apart
from nlpcl.text.characters import is_combining, is_han, is_shown
from nlpcl.text.records import Record
from nlpcl.text.words import UNIT
from nlpcl.text.writing import Layout, Lines, styled

if TYPE_CHECKING:
    from nlpcl.tasks.entities.decoding import Entity

COLOURS = ("green", "magenta", "cyan", "yellow", "blue", "red")
"""Of types, see :func:`colour`."""
_LINE = re.compile(r"[^\r\n]+")


def result_row(text: str, entities: Iterable[Entity], windows: int) -> dict[str, Any]:
    """A result as ``nlpcl predict ner`` gives it."""
    return {
        "text": text,
        "entities": [
            {
                "start": one.start,
                "end": one.end,
                "type": one.type,
                "score": round(one.score, 4),
                "probability": round(one.probability, 4),
                "text": text[one.start : one.end],
            }
            for one in entities
        ],
        "windows": windows,
    }


def flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """Text, the entities as ``0:2:PER:张伟`` and their probabilities, space-separated."""
    entities = row["entities"]
    return {
        "text": row["text"],
        "entities": " ".join(
            f"{one['start']}:{one['end']}:{one['type']}:{one['text']}" for one in entities
        ),
        "probability": " ".join(f"{one['probability']:.4f}" for one in entities),
        "windows": row["windows"],
    }


def table(row: Mapping[str, Any]) -> dict[str, Any]:
    """Text with its entities coloured, and a list of them, a line each."""
    from rich.text import Text

    lines = [
        f"{visible(one['text'])} {one['type']} {one['probability']:.2f}" for one in row["entities"]
    ]
    return {"text": marked(row["text"], row["entities"]), "entities": Text("\n".join(lines))}


def marked(text: str, entities: Sequence[Mapping[str, Any]]) -> Any:
    """Return ``text`` as ``rich.text.Text`` with the entities coloured by type."""
    return styled(
        text,
        [(one["start"], one["end"], f"bold {colour(one['type'])} underline") for one in entities],
    )


def colour(type: str) -> str:
    """The colour of a type, the same in every run."""
    return COLOURS[sum(type.encode()) % len(COLOURS)]


def bracketed(row: Mapping[str, Any]) -> str:
    """``[张伟 PER]上周去了[[北京 LOC]大学 ORG]。``; brackets of the text itself stay."""
    opened: Counter[int] = Counter()
    closed: dict[int, list[str]] = {}
    for one in sorted(row["entities"], key=lambda e: (e["end"] - e["start"], e["type"])):
        opened[one["start"]] += 1
        closed.setdefault(one["end"], []).append(f" {one['type']}]")
    parts: list[str] = []
    for at, character in enumerate(row["text"] + " "):
        parts += closed.get(at, [])
        parts.append("[" * opened[at] + character)
    return "".join(parts)[:-1]


def conll() -> Lines:
    """Tokens in lines with their tags: B-PER, I-PER, O, and an empty line after each text.

    Of entities that overlap the longest is written, since a token has one tag.
    """

    def lines(record: Record, row: Mapping[str, Any]) -> str:
        longest = sorted(row.get("entities", ()), key=lambda e: (e["start"] - e["end"], e["start"]))
        kept = [longest[at] for at in apart([(one["start"], one["end"]) for one in longest])]
        ahead = deque(sorted(kept, key=lambda one: one["start"]))
        edges = {edge for one in kept for edge in (one["start"], one["end"])}
        letter = "B"
        written: list[str] = []
        for start, end in tokens(row.get("text", ""), edges):
            while ahead and ahead[0]["end"] <= start:
                ahead.popleft()
                letter = "B"
            tag = "O"
            if ahead and ahead[0]["start"] <= start:
                tag, letter = f"{letter}-{type_name(ahead[0])}", "I"
            written.append(f"{row['text'][start:end]}\t{tag}\n")
        return "".join(written) + "\n"

    return lines


def tokens(text: str, edges: Collection[int]) -> Iterator[tuple[int, int]]:
    """Places of the words of a text, which are parted at the edges too.

    What nobody sees by itself stays with what is before it, and combining accents part no word.
    """
    start, end = 0, 0
    for match in UNIT.finditer(text):
        if match.start() != end or not goes_on(text, end):
            if start < end:
                yield from _parted(start, end, edges)
            start = match.start()
        end = match.end()
    if start < end:
        yield from _parted(start, end, edges)


def goes_on(text: str, at: int) -> bool:
    """Whether the word that ends before a character goes on with it."""
    if at == 0 or not is_shown(text[at]):
        return at > 0
    return is_combining(text[at - 1]) and text[at].isalnum() and not is_han(text[at])


def _parted(start: int, end: int, edges: Collection[int]) -> Iterator[tuple[int, int]]:
    yield from pairwise([start, *(at for at in range(start + 1, end) if at in edges), end])


def brat() -> Lines:
    """Standoff annotations of one document that holds all texts, a line each."""
    place, number = 0, 0

    def lines(record: Record, row: Mapping[str, Any]) -> str:
        nonlocal place, number
        place += len(record.before)
        written: list[str] = []
        for one in row.get("entities", ()):
            number += 1
            pieces = [found.span() for found in _LINE.finditer(one["text"])]
            first = place + one["start"]
            places = ";".join(f"{first + start} {first + end}" for start, end in pieces)
            words = " ".join(one["text"][start:end] for start, end in pieces)
            written.append(f"T{number}\t{type_name(one)} {places}\t{words}\n")
        place += len(record.text) + len(record.line_end)
        return "".join(written)

    return lines


def type_name(entity: Mapping[str, Any]) -> str:
    """The type as formats write it that know no blanks in names."""
    return "_".join(entity["type"].split())


LAYOUT = Layout(text=bracketed, flat=flat, table=table, more={"conll": conll, "brat": brat})
"""For rows of :func:`result_row`."""


def remarks(counts: Counter[str], size: int) -> list[str]:
    """Remarks on texts that were read in several windows."""
    if not counts["windows"]:
        return []
    many = "texts are" if counts["windows"] > 1 else "text is"
    return [
        f"{counts['windows']} of {counts['all']} {many} longer than {size} tokens and read in "
        "windows that overlap"
    ]
