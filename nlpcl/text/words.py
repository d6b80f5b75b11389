"""The words of a text as a model reads them, and the tokens of each word.

A word is a Han character, a run of letters and digits, or a punctuation mark; words that the
tokenizer joins into one token count as one word. Truncated words are left out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nlpcl.core.characters import is_encodable
from nlpcl.text.characters import without_halves

METHODS = ("gradients", "leave-one-out")
"""Methods that weigh words, see :mod:`nlpcl.analysis.attribution`."""
HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
UNIT = re.compile(rf"[{HAN}]|[^\W_{HAN}]+(?:['’][^\W_{HAN}]+)*|\S")
"""A Han character, a word with its apostrophes, or any other visible character."""


@dataclass(frozen=True)
class WordWeight:
    """A word and its weight for the class.

    Args:
        text: the word as it occurs in the text.
        start: index of its first character.
        end: index after its last character.
        weight: positive if it is evidence for the class. Gradients: its contribution to the change
            of the log-odds, in nats; leave-one-out: the drop of the probability.
    """

    text: str
    start: int
    end: int
    weight: float


@dataclass(frozen=True)
class Reading:
    """A text as the model reads it.

    Args:
        text: the text.
        ids: token ids with the special tokens, at most the task's limit.
        spans: start and end of every word.
        places: positions in ``ids`` of each word's tokens; the others are special tokens.
    """

    text: str
    ids: list[int]
    spans: list[tuple[int, int]]
    places: list[list[int]]

    def without(self, words: Sequence[int]) -> list[int]:
        """The ids without the tokens of the given words."""
        gone = {place for word in words for place in self.places[word]}
        return [one for place, one in enumerate(self.ids) if place not in gone]

    def weighted(self, weights: Sequence[float]) -> list[WordWeight]:
        """The words, each with its weight."""
        return [
            WordWeight(self.text[start:end], start, end, float(weight))
            for (start, end), weight in zip(self.spans, weights, strict=True)
        ]


def read(task: Any, text: str) -> Reading:
    """Tokenize a text and assign its tokens to words."""
    if not is_encodable(text):
        text = without_halves(text)
    encoding = task.processor(
        text,
        truncation=True,
        max_length=task.limit,
        return_offsets_mapping=True,
        return_special_tokens_mask=True,
    )
    offsets = [
        (-1, -1) if special else (start, end)
        for (start, end), special in zip(
            encoding["offset_mapping"], encoding["special_tokens_mask"], strict=True
        )
    ]
    spans, places = words_of(text, offsets)
    return Reading(text, list(encoding["input_ids"]), spans, places)


def words_of(
    text: str, offsets: Sequence[tuple[int, int]]
) -> tuple[list[tuple[int, int]], list[list[int]]]:
    """Spans of the words that have tokens, and the positions of their tokens.

    Args:
        text: the text.
        offsets: start and end of each token in the text; (-1, -1) for a special token. A token
            without a visible character belongs to the next word, at the end to the last one.
    """
    units = [match.span() for match in UNIT.finditer(text)]
    spans: list[tuple[int, int]] = []
    places: list[list[int]] = []
    first = 0
    for place, (start, end) in enumerate(offsets):
        if start < 0 or not units:
            continue
        while first < len(units) - 1 and units[first][1] <= start:
            first += 1
        last = first
        while last < len(units) - 1 and units[last + 1][0] < end:
            last += 1
        span = (units[first][0], units[last][1])
        if spans and span[0] < spans[-1][1]:  # a token, or a word, is shared
            spans[-1] = (spans[-1][0], max(spans[-1][1], span[1]))
            places[-1].append(place)
        else:
            spans.append(span)
            places.append([place])
    return spans, places
