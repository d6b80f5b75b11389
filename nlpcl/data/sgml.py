"""The annotation format of the SIGHAN bake-offs' training sets and of Wang271K: SGML."""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from nlpcl.core.errors import UserError
from nlpcl.core.splits import Example, Problem
from nlpcl.core.text_files import read_lines
from nlpcl.data.pairs import pair

_BLOCKS = ("ESSAY", "DOC", "SENTENCE")
# A tag ends at the next one at the latest, so that each character is looked at once.
_TAG = re.compile(r"<(/?)([A-Za-z]+)\b([^<>]*)>")
_ATTRIBUTE = re.compile(r"""(?<!\w)(\w++)\s*+=\s*+["']?([^"'\s>]*+)""")
LONGEST_NUMBER = 9
"""Digits of a location; Python reads no more than 4300."""


@dataclass
class Mistake:
    """One annotated error.

    Args:
        location: of the wrong character, from 1.
        wrong, right: strings.
        line: of the annotation in its file.
        owner: the sentence that it names.
    """

    location: int
    wrong: str
    right: str
    line: int
    owner: str = ""


@dataclass
class Sentence:
    """A sentence with its annotated errors."""

    identifier: str
    text: str
    line: int
    mistakes: list[Mistake] = field(default_factory=list)


class Mismatch(ValueError):
    """An annotation that does not fit its sentence."""


@dataclass(frozen=True)
class Element:
    """A tag, and what stands between it and the one that closes it.

    Args:
        name: in capitals.
        attributes: as they stand in the tag.
        begin: where the tag begins in the text of the file.
        start, end: where the content begins and ends; ``end`` is None if it is never closed.
    """

    name: str
    attributes: str
    begin: int
    start: int
    end: int | None = None


def _elements(text: str) -> list[Element]:
    """The elements of a text, in the order of their opening tags; in one pass.

    A closing tag closes the last opening one of its name within the same block; one before that is
    never closed, so that no element lies in one of its own name.
    """
    found: list[Element] = []
    last: dict[str, int] = {}
    for tag in _TAG.finditer(text):
        name = tag[2].upper()
        if not tag[1]:
            if name in _BLOCKS:
                last.clear()
            last[name] = len(found)
            found.append(Element(name, tag[3], tag.start(), tag.end()))
        elif name in last:
            at = last.pop(name)
            found[at] = replace(found[at], end=tag.start())
    return found


@dataclass(frozen=True)
class _Source:
    """The text of a file, which knows its lines.

    Args:
        path: of the file.
        text: its content.
        line_starts: places behind its line feeds.
    """

    path: Path
    text: str
    line_starts: Sequence[int]

    def line(self, place: int) -> int:
        """The line of a place, from 1."""
        return bisect.bisect_right(self.line_starts, place) + 1

    def content(self, element: Element) -> str:
        """What stands in an element that is closed."""
        return self.text[element.start : element.end].strip()


def read_sgml(path: Path, problems: list[Problem]) -> list[Example]:
    """Pairs of an SGML file of ESSAY (2014, 2015), DOC (2013) or SENTENCE (Wang271K) blocks.

    A mistake whose location does not lie on its wrong string is put on the only place where that
    string stands; if there is none, or more than one, the sentence is skipped. Both are reported.

    Raises:
        UserError: the file holds no such block.
    """
    text = "\n".join(read_lines(path, damaged=problems))
    source = _Source(path, text, [found.end() for found in re.finditer("\n", text)])
    elements = _elements(text)
    places = [at for at, element in enumerate(elements) if element.name in _BLOCKS]
    if not places:
        raise UserError("no <ESSAY>, <DOC> or <SENTENCE> block", path, "Is it the right file?")
    rows: list[Example] = []
    for at, following in zip(places, [*places[1:], len(elements)], strict=True):
        block = elements[at]
        if block.end is None:
            what = f"<{block.name}> is never closed; block skipped"
            problems.append(Problem(str(path), source.line(block.begin), what))
            continue
        for sentence in _sentences(source, block, elements[at + 1 : following], problems):
            row = _corrected(sentence, path, problems)
            if row is not None:
                rows.append(row)
    return rows


