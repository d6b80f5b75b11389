"""How two Han characters are alike: in sound, nearly in sound, in shape.

``kinship.txt.xz`` is made by ``tools/make_kinship.py`` from PLOME's confusion sets (Apache-2.0) and
its table of readings (MIT). A line holds a character, its readings without tones, and the
characters of a similar shape that come after it in Unicode, divided by tabs.
"""

from __future__ import annotations

import lzma
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from nlpcl.text.noise.sounds import blurred

FILE = Path(__file__).with_name("kinship.txt.xz")


class Kin(NamedTuple):
    """What two characters have in common; of the two sounds one at most is true."""

    same_sound: bool
    near_sound: bool
    shape: bool


@dataclass(frozen=True)
class Kinship:
    """Readings and shapes of characters.

    Args:
        readings: character → its readings, divided by blanks.
        shapes: character → those of a similar shape that come after it in Unicode.
    """

    readings: Mapping[str, str]
    shapes: Mapping[str, str]

    @classmethod
    def parse(cls, text: str) -> Kinship:
        """Read the lines of the file."""
        rows = [line.split("\t") for line in text.splitlines()]
        return cls({row[0]: row[1] for row in rows}, {row[0]: row[2] for row in rows})

    def of(self, one: str, other: str) -> Kin:
        """What two characters have in common; nothing is known of a character outside the file.

        Sounds are near if many speakers and input methods blur them, see
        :func:`nlpcl.text.noise.sounds.blurred`.
        """
        first, second = sorted((one, other))
        sounds, others = (self.readings.get(each, "").split() for each in (one, other))
        same = not set(sounds).isdisjoint(others)
        near = not same and not set(map(blurred, sounds)).isdisjoint(map(blurred, others))
        return Kin(same, near, second in self.shapes.get(first, ""))


@lru_cache(maxsize=1)
def kinship() -> Kinship:
    """The table of the package, read once."""
    with lzma.open(FILE, "rt", encoding="utf-8") as file:
        return Kinship.parse(file.read())
