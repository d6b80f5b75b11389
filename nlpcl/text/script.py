"""Which Chinese script a text is in, and which characters are forms of one another.

Most characters belong to both scripts, and a text tells its own by those that do not: 圓 stands in
traditional text alone, 圆 in simplified text alone. The table ``script.tsv`` is made from OpenCC's
dictionaries (Apache-2.0, https://github.com/BYVoid/OpenCC) by ``tools/make_script_table.py``: 23 KB
for what a library (OpenCC, hanzidentifier) would bring with conversions and word lists that nothing
here needs.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from enum import IntEnum
from pathlib import Path
from typing import NamedTuple

TABLE = Path(__file__).parent / "script.tsv"
DECISIVE = 4
"""A script is a text's own if it has so many times the characters that only the other has."""


class Script(IntEnum):
    """The script of a text."""

    EITHER = 0
    """Nothing tells: all its characters belong to both."""
    SIMPLIFIED = 1
    TRADITIONAL = 2
    MIXED = 3


class Forms(NamedTuple):
    """The characters that differ between the scripts.

    Args:
        simplified: characters of simplified text alone.
        traditional: characters of traditional text alone.
        family: a number that a character shares with its other forms: 圆 and 圓; 干, 乾 and 幹.
    """

    simplified: frozenset[str]
    traditional: frozenset[str]
    family: dict[str, int]


@functools.cache
def forms() -> Forms:
    """Read the table: a character of simplified text and its forms in traditional text, a row."""
    rows = [line.split("\t") for line in TABLE.read_text(encoding="utf-8").splitlines()]
    simplified = {character for character, _ in rows}
    traditional = {form for _, known in rows for form in known}
    return Forms(
        frozenset(simplified - traditional),
        frozenset(traditional - simplified),
        families(f"{character}{known}" for character, known in rows),
    )


def families(rows: Iterable[str]) -> dict[str, int]:
    """Numbers from 1, equal for characters of one row and of rows that share a character."""
    number: dict[str, int] = {}
    members: dict[int, str] = {}
    for new, row in enumerate(rows, start=1):
        met = {number[character] for character in row if character in number}
        members[new] = row + "".join(members.pop(old) for old in met)
        number |= dict.fromkeys(members[new], new)
    return number


def script_of(text: str) -> Script:
    """The script of a text, by the characters that belong to one script alone.

    A few characters of the other script do not matter, as in a name (see ``DECISIVE``).
    """
    known = forms()
    simplified = sum(character in known.simplified for character in text)
    traditional = sum(character in known.traditional for character in text)
    if not simplified and not traditional:
        return Script.EITHER
    if simplified >= DECISIVE * traditional:
        return Script.SIMPLIFIED
    return Script.TRADITIONAL if traditional >= DECISIVE * simplified else Script.MIXED
