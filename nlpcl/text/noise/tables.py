"""Tables of spelling errors: for each character, and each word, what people write instead.

A wrong character is drawn the more often the commoner it is: input methods offer common characters
and words first. With weights ``count ** 0.75`` the same-sound pairs of real corrections are most
likely (of the exponents 0, 0.25, 0.4, 0.5, 0.6, 0.75 and 1, each distinct pair counted once).

Legend: ``V`` vocabulary, ``N`` drawn characters.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy
from numpy.typing import NDArray

from nlpcl.text.noise.sounds import blurred

OBSERVED = "observed"
"""The kind of error that repeats real edits."""
FREQUENCY_EXPONENT = 0.75
BLURRED_WEIGHT = 0.1
"""Weight of a word of a similar sound, relative to one of the same sound."""
LEAST_COUNT = 4
"""Two characters are a word if they stand together so often, and"""
LEAST_ASSOCIATION = 2.0
"""if that is ``e`` to this power more often than chance has it (pointwise mutual information)."""
MOST_WORDS = 12
"""Words kept for each word, the likeliest."""
PROPENSITY_LIMITS = (0.4, 5.0)
PRIOR = 0.5
"""Weight of the text's own frequencies in the propensity of a character to be written wrongly."""

Integers = NDArray[numpy.int64]
Reals = NDArray[numpy.float64]


@dataclass(frozen=True)
class Draws:
    """Weighted draws from many lists at once.

    Args:
        limits: for each value its list's number plus the cumulative weight in (0, 1], increasing.
        values: what is drawn, ``(M,)`` or ``(M, 2)``.
        filled: whether each list has values, ``(lists,)``.
    """

    limits: Reals
    values: Integers
    filled: NDArray[numpy.bool_]

    @classmethod
    def of(cls, lists: Mapping[int, Mapping[object, float]], size: int, width: int = 1) -> Draws:
        """Build from number of the list → value → weight."""
        limits, values = [], []
        filled = numpy.zeros(size, dtype=bool)
        for number in sorted(lists):
            weights = numpy.array(list(lists[number].values()), dtype=float)
            if weights.sum() > 0:
                filled[number] = True
                share = weights.cumsum() / weights.sum()
                share[-1] = 1.0
                limits.append(number + share)
                values += list(lists[number])
        shape = (-1,) if width == 1 else (-1, width)
        found = numpy.array(values, dtype=numpy.int64).reshape(shape)
        return cls(numpy.concatenate(limits) if limits else numpy.zeros(0), found, filled)

    def draw(self, numbers: Integers, generator: numpy.random.Generator) -> Integers:
        """A value from each of the lists, all of which must be filled, ``(N,)`` or ``(N, 2)``."""
        at = numpy.searchsorted(self.limits, numbers + generator.random(len(numbers)), "right")
        return self.values[at]


@dataclass(frozen=True)
class ErrorTables:
    """What people write instead of a character or a word.

    Args:
        characters: kind of error → draws of a wrong id for each right one.
        word_keys: ``first * V + second`` of each word of two characters, increasing.
        words: draws of two ids for each word.
        propensity: how much likelier than the average each id is to be written wrongly, ``(V,)``.
    """

    characters: Mapping[str, Draws]
    word_keys: Integers
    words: Draws
    propensity: Reals

    def word_numbers(self, first: Integers, second: Integers) -> Integers:
        """The number of the word that two characters form; -1 where they form none."""
        if not len(self.word_keys):
            return numpy.full(len(first), -1)
        keys = first * len(self.propensity) + second
        at = numpy.searchsorted(self.word_keys, keys).clip(max=len(self.word_keys) - 1)
        return numpy.where((self.word_keys[at] == keys) & self.words.filled[at], at, -1)


def build_tables(
    text: Integers,
    characters: Mapping[int, str],
    size: int,
    confusions: Mapping[str, Mapping[str, Sequence[str]]],
    readings: Mapping[str, Sequence[str]],
    edits: Mapping[tuple[str, str], int],
) -> ErrorTables:
    """Tables for the characters of a text.

    Args:
        text: ids of the text, other than Han characters as -1, ``(tokens,)``.
        characters: id → Han character.
        size: V.
        confusions: kind → character → characters it is mistaken for.
        readings: character → readings; they add to the confusions of the same and of similar sound.
        edits: (right, wrong) → how often a person corrected so; may be empty.
    """
    counts = numpy.bincount(text[text >= 0], minlength=size)
    weights = counts**FREQUENCY_EXPONENT
    ids = {characters[index]: index for index in numpy.flatnonzero(counts).tolist()}
    sets: dict[str, Mapping[str, Sequence[str]]] = dict(confusions)
    if readings:
        known = {character: readings[character] for character in ids if character in readings}
        sets["pinyin"], sets["near_pinyin"] = by_sound(known, sets.get("near_pinyin", {}))
    tables = {
        kind: Draws.of(
            {
                ids[head]: {
                    ids[other]: weights[ids[other]]
                    for other in others
                    if other in ids and other != head
                }
                for head, others in found.items()
                if head in ids
            },
            size,
        )
        for kind, found in sets.items()
    }
    observed: dict[int, dict[object, float]] = defaultdict(dict)
    for (right, wrong), count in edits.items():
        if right in ids and wrong in ids:
            observed[ids[right]][ids[wrong]] = float(count)
    if observed:
        tables[OBSERVED] = Draws.of(observed, size)
    keys, words = word_errors(text, characters, size, readings)
    return ErrorTables(tables, keys, words, propensity(counts, observed))


