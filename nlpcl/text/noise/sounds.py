"""How characters sound: their pinyin without tones, and which sounds are told apart badly."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from nlpcl.core.text_files import read_text
from nlpcl.text.characters import is_han

READINGS = "zi_py.txt"
"""Characters and their commonest reading; optional."""

LEAST_AGREEMENT = 0.6
"""A character has a second reading if it stands in this fraction of the sets of that reading."""


def read_readings(folder: Path, same: Mapping[str, Iterable[str]]) -> dict[str, list[str]]:
    """The readings of each character, the commonest first; empty without the file.

    The file holds one reading a character. The sets of the same sound know more of them: a
    character that most characters read *r* are confused with is read *r* too.

    Args:
        folder: with ``zi_py.txt``: character, tab, reading without its tone.
        same: the sets of the same sound, from :func:`nlpcl.text.noise.confusions.read_confusions`.
    """
    if not (folder / READINGS).is_file():
        return {}
    rows = [line.split("\t") for line in read_text(folder / READINGS).splitlines()]
    first = {row[0]: row[1] for row in rows if len(row) == 2 and is_han(row[0])}
    heads: Counter[str] = Counter()
    votes: dict[str, Counter[str]] = defaultdict(Counter)
    for head, others in same.items():
        if head in first:
            heads[first[head]] += 1
            for other in others:
                votes[other][first[head]] += 1
    readings = {character: [reading] for character, reading in first.items()}
    for character, counts in votes.items():
        own = readings.setdefault(character, [])
        for reading, count in counts.items():
            agreed = heads[reading] > 1 and count >= LEAST_AGREEMENT * heads[reading]
            if agreed and reading not in own:
                own.append(reading)
    return readings


def blurred(reading: str) -> str:
    """A reading without what many speakers and input methods do not tell apart.

    Retroflex and flat (zh, z), n and l at the start, front and back nasals (an, ang), hu and fu.
    """
    reading = re.sub(r"^([zcs])h", r"\1", reading)
    reading = re.sub(r"^n", "l", reading)
    reading = re.sub(r"ng$", "n", reading)
    return re.sub(r"^hu$", "fu", reading)
