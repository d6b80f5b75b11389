"""Classes of characters, and replacements for those that cannot be encoded or displayed."""

from __future__ import annotations

import functools
import unicodedata


def is_han(character: str) -> bool:
    """Whether ``character`` is one Han ideograph: unified, an extension, compatibility, or 〇."""
    if len(character) != 1:
        return False
    code = ord(character)
    return (
        0x4E00 <= code <= 0x9FFF
        or 0x3400 <= code <= 0x4DBF
        or 0xF900 <= code <= 0xFAFF
        # Planes 2 and 3 are reserved for ideographs; U+xFFFE and U+xFFFF are never characters.
        or (0x20000 <= code <= 0x3FFFD and code & 0xFFFF < 0xFFFE)
        or code == 0x3007
    )


def is_word(character: str) -> bool:
    """Whether ``character`` is an ASCII letter or digit."""
    return character.isascii() and character.isalnum()


@functools.lru_cache(maxsize=65536)
def is_shown(character: str) -> bool:
    """Whether a model sees ``character``: no space, control, zero-width or combining character."""
    return not character.isspace() and unicodedata.category(character) not in (
        "Cc",
        "Cf",
        "Cs",
        "Mn",
        "Mc",
        "Me",
    )


@functools.lru_cache(maxsize=65536)
def is_combining(character: str) -> bool:
    """Whether ``character`` is drawn with the one before it: a mark, or a tag of an emoji."""
    is_tag = "\U000e0020" <= character <= "\U000e007f"
    return is_tag or unicodedata.category(character) in ("Mn", "Mc", "Me")


def is_unseen(character: str) -> bool:
    """Whether ``character`` is a blank, or another that is seen neither alone nor with others."""
    return not is_shown(character) and not is_combining(character)


def without_halves(text: str) -> str:
    """``text`` with each lone surrogate replaced by a question mark; the length stays the same."""
    return text.encode(errors="replace").decode()
