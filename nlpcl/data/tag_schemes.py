"""Tags of tokens and the schemes they follow: recognised over a whole file, and read as spans.

Spans are read as ``conlleval`` and ``seqeval`` do by default: an entity begins where a tag says so
or where the one before cannot go on into it, so that a sequence that its scheme does not allow is
an entity all the same. What is illegal is reported beside the spans.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

SCHEMES = {
    "BIO": "BI",
    "BIOES": "BIES",
    "BMES": "BMES",
    "BILOU": "BILU",
}
"""The letters of each scheme beside O, in order of preference. IOB1 has those of BIO."""
ENDED = ("BIOES", "BMES", "BILOU")
"""Schemes that mark where an entity ends."""
TITLES = {
    "IOB1": "IOB1 (B only between neighbours of one type)",
    "BIO": "BIO (IOB2)",
    "O": "none but O",
}
"""What a note calls a scheme whose name alone is not clear."""
STRAYS = 0.1
"""Fraction of the sentences with entities that may lack an end before two schemes are suspected."""
_ONE = r"(?:O|[BIMESLU][-_][^\s,]+)"
_TAG = re.compile(r"O|[BIMESLU][-_]\S+")
_SEVERAL = re.compile(rf"{_ONE}(?:,{_ONE})+")


class Tag(NamedTuple):
    """The tag of a token.

    Args:
        letter: one of ``BIMESLUO``.
        type: of the entity; empty for O.
        line: where it stands.
    """

    letter: str
    type: str
    line: int

    def __str__(self) -> str:
        return f"{self.letter}-{self.type}" if self.type else self.letter


class MixedSchemes(ValueError):
    """Tags of different schemes in one file; says at which lines."""


@functools.lru_cache(maxsize=65536)
def is_tag(cell: str) -> bool:
    """Whether a cell looks like a tag, or like the tags of several annotators."""
    return bool(_TAG.fullmatch(cell))


@functools.lru_cache(maxsize=65536)
def is_several(cell: str) -> bool:
    """Whether a cell holds the tags of several annotators, joined by commas."""
    return bool(_SEVERAL.fullmatch(cell))


def tag(cell: str, line: int) -> Tag:
    """The tag that a cell holds; ``is_tag`` must hold."""
    return Tag(cell[0], cell[2:], line)


def scheme_of(sentences: Sequence[Sequence[Tag]]) -> str:
    """The scheme of a file: IOB1, BIO, BIOES, BMES, BILOU, or O where no token has another tag.

    B, E and S alone suit BIOES and BMES, which then mean the same; they are called BIOES.

    Raises:
        MixedSchemes: no scheme has all the letters, or many entities have no end and others have.
    """
    first: dict[str, Tag] = {}
    for one in itertools.chain.from_iterable(sentences):
        first.setdefault(one.letter, one)
    used = set(first) - {"O"}
    if not used:
        return "O"
    name = next((name for name, letters in SCHEMES.items() if used <= set(letters)), None)
    if name is None:
        one, other = next(
            (a, b)
            for a, b in itertools.combinations(sorted(used), 2)
            if not any({a, b} <= set(letters) for letters in SCHEMES.values())
        )
        first_lines = f"{first[one]} at line {first[one].line}, {first[other]} at line "
        raise MixedSchemes(f"mixed tag schemes: {first_lines}{first[other].line}")
    if name in ENDED:
        _refuse_unended(sentences, name)
    return _bio_or_iob1(sentences) if name == "BIO" else name


def _bio_or_iob1(sentences: Sequence[Sequence[Tag]]) -> str:
    """IOB1 if B stands only behind an entity of its type, so that others begin with I."""
    for before, one in itertools.chain.from_iterable(map(_with_before, sentences)):
        if one.letter == "B" and (before.letter == "O" or before.type != one.type):
            return "BIO"
    return "IOB1"


def _refuse_unended(sentences: Sequence[Sequence[Tag]], scheme: str) -> None:
    """Refuse what is BIO in many sentences and marks the ends in others."""
    ended: list[Tag] = []
    unended: list[Tag] = []
    for tags in sentences:
        found = illegal(tags, scheme)
        if found and all(one.letter in "BI" for one, _ in found):
            unended.append(found[0][0])
        elif not found:
            ended += [one for one in tags if one.letter in "ESLU"][:1]
    if ended and len(unended) > 1 and len(unended) > STRAYS * (len(ended) + len(unended)):
        what = f"{ended[0]} at line {ended[0].line} ends an entity, as {scheme} does"
        other = f"{unended[0]} at line {unended[0].line} has no end, as in BIO"
        raise MixedSchemes(f"mixed tag schemes: {what}; {other} ({len(unended)} sentences)")


def spans(tags: Sequence[Tag]) -> list[tuple[int, int, str]]:
    """The entities of a sentence as ``(start, end, type)``, counted in tokens, end exclusive."""
    found: list[tuple[int, int, str]] = []
    for at, (before, one) in enumerate(_with_before(tags)):
        if one.letter == "O":
            continue
        if goes_on(before, one):
            start, _, kind = found[-1]
            found[-1] = (start, at + 1, kind)
        else:
            found.append((at, at + 1, one.type))
    return found


def illegal(tags: Sequence[Tag], scheme: str) -> list[tuple[Tag, str]]:
    """The tags of a sentence that their scheme does not allow there, each with what is wrong."""
    found: list[tuple[Tag, str]] = []
    nothing = Tag("O", "", 0)
    for before, one in [*_with_before(tags), (tags[-1] if tags else nothing, nothing)]:
        is_open = scheme in ENDED and before.letter in "BIM"
        if is_open and not goes_on(before, one):
            found.append((before, f"{before} without an end"))
        if one.letter in "IMEL" and not goes_on(before, one) and scheme != "IOB1":
            found.append((one, f"{one} without a beginning"))
    return found


def goes_on(before: Tag, one: Tag) -> bool:
    """Whether the entity of a tag goes on in the next one."""
    return before.letter in "BIM" and one.letter in "IMEL" and before.type == one.type


def _with_before(tags: Sequence[Tag]) -> Iterator[tuple[Tag, Tag]]:
    before = Tag("O", "", 0)
    for one in tags:
        yield before, one
        before = one