def by_sound(
    readings: Mapping[str, Sequence[str]], near: Mapping[str, Sequence[str]]
) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Sets of the same and of a similar sound among some characters.

    Args:
        readings: character → its readings.
        near: further characters of a similar sound.
    """
    same, similar = defaultdict(set), defaultdict(set)
    for character, sounds in readings.items():
        for sound in sounds:
            same[sound].add(character)
            similar[blurred(sound)].add(character)
    alike = {c: set().union(*(same[s] for s in sounds)) for c, sounds in readings.items()}
    about = {
        c: set().union(*(similar[blurred(s)] for s in sounds)) for c, sounds in readings.items()
    }
    return (
        {c: sorted(others - {c}) for c, others in alike.items()},
        {c: sorted((about[c] | set(near.get(c, ()))) - alike[c]) for c in readings},
    )


def observed_edits(pairs: Iterable[tuple[str, str]]) -> Counter[tuple[str, str]]:
    """(right, wrong) characters of sentence pairs (wrong, right) of equal length, counted."""
    return Counter(
        (right, wrong)
        for source, target in pairs
        if len(source) == len(target)
        for wrong, right in zip(source, target, strict=True)
        if wrong != right
    )


def propensity(counts: Integers, observed: Mapping[int, Mapping[object, float]]) -> Reals:
    """How much likelier than the average each id is to be written wrongly, ``(V,)``."""
    wrong = numpy.zeros(len(counts))
    for index, others in observed.items():
        wrong[index] = sum(others.values())
    if not wrong.sum():
        return numpy.ones(len(counts))
    frequency = counts / max(counts.sum(), 1)
    rate = PRIOR + (1 - PRIOR) * (wrong / wrong.sum()) / numpy.maximum(frequency, 1e-9)
    rate = numpy.where(counts > 0, rate, 1.0).clip(*PROPENSITY_LIMITS)
    return rate / max((rate * frequency).sum(), 1e-9)


def word_errors(
    text: Integers,
    characters: Mapping[int, str],
    size: int,
    readings: Mapping[str, Sequence[str]],
) -> tuple[Integers, Draws]:
    """The words of two characters in a text, and the words of the same sound for each.

    A word typed by its pinyin becomes another word of that pinyin, or of one told apart badly.

    Returns:
        The words' keys and the draws of :class:`ErrorTables`.
    """
    keys, counts = words_of_two(text, size)
    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    spoken: list[list[tuple[str, str]]] = []
    for number, key in enumerate(keys.tolist()):
        first, second = (characters[index] for index in divmod(key, size))
        sounds = list(product(readings.get(first, ()), readings.get(second, ())))
        spoken.append(sounds)
        for group in {(blurred(one), blurred(two)) for one, two in sounds}:
            groups[group].append(number)
    weights = counts**FREQUENCY_EXPONENT
    lists: dict[int, dict[object, float]] = {}
    for number, sounds in enumerate(spoken):
        own = set(sounds)
        found: Counter[int] = Counter()
        for other in others_of(number, sounds, groups):
            alike = not own.isdisjoint(spoken[other])
            found[other] = weights[other] * (1.0 if alike else BLURRED_WEIGHT)
        best = found.most_common(MOST_WORDS)
        lists[number] = {divmod(int(keys[other]), size): weight for other, weight in best}
    return keys, Draws.of(lists, len(keys), width=2)


def others_of(
    number: int,
    sounds: Iterable[tuple[str, str]],
    groups: Mapping[tuple[str, str], Sequence[int]],
) -> set[int]:
    """The other words in the groups of a word's readings."""
    places = {(blurred(one), blurred(two)) for one, two in sounds}
    return {other for place in places for other in groups[place]} - {number}


def words_of_two(text: Integers, size: int) -> tuple[Integers, Integers]:
    """Pairs of characters that stand together often and more often than chance has it.

    Returns:
        ``first * V + second`` of each, increasing, and their counts.
    """
    first, second = text[:-1], text[1:]
    both = (first >= 0) & (second >= 0)
    keys, counts = numpy.unique(first[both] * size + second[both], return_counts=True)
    single = numpy.bincount(text[text >= 0], minlength=size).astype(float)
    chance = single[keys // size] * single[keys % size] / max(single.sum(), 1.0)
    word = (counts >= LEAST_COUNT) & (numpy.log(counts / chance) >= LEAST_ASSOCIATION)
    return keys[word], counts[word]
