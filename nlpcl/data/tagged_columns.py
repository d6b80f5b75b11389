"""CoNLL columns: a token and its tag a line, a blank line behind every sentence."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from nlpcl.core.errors import UserError
from nlpcl.core.splits import Example, Problem
from nlpcl.data.given_spans import Given, GivenSpans, span_row
from nlpcl.data.tag_schemes import (
    TITLES,
    MixedSchemes,
    Tag,
    illegal,
    is_several,
    is_tag,
    scheme_of,
    spans,
    tag,
)
from nlpcl.data.token_texts import aligned, joined, without_places

ILLEGAL = "illegal tag"
"""Kind of the problems of sequences that a scheme does not allow."""
OUTSIDE = "O"
HOW = "Expected a token and a tag (O, B-PER, I-PER ...) a line, and blank lines between sentences."
_COMMENT = re.compile(r"#\s*([\w.]+(?: id)?)\s*=\s?(.*)")
_RANGE = re.compile(r"\d+[-.]\d+")
_BLANKS = " \t\r"
_TAGGED = 0.9
"""Fraction of the lines whose cell must look like a tag in the column of tags."""
_SEEN = 10_000
"""Lines that tell which column is that of the tags."""
_BY_CHARACTER = 0.95
"""Fraction of the tokens that must be single characters where tokens are characters."""


@dataclass
class Sentence:
    """Lines up to a blank one.

    Args:
        cells: of each line of a token, with its number.
        text: of the comment ``# text = ``.
        identifier: of the comment ``# sent_id = ``.
        line: the first one.
    """

    line: int
    cells: list[tuple[int, list[str]]] = field(default_factory=list[tuple[int, list[str]]])
    text: str | None = None
    identifier: str = ""


class Tagged(NamedTuple):
    """A sentence with its tokens and their tags."""

    sentence: Sentence
    tokens: list[str]
    tags: list[Tag]


def read_columns(
    path: Path, text: str, columns: Mapping[str, str], notes: list[str]
) -> tuple[list[Example], list[Problem]]:
    """The rows of a file, a sentence each, and what is wrong in it.

    The tags are in the last column in which nearly all cells look like tags, the tokens in the
    first one that does not count them. The text of a sentence is its comment ``# text = `` where
    that holds the tokens in order, else the tokens joined, with blanks where Latin words meet.

    Args:
        path: the file, for messages.
        text: its content.
        columns: numbers of the columns ``token`` and ``tag``, from 1, where they are others.
        notes: gets what was recognised: the columns and the scheme.

    Raises:
        UserError: no column of tags, tags of several annotators, or of several schemes.
    """
    problems: list[Problem] = []
    tagged = _tagged(path, text, columns, problems)
    try:
        scheme = scheme_of([one.tags for one in tagged])
    except MixedSchemes as error:
        raise UserError(str(error), path, "Write all tags in one scheme.") from error
    note = f"{path.name}: CoNLL columns, tags {TITLES.get(scheme, scheme)}"
    if (found := without_places([one.tokens for one in tagged])) is not None:
        characters, others = found
        note += "; the digits behind characters, their places in words, are left out"
        for number, at in others:
            what = f"no place in a word behind {tagged[number].tokens[at]!r}; token kept as it is"
            problems.append(Problem(str(path), tagged[number].tags[at].line, what, is_used=True))
        pairs = zip(tagged, characters, strict=True)
        tagged = [one._replace(tokens=tokens) for one, tokens in pairs]
    notes.append(note)
    singles = Counter(len(token) == 1 for one in tagged for token in one.tokens)
    by_character = singles[True] >= _BY_CHARACTER * singles.total()
    rows: list[Example] = []
    for one in tagged:
        rows += _row(one, path, problems, by_character=by_character)
        problems += [
            Problem(str(path), wrong.line, f"{what}; read as an entity", is_used=True, kind=ILLEGAL)
            for wrong, what in illegal(one.tags, scheme)
        ]
    return rows, problems


def _tagged(
    path: Path, text: str, columns: Mapping[str, str], problems: list[Problem]
) -> list[Tagged]:
    """The sentences of a file with their tokens and tags."""
    lines = [line.rstrip("\r") for line in text.split("\n")]
    if broken := next((at for at, line in enumerate(lines, start=1) if "\r" in line), 0):
        how = "End lines with a line feed; this converts a file: tr '\\r' '\\n'"
        raise UserError(f"a carriage return within line {broken}", path, how)
    cells = [_cells(line) for line in lines]
    at_tag = _number(columns, "tag", path)
    if at_tag is None:
        numbered = enumerate(cells, start=1)
        plain = ((at, row) for at, row in numbered if row and not row[0].startswith("#"))
        at_tag = _tag_column(list(itertools.islice(plain, _SEEN)), path)
    sentences = list(_sentences(lines, cells, at_tag))
    at_token = _number(columns, "token", path)
    if at_token is None:
        at_token = _token_column(sentences, at_tag)
    tagged: list[Tagged] = []
    for sentence in sentences:
        tokens, tags = _tokens(sentence, at_token, at_tag, path, problems)
        if tokens and tokens != ["-DOCSTART-"]:
            tagged.append(Tagged(sentence, tokens, tags))
        elif sentence.text is not None and not tokens:
            problems.append(Problem(str(path), sentence.line, "no tokens; sentence skipped"))
    if not any(at_tag < len(row) and is_tag(row[at_tag].strip(" ")) for row in cells):
        raise UserError(f"no tag in column {at_tag + 1}", path, HOW)
    if not tagged:
        raise UserError("no sentence with a token and a tag", path, HOW)
    return tagged


def _cells(line: str) -> list[str]:
    """The cells of a line: between tabs, else between blanks; none in a blank line."""
    if not line.strip(_BLANKS):
        return []
    if "\t" in line:
        return line.split("\t")
    return re.split(" +", line.strip(" "))


def _number(columns: Mapping[str, str], name: str, path: Path) -> int | None:
    """The column that the user gave for tokens or tags, from 0."""
    if name not in columns:
        return None
    if not re.fullmatch(r"[1-9]\d?", columns[name], re.ASCII):
        what = f"{columns[name]!r} is no number of a column"
        raise UserError(what, path, f"Give a number from 1 for the {name}s.")
    return int(columns[name]) - 1


def _tag_column(rows: Sequence[tuple[int, Sequence[str]]], path: Path) -> int:
    """The last column in which nearly all cells are tags; rows have the numbers of their lines."""
    present: Counter[int] = Counter()
    tags: Counter[int] = Counter()
    for _, row in rows:
        for at, cell in enumerate(row):
            present[at] += 1
            tags[at] += is_tag(cell.strip(" "))
    usual = (at for at in present if present[at] * 2 > len(rows))
    found = max((at for at in usual if tags[at] >= _TAGGED * present[at]), default=None)
    if found is not None and len(present) > 1:
        return found
    nearest = max(present, key=lambda at: tags[at], default=0)
    others = [one for one in rows if nearest >= len(one[1]) or not is_tag(one[1][nearest])]
    line, row = [*others, *rows, (1, [])][0]
    raise UserError(f"no column of tags (line {line}: {' '.join(row)[:40]!r})", path, HOW)


def _sentences(lines: Sequence[str], cells: Sequence[list[str]], at_tag: int) -> Iterator[Sentence]:
    """The sentences with their comments; a token may begin with ``#`` all the same."""
    sentence: Sentence | None = None
    for number, (line, row) in enumerate(zip(lines, cells, strict=True), start=1):
        if not row:
            if sentence is not None:
                yield sentence
            sentence = None
            continue
        sentence = sentence or Sentence(number)
        comment = _COMMENT.fullmatch(line) if "\t" not in line or line[1:2] == " " else None
        if comment is not None:
            if comment[1] == "text":
                sentence.text = comment[2]
            elif comment[1] == "sent_id":
                sentence.identifier = comment[2].strip()
        elif not line.startswith("#") or (len(row) > at_tag and is_tag(row[at_tag].strip(" "))):
            sentence.cells.append((number, row))
    if sentence is not None:
        yield sentence


