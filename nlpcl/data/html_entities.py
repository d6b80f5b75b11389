"""HTML entities in texts, such as ``&amp;``: counted, and decoded where that is asked for."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from html.entities import html5

from nlpcl.core.splits import Example, Problem, Splits
from nlpcl.data.holdout import TEXT_FIELDS

FLAG = "--unescape-html"
# With its semicolon only: without it "&copy" in a link would be one too.
_ENTITY = re.compile(r"&(?:#\d+|#[xX][0-9a-fA-F]+|[A-Za-z][A-Za-z0-9]*);")


def entities(text: str) -> list[re.Match[str]]:
    """The entities of a text; a name that HTML does not know is none."""
    found = _ENTITY.finditer(text) if "&" in text else ()
    return [one for one in found if one.group()[1] == "#" or one.group()[1:] in html5]


def unescape(text: str) -> str:
    """The text with its entities decoded once."""
    return unescaped(text, ())[0]


def unescaped(text: str, spans: Iterable[tuple[int, int]]) -> tuple[str, list[list[int]]]:
    """The text with its entities decoded once, and where spans of characters now are.

    A place within an entity becomes the beginning of what it stands for.
    """
    pieces: list[str] = []
    places: list[int] = []  # of every character of the text, and of its end, in the new one
    at = length = 0
    for found in entities(text):
        pieces += [text[at : found.start()], html.unescape(found.group())]
        places += range(length, length + found.start() - at)
        length += found.start() - at
        places += [length] * (found.end() - found.start())
        length += len(pieces[-1])
        at = found.end()
    pieces.append(text[at:])
    places += range(length, length + len(text) - at + 1)
    return "".join(pieces), [[places[start], places[end]] for start, end in spans]


def decode(row: Example) -> Example:
    """A row with the HTML entities of its texts decoded; spans move with their words.

    These are the spans of a rationale, and of named entities (``row["entities"]``). Of the latter,
    those within an HTML entity are gone.
    """
    decoded: Example = {field: unescape(row[field]) for field in TEXT_FIELDS if field in row}
    if row.get("rationale"):
        _, decoded["rationale"] = unescaped(row["text"], row["rationale"])
    if row.get("entities"):
        places = [(one["start"], one["end"]) for one in row["entities"]]
        _, moved = unescaped(row["text"], places)
        decoded["entities"] = [
            {**one, "start": start, "end": end}
            for one, (start, end) in zip(row["entities"], moved, strict=True)
            if start < end
        ]
    return row | decoded


def decode_or_tell(splits: Splits, *, asked: bool) -> None:
    """Decode the entities of all texts if that is asked for; say how many texts have some."""
    parts = [splits.train, splits.dev, *splits.test.values()]
    held = 0
    for rows in parts:
        for at, row in enumerate(rows):
            if any(entities(str(row[field])) for field in TEXT_FIELDS if field in row):
                held += 1
                rows[at] = decode(row) if asked else row
                if lost := len(row.get("entities", ())) - len(rows[at].get("entities", ())):
                    what = f"{lost} spans within an HTML entity; left out"
                    file = str(row.get("file", row.get("id", "")))
                    splits.problems.append(Problem(file, row.get("line"), what, is_used=True))
    if not held:
        splits.idle["unescape_html"] = "no text holds an HTML entity"
    else:
        done = "decoded" if asked else f"as they are ({FLAG} decodes them)"
        total = sum(map(len, parts))
        what = f"HTML entities such as &amp; in {held} of {total} rows {done}"
        splits.notes.append(f"{splits.name}: {what}")
