"""Noise for many rows of text at once: the mask token, wrong characters and wrong words.

Two kinds of rows alternate. *Heavy* rows teach the language: many characters are hidden by the mask
token or replaced. *Light* rows teach correction: they hold few errors, or none, as text that people
wrote does, and the rest must be left as it is.

Legend: ``n`` tokens of all rows together, ``R`` rows, ``V`` vocabulary.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy
from numpy.typing import NDArray

from nlpcl.core.errors import UserError
from nlpcl.text.noise.tables import ErrorTables, Integers

MASK = "mask"
WORD = "word"
SAME_SOUND = "pinyin"
RANDOM = "random"
KEEP = "keep"

Flags = NDArray[numpy.bool_]


@dataclass
class Noise:
    """Selects characters and replaces them.

    Args:
        fractions: of the characters selected in a heavy row, by what replaces them: ``mask``,
            ``word`` (a word of the same sound), ``random``, or a kind of the tables (``pinyin``,
            ``near_pinyin``, ``shape``, ``observed``); the rest is kept and still predicted.
        mask: id of the mask token, which also stands in where the tables know no wrong character.
        is_han: whether an id is a Han character, ``(V,)``; errors are made at these alone.
        probability: fraction of the characters selected in a heavy row.
        light_fraction: fraction of the rows that are light; rows without Han characters never are.
        light_errors: mean number of characters selected for an error in a light row.
        light_mask: fraction of the characters of a light row hidden by the mask token, so that the
            context is read there too (Wu et al., ACL 2023).
    """

    fractions: Mapping[str, float]
    mask: int
    is_han: Flags
    probability: float = 0.15
    light_fraction: float = 0.5
    light_errors: float = 1.0
    light_mask: float = 0.0

    def __post_init__(self) -> None:
        self.masked = self.fractions.get(MASK, 0.0)
        others = {kind: value for kind, value in self.fractions.items() if kind != MASK}
        self.kinds = [*others, KEEP]
        limits = numpy.cumsum(list(others.values()))
        total = self.masked + (limits[-1] if len(limits) else 0.0)
        if total > 1 + 1e-9:
            raise UserError(
                f"the fractions of noise add up to {total:.2f}, more than 1",
                "--mask-fraction and others",
                "Lower one of them.",
            )
        self.limits = limits / max(1.0 - self.masked, 1e-9)
        self.alphabet = numpy.flatnonzero(self.is_han)

    def apply(
        self,
        ids: Integers,
        rows: Integers,
        places: Flags,
        tables: ErrorTables,
        generator: numpy.random.Generator,
    ) -> tuple[Integers, Flags]:
        """Noised ids, and where they are to be predicted.

        Args:
            ids: the rows' tokens, one row after the other, ``(n,)``.
            rows: number of the row of each token, from 0, ``(n,)``.
            places: where characters may be selected, ``(n,)``.
            tables: what people write instead.
            generator: source of all that is drawn.
        """
        han = places & self.is_han[ids]
        masking, erring = self.rates(rows, han, generator)
        drawn = generator.random(len(ids))
        hidden = places & (drawn < masking)
        wrong = han & ~hidden & (drawn < masking + erring * tables.propensity[ids])
        noised, selected = ids.copy(), hidden | wrong
        at = numpy.flatnonzero(wrong)
        kinds = numpy.searchsorted(self.limits, generator.random(len(at)), "right")
        for number, kind in enumerate(self.kinds):
            chosen = at[kinds == number]
            if kind == WORD:
                self._retype(noised, selected, chosen, ids, rows, han, tables, generator)
            elif kind == RANDOM:
                noised[chosen] = generator.choice(self.alphabet, len(chosen))
            elif kind != KEEP:
                self._replace(noised, chosen, ids, kind, tables, generator)
        noised[hidden] = self.mask
        return noised, selected

    def rates(
        self, rows: Integers, han: Flags, generator: numpy.random.Generator
    ) -> tuple[NDArray[numpy.float64], NDArray[numpy.float64]]:
        """Probability of the mask and of an error at each token, ``(n,)`` each."""
        counts = numpy.bincount(rows, weights=han)
        light = (generator.random(len(counts)) < self.light_fraction) & (counts > 0)
        masking = numpy.where(light, self.light_mask, self.probability * self.masked)
        few = numpy.minimum(self.light_errors / numpy.maximum(counts, 1.0), 1.0)
        erring = numpy.where(light, few, self.probability * (1 - self.masked))
        return masking[rows], erring[rows]

    def _replace(
        self,
        noised: Integers,
        at: Integers,
        ids: Integers,
        kind: str,
        tables: ErrorTables,
        generator: numpy.random.Generator,
    ) -> None:
        """Write a wrong character of one kind at some places.

        Where there is none it is one of the same sound, and else the mask.
        """
        for tried in dict.fromkeys((kind, SAME_SOUND)):
            if tried in tables.characters:
                draws = tables.characters[tried]
                known = draws.filled[ids[at]]
                noised[at[known]] = draws.draw(ids[at[known]], generator)
                at = at[~known]
        noised[at] = self.mask

    def _retype(
        self,
        noised: Integers,
        selected: Flags,
        at: Integers,
        ids: Integers,
        rows: Integers,
        han: Flags,
        tables: ErrorTables,
        generator: numpy.random.Generator,
    ) -> None:
        """Write another word where a place begins or ends one, else a wrong character."""
        last = len(ids) - 1
        left = at
        for shift in (0, -1):
            start = (left + shift).clip(0, max(last - 1, 0))
            joined = (rows[start] == rows[(start + 1).clip(max=last)]) & han[start]
            joined &= han[(start + 1).clip(max=last)] & (start < last)
            numbers = tables.word_numbers(ids[start], ids[(start + 1).clip(max=last)])
            known = joined & (numbers >= 0)
            start, numbers = start[known], numbers[known]
            words = tables.words.draw(numbers, generator)
            noised[start], noised[start + 1] = words[:, 0], words[:, 1]
            selected[start] = selected[start + 1] = True
            left = left[~known]
        self._replace(noised, left, ids, SAME_SOUND, tables, generator)