def _token_column(sentences: Sequence[Sentence], at_tag: int) -> int:
    """The first column, or the one behind where that counts the tokens from 1."""
    candidates = [at for at in range(at_tag + 2) if at != at_tag]
    is_counted = at_tag > 1 and all(map(_is_counted, sentences))
    return candidates[is_counted]


def _is_counted(sentence: Sentence) -> bool:
    """Whether the first column counts the tokens; CoNLL-U has ranges beside, such as ``1-2``."""
    firsts = [row[0] for _, row in sentence.cells if not _RANGE.fullmatch(row[0])]
    return firsts == [str(at) for at in range(1, len(firsts) + 1)]


def _tokens(
    sentence: Sentence, at_token: int, at_tag: int, path: Path, problems: list[Problem]
) -> tuple[list[str], list[Tag]]:
    """The tokens of a sentence and their tags; what is missing is reported.

    Raises:
        UserError: a cell holds the tags of several annotators.
    """
    tokens: list[str] = []
    tags: list[Tag] = []
    for line, row in sentence.cells:
        token = row[at_token] if at_token < len(row) else ""
        cell = row[at_tag].strip(" ") if at_tag < len(row) else ""
        if at_token > 0 and _RANGE.fullmatch(row[0]):
            continue  # CoNLL-U: the words of a contraction follow with lines of their own
        if is_several(cell):
            what = f"tags of several annotators at line {line} ({cell})"
            raise UserError(what, path, "Keep one tag a token, or give the file with one.")
        if not token or (len(row) == 1 and is_tag(token)):
            what = "a tag without a token; line left out"
            problems.append(Problem(str(path), line, what, is_used=True))
            continue
        if not is_tag(cell):
            what = f"unknown tag {cell!r}" if cell else "a token without a tag"
            problems.append(Problem(str(path), line, f"{what}; read as O", is_used=True))
            cell = OUTSIDE
        tokens.append(token)
        tags.append(tag(cell, line))
    return tokens, tags


def _row(one: Tagged, path: Path, problems: list[Problem], *, by_character: bool) -> list[Example]:
    sentence, tokens, tags = one
    text = sentence.text or ""
    places = aligned(tokens, text)
    if places is None:
        if sentence.text is not None:
            what = "the comment with the text does not hold the tokens in order; tokens joined"
            problems.append(Problem(str(path), sentence.line, what, is_used=True))
        text, places = joined(tokens, by_character=by_character)
    given = GivenSpans(
        [
            Given(places[start], places[end - 1] + len(tokens[end - 1]), kind)
            for start, end, kind in spans(tags)
        ],
        is_inclusive=False,
    )
    line = sentence.cells[0][0]
    identifier = sentence.identifier or f"{path.name}:{line}"
    return span_row(text, given, identifier, str(path), line, problems)
