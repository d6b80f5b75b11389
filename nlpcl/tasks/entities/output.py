"""Display of entities: tables, CSV and plain text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nlpcl.core.characters import visible
from nlpcl.text.writing import Layout

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
    """Text with its entities coloured, and a list of them."""
    return {
        "text": marked(row["text"], row["entities"]),
        "entities": "\n".join(
            f"{visible(one['text'])} {one['type']} {one['probability']:.2f}"
            for one in row["entities"]
        ),
    }


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


LAYOUT = Layout(text=bracketed, flat=flat, table=table)
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
