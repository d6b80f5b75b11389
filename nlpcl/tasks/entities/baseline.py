"""The plain baseline of entities: a dictionary of the training spans.

In a text the longest entry is taken from left to right, as the type that it has most often. What it
finds needs no model; the rest is what a model is for.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from nlpcl.core.splits import Example
from nlpcl.text.characters import is_han

NAME = "dictionary of the training entities (longest match, most frequent type)"


def dictionary(train: Iterable[Example]) -> dict[str, str]:
    """Surface form of every training entity → its most frequent type; of equals the first by name.

    Args:
        train: rows with ``text`` and ``entities``.
    """
    types: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for row in train:
        for one in row["entities"]:
            types[row["text"][one["start"] : one["end"]]][one["type"]] += 1
    return {
        form: min(counts, key=lambda name: (-counts[name], name)) for form, counts in types.items()
    }


def rows(
    train: Iterable[Example], tests: Sequence[Sequence[Example]]
) -> list[list[dict[str, Any]]]:
    """Prediction rows of each test set: ``id``, ``gold`` and ``entities`` without overlaps."""
    known = dictionary(train)
    matcher = automaton(known)
    return [
        [
            {
                "id": example.get("id"),
                "gold": [
                    {name: one[name] for name in ("start", "end", "type")}
                    for one in example["entities"]
                ],
                "entities": [
                    {"start": start, "end": end, "type": known[example["text"][start:end]]}
                    for start, end in matches(matcher, example["text"])
                ],
            }
            for example in examples
        ]
        for examples in tests
    ]


def automaton(forms: Iterable[str]) -> Any:
    """What finds all of many texts in one pass; None for none."""
    from ahocorasick import Automaton

    made = Automaton()
    for form in forms:
        made.add_word(form, len(form))
    if not len(made):
        return None
    made.make_automaton()
    return made


def matches(matcher: Any, text: str) -> list[tuple[int, int]]:
    """Places of entries in a text, from left to right, of several that begin together the longest.

    Within a word of letters and digits nothing is found; Han characters are words by themselves.
    """
    longest: dict[int, int] = {}
    for last, length in matcher.iter(text) if matcher is not None else ():
        start, end = last + 1 - length, last + 1
        if not (is_inside(text, start) or is_inside(text, end)):
            longest[start] = max(end, longest.get(start, 0))
    found: list[tuple[int, int]] = []
    for start in sorted(longest):
        if not found or start >= found[-1][1]:
            found.append((start, longest[start]))
    return found


def is_inside(text: str, place: int) -> bool:
    """Whether a place lies within a word: letters or digits other than Han on both sides."""
    if not 0 < place < len(text):
        return False
    return all(one.isalnum() and not is_han(one) for one in text[place - 1 : place + 1])
