"""What of a text can be written as UTF-8, and what is safe to print."""

from __future__ import annotations

import re

# Besides control characters: halves of a character, marks that break a line or turn its order, and
# two that nobody sees.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]"
)


def is_encodable(text: str) -> bool:
    """Whether ``text`` can be written as UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def visible(text: str) -> str:
    r"""``text`` with all that moves a cursor, or cannot be written, replaced; safe on a terminal.

    Control characters become their symbols (``␛``, ``␊``), other such characters their escapes
    (``\u202e``).
    """
    return _UNSAFE.sub(_symbol, text)


def visible_lines(text: str) -> list[str]:
    """The lines of a text of several, each :func:`visible`."""
    return [visible(line) for line in text.split("\n")]


def _symbol(found: re.Match[str]) -> str:
    code = ord(found.group())
    if code < 0x20:
        return chr(0x2400 + code)
    return "\u2421" if code < 0xA0 else f"\\u{code:04x}"
