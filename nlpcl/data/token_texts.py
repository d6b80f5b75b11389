"""The text that tokens were cut from: put together again, or aligned with where it is known."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

_DAMAGED = "\ufffd\ufffd"
"""What a character beyond U+FFFF has become in damaged files."""
_WIDE_APART = (("\uac00", "\ud7a3"), ("\u2300", "\u2bff"), ("\U0001f000", "\U0001faff"))
"""Wide characters that stand apart from words: Hangul, and emoji."""
PLACED = 0.95
"""Fraction of the tokens that must end in their place in a word for all to be read so."""


def without_places(
    sentences: Sequence[Sequence[str]],
) -> tuple[list[list[str]], list[tuple[int, int]]] | None:
    """The characters of tokens that are a character and its place in a word, ``好0 看1``.

    The character may be a digit, and the place have several. None if the tokens are others.

    Returns:
        The characters, sentence by sentence, and the places (sentence, token) of the few tokens
        that are something else and stay as they are.
    """
    found: list[list[str]] = []
    others: list[tuple[int, int]] = []
    most = (1 - PLACED) * sum(map(len, sentences))
    for number, tokens in enumerate(sentences):
        own: list[str] = []
        place = -1
        for at, token in enumerate(tokens):
            split = _split(token, place)
            if split is None:
                others.append((number, at))
                own.append(token)
            else:
                character, place = split
                own.append(character)
        found.append(own)
        if len(others) > most:
            return None
    return found, others


def _split(token: str, before: int) -> tuple[str, int] | None:
    """A character and its place: the one after ``before``, the first, or a later one."""
    for place in (str(before + 1), "0", token[1:]):
        character = token.removesuffix(place)
        is_one = len(character) == 1 or character == _DAMAGED
        if is_one and character != token and len(place) <= 3:
            is_place = place.isdecimal() and (int(place) == 0 or int(place) > before)
            if is_place:
                return character, int(place)
    return None


def joined(tokens: Sequence[str], *, by_character: bool) -> tuple[str, list[int]]:
    """The text of tokens, and where each begins: blanks are set between words without Han."""
    places: list[int] = []
    pieces: list[str] = []
    length = 0
    before = ""
    for token in tokens:
        if before and _has_blank(before, token, by_character=by_character):
            pieces.append(" ")
            length += 1
        places.append(length)
        pieces.append(token)
        length += len(token)
        before = token
    return "".join(pieces), places


def _has_blank(left: str, right: str, *, by_character: bool) -> bool:
    """Whether a blank stands between two tokens."""
    if by_character and len(left) == len(right) == 1:
        return False
    near = left[-1] + right[0]
    if any(map(str.isspace, near)) or unicodedata.category(near[1]) in ("Mn", "Me", "Mc", "Cf"):
        return False
    return not any(map(_is_set_solid, near))


def _is_set_solid(character: str) -> bool:
    """Whether no blanks stand beside a character: Han, Kana, and their punctuation."""
    is_wide = unicodedata.east_asian_width(character) in ("W", "F")
    return is_wide and not any(first <= character <= last for first, last in _WIDE_APART)


def aligned(tokens: Sequence[str], text: str) -> list[int] | None:
    """Where tokens begin in a text that holds them in order with blanks between; else None."""
    places: list[int] = []
    at = 0
    for token in tokens:
        start = text.find(token, at)
        if start < 0 or text[at:start].strip():
            return None
        places.append(start)
        at = start + len(token)
    return None if text[at:].strip() else places
