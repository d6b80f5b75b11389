"""Display of entities: tables, CSV and plain text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from nlpcl.core.characters import visible
from nlpcl.text.records import Record
from nlpcl.text.words import UNIT
from nlpcl.text.writing import Layout, Lines

if TYPE_CHECKING:
    from nlpcl.tasks.entities.decoding import Entity

COLOURS = ("green", "magenta", "cyan", "yellow", "blue", "red")
"""Of types, in the order of their names; types beyond them begin anew."""


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
    from rich.text import Text

    shown = Text(visible(text))
    for one in entities:
        shown.stylize(f"bold {colour(one['type'])} underline", one["start"], one["end"])
    return shown


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
        flat: list[Mapping[str, Any]] = []
        for one in sorted(
            row.get("entities", ()), key=lambda e: (e["start"] - e["end"], e["start"])
        ):
            if all(one["end"] <= kept["start"] or kept["end"] <= one["start"] for kept in flat):
                flat.append(one)
        edges = {edge for one in flat for edge in (one["start"], one["end"])}
        tags: list[str] = []
        for start, end in tokens(row.get("text", ""), edges):
            over = [one for one in flat if one["start"] <= start < one["end"]]
            tag = f"{'B' if start == over[0]['start'] else 'I'}-{over[0]['type']}" if over else "O"
            tags.append(f"{row['text'][start:end]}\t{tag}\n")
        return "".join(tags) + "\n"

    return lines


def tokens(text: str, edges: Collection[int]) -> Iterator[tuple[int, int]]:
    """Places of the words of a text, which are parted at the edges too."""
    for match in UNIT.finditer(text):
        inner = [edge for edge in sorted(edges) if match.start() < edge < match.end()]
        yield from pairwise([match.start(), *inner, match.end()])


def brat() -> Lines:
    """Standoff annotations of one document that holds all texts, a line each."""
    place, number = 0, 0

    def lines(record: Record, row: Mapping[str, Any]) -> str:
        nonlocal place, number
        place += len(record.before)
        written: list[str] = []
        for one in row.get("entities", ()):
            number += 1
            start, end = place + one["start"], place + one["end"]
            written.append(f"T{number}\t{one['type']} {start} {end}\t{one['text']}\n")
        place += len(record.text) + len(record.line_end)
        return "".join(written)

    return lines


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