def _sentences(
    source: _Source, block: Element, inside: Sequence[Element], problems: list[Problem]
) -> Iterator[Sentence]:
    """The sentences of a block, each with its mistakes."""
    line = source.line(block.begin)
    path = source.path
    sentences: dict[str, Sentence] = {}
    if block.name == "ESSAY":
        for passage in inside:
            if passage.name == "PASSAGE" and passage.end is not None:
                identifier = _attributes(passage.attributes).get("id", "")
                place = source.line(passage.begin)
                sentences[identifier] = Sentence(identifier, source.content(passage), place)
    else:
        inner = "P" if block.name == "DOC" else "TEXT"
        identifier = _attributes(block.attributes).get("nid", "") or f"{path.name}:{line}"
        content = _content(source, inside, inner)
        if content is not None:
            sentences[identifier] = Sentence(identifier, content, line)
    if not sentences:
        what = f"<{block.name}> without a sentence; block skipped"
        problems.append(Problem(str(path), line, what))
    only = next(iter(sentences), "")
    refused: set[str] = set()
    for mistake in _mistakes(source, inside):
        owner = mistake.owner if block.name == "ESSAY" else only
        # 2013 writes location 0 for a sentence without an error.
        if mistake.location == 0 or owner in refused:
            continue
        if owner not in sentences or mistake.location < 0 or not mistake.wrong or not mistake.right:
            what = f"<MISTAKE> of {owner or 'no sentence'} is incomplete; sentence skipped"
            problems.append(Problem(str(path), mistake.line, what))
            refused.add(owner)
            continue
        sentences[owner].mistakes.append(mistake)
    yield from (found for name, found in sentences.items() if name not in refused)


def _mistakes(source: _Source, inside: Sequence[Element]) -> Iterator[Mistake]:
    """The annotated errors of a block; what is missing in one is empty, its location then -1."""
    for at, element in enumerate(inside):
        if element.name != "MISTAKE" or element.end is None:
            continue
        parts: list[Element] = []
        for place in range(at + 1, len(inside)):
            if inside[place].begin >= element.end:
                break
            parts.append(inside[place])
        attributes = _attributes(element.attributes)
        location = attributes.get("location") or attributes.get("wrong_position")
        yield Mistake(
            location_of(location or _content(source, parts, "LOCATION") or ""),
            _content(source, parts, "WRONG") or "",
            _content(source, parts, "CORRECTION") or _content(source, parts, "CORRECT") or "",
            source.line(element.begin),
            attributes.get("id", ""),
        )


def _attributes(text: str) -> dict[str, str]:
    return {name.lower(): value for name, value in _ATTRIBUTE.findall(text)}


def location_of(text: str) -> int:
    """A location; -1 for what is none."""
    return int(text) if text.isdecimal() and len(text) <= LONGEST_NUMBER else -1


def _content(source: _Source, inside: Iterable[Element], name: str) -> str | None:
    """What stands in the first closed element of a name."""
    closed = (one for one in inside if one.name == name and one.end is not None)
    found = next(closed, None)
    return None if found is None else source.content(found)


def _corrected(sentence: Sentence, path: Path, problems: list[Problem]) -> Example | None:
    """The pair of a sentence; None if the place of a mistake cannot be determined."""
    pieces = list(sentence.text)
    for mistake in sentence.mistakes:
        try:
            start, is_exact = place(sentence.text, mistake)
            _replace(pieces, sentence.text, start, mistake)
        except Mismatch as error:
            what = f"{sentence.identifier}: {error}; sentence skipped"
            problems.append(Problem(str(path), mistake.line, what))
            return None
        if not is_exact:
            what = (
                f"{sentence.identifier}: location {mistake.location} is not on "
                f"{mistake.wrong!r}; put on its only occurrence"
            )
            problems.append(Problem(str(path), mistake.line, what, is_used=True))
    target = "".join(pieces)
    return pair(sentence.identifier, sentence.text, target, path, sentence.line)


def place(text: str, mistake: Mistake) -> tuple[int, bool]:
    """Where the wrong string of a mistake starts, and whether the annotated location agrees.

    The location is that of the wrong character, which may stand anywhere in the wrong string.

    Raises:
        Mismatch: the wrong string is not there, or only at several other places.
    """
    wrong, right, at = mistake.wrong, mistake.right, mistake.location - 1
    starts = [m.start() for m in re.finditer(f"(?={re.escape(wrong)})", text)]
    if not starts:
        raise Mismatch(f"{wrong!r} is not in the sentence")
    around = [start for start in starts if start <= at < start + len(wrong)]
    for start in around:
        # With a repeated string, take the one whose changed character is the located one.
        if len(wrong) != len(right) or wrong[at - start] != right[at - start]:
            return start, True
    if around:
        return around[0], True
    if len(starts) == 1:
        return starts[0], False
    raise Mismatch(f"location {mistake.location} is not on {wrong!r}, which stands elsewhere")


def _replace(pieces: list[str], text: str, start: int, mistake: Mistake) -> None:
    wrong, right = mistake.wrong, mistake.right
    new = list(right) if len(wrong) == len(right) else [right] + [""] * (len(wrong) - 1)
    for offset, piece in enumerate(new):
        at = start + offset
        if piece == text[at]:
            continue
        if pieces[at] not in (text[at], piece):
            raise Mismatch(f"two corrections for location {at + 1}")
        pieces[at] = piece
