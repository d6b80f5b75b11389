"""The annotation formats of the SIGHAN bake-offs and of Wang271K: SGML, and test with truth."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from nlpcl.core.errors import UserError
from nlpcl.core.splits import Example, Problem
from nlpcl.core.text_files import read_lines
from nlpcl.data.pairs import pair

_OPENING = re.compile(r"<(ESSAY|DOC|SENTENCE)\b([^>]*)>", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"""(\w+)\s*=\s*["']?([^"'\s>]*)""")
_PASSAGE = re.compile(r"<PASSAGE\b([^>]*)>(.*?)</PASSAGE>", re.IGNORECASE | re.DOTALL)
_MISTAKE = re.compile(r"<MISTAKE\b([^>]*)>(.*?)</MISTAKE>", re.IGNORECASE | re.DOTALL)
_INPUT = re.compile(r"\s*\((?:pid|nid)\s*=\s*([^)\s]+)\s*\)\s?(.*)", re.IGNORECASE)


@dataclass
class Mistake:
    """One annotated error: the 1-based location of the wrong character, and the strings."""

    location: int
    wrong: str
    right: str
    line: int


@dataclass
class Sentence:
    """A sentence with its annotated errors."""

    identifier: str
    text: str
    line: int
    mistakes: list[Mistake] = field(default_factory=list)


class Mismatch(ValueError):
    """An annotation that does not fit its sentence."""


def read_sgml(path: Path, problems: list[Problem]) -> list[Example]:
    """Pairs of an SGML file of ESSAY (2014, 2015), DOC (2013) or SENTENCE (Wang271K) blocks.

    A mistake whose location does not lie on its wrong string is put on the only place where that
    string stands; if there is none, or more than one, the sentence is skipped. Both are reported.

    Raises:
        UserError: the file holds no such block.
    """
    text = "\n".join(read_lines(path, damaged=problems))
    rows: list[Example] = []
    openings = list(_OPENING.finditer(text))
    if not openings:
        raise UserError("no <ESSAY>, <DOC> or <SENTENCE> block", path, "Is it the right file?")
    ends = [opening.start() for opening in openings[1:]] + [len(text)]
    line, counted = 1, 0
    for opening, end in zip(openings, ends, strict=True):
        line, counted = line + text.count("\n", counted, opening.start()), opening.start()
        tag = opening.group(1).upper()
        if not re.search(rf"</{tag}\s*>", text[opening.end() : end], re.IGNORECASE):
            problems.append(Problem(str(path), line, f"<{tag}> is never closed; block skipped"))
            continue
        for sentence in _sentences(opening, text[opening.start() : end], line, path, problems):
            row = _corrected(sentence, path, problems)
            if row is not None:
                rows.append(row)
    return rows


def _sentences(
    opening: re.Match[str], block: str, line: int, path: Path, problems: list[Problem]
) -> Iterator[Sentence]:
    """The sentences of a block, each with its mistakes."""
    tag = opening.group(1).upper()
    sentences: dict[str, Sentence] = {}

    def line_of(match: re.Match[str]) -> int:
        return line + block.count("\n", 0, match.start())

    if tag == "ESSAY":
        for passage in _PASSAGE.finditer(block):
            identifier = _attributes(passage.group(1)).get("id", "")
            place = line_of(passage)
            sentences[identifier] = Sentence(identifier, passage.group(2).strip(), place)
    else:
        inner = "P" if tag == "DOC" else "TEXT"
        identifier = _attributes(opening.group(2)).get("nid", "") or f"{path.name}:{line}"
        content = _element(block, inner)
        if content is not None:
            sentences[identifier] = Sentence(identifier, content, line)
    if not sentences:
        problems.append(Problem(str(path), line, f"<{tag}> without a sentence; block skipped"))
    only = next(iter(sentences), "")
    refused: set[str] = set()
    for match in _MISTAKE.finditer(block):
        attributes = _attributes(match.group(1))
        owner = attributes.get("id", "") if tag == "ESSAY" else only
        location = attributes.get("location") or attributes.get("wrong_position")
        location = location or _element(match.group(2), "LOCATION") or ""
        wrong = _element(match.group(2), "WRONG")
        right = _element(match.group(2), "CORRECTION") or _element(match.group(2), "CORRECT")
        # 2013 writes location 0 for a sentence without an error.
        if location == "0" or owner in refused:
            continue
        if owner not in sentences or not location.isdecimal() or not wrong or not right:
            what = f"<MISTAKE> of {owner or 'no sentence'} is incomplete; sentence skipped"
            problems.append(Problem(str(path), line_of(match), what))
            refused.add(owner)
            continue
        mistake = Mistake(int(location), wrong, right, line_of(match))
        sentences[owner].mistakes.append(mistake)
    yield from (found for name, found in sentences.items() if name not in refused)


def _attributes(text: str) -> dict[str, str]:
    return {name.lower(): value for name, value in _ATTRIBUTE.findall(text)}


def _element(text: str, name: str) -> str | None:
    found = re.search(rf"<{name}\s*>(.*?)</{name}\s*>", text, re.IGNORECASE | re.DOTALL)
    return found.group(1).strip() if found else None


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
        if any(not 1 <= location <= len(source) for location in changes):
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
        elif rest and len(rest) % 2 == 0 and all(part.isdecimal() for part in rest[::2]):
            changes = {int(at): new for at, new in zip(rest[::2], rest[1::2], strict=True)}
            edits[identifier] = (line, changes)
        else:
            what = f"{identifier}: not pairs of location and character; row skipped"
            problems.append(Problem(str(truth), line, what))
    return edits
