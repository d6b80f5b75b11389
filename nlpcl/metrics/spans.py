"""Spans of a text: what they share, how they nest, and what stands in them.

A span is ``(start, end, type)`` in characters, end exclusive. The spans of a text are a set: one
that is named twice counts once. They may overlap and nest.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

Span = tuple[int, int, str]
Spans = frozenset[Span]
Boundary = tuple[int, int]
Pairs = list[tuple[Spans, Spans]]
"""The gold and the predicted spans of each text."""


def row_spans(entities: Iterable[Mapping[str, Any]]) -> Spans:
    """The spans of a row's ``[{"start", "end", "type", ...}]``."""
    return frozenset((one["start"], one["end"], one["type"]) for one in entities)


def paired(gold: Sequence[Collection[Span]], predicted: Sequence[Collection[Span]]) -> Pairs:
    """The spans of every text as sets.

    Raises:
        ValueError: the two differ in length, or a span is empty or begins before its text.
    """
    pairs: Pairs = []
    for index, both in enumerate(zip(gold, predicted, strict=True)):
        for start, end, kind in (span for spans in both for span in spans):
            if not 0 <= start < end:
                raise ValueError(f"text {index}: ({start}, {end}, {kind!r}) is no span")
        pairs.append((frozenset(both[0]), frozenset(both[1])))
    return pairs


def boundaries(spans: Iterable[Span]) -> set[Boundary]:
    """The places of spans; spans of several types at one place have it in common."""
    return {(start, end) for start, end, _ in spans}


def neighbours(gold: Collection[Span], predicted: Collection[Span]) -> dict[Span, list[Span]]:
    """For each predicted span the gold spans that it shares a character with, all in order."""
    ordered = sorted(gold)
    starts = [span[0] for span in ordered]
    longest = max((end - start for start, end, _ in ordered), default=0)
    found: dict[Span, list[Span]] = {}
    for span in sorted(predicted):
        first = bisect_right(starts, span[0] - longest)
        near = ordered[first : bisect_left(starts, span[1])]
        found[span] = [other for other in near if other[1] > span[0]]
    return found


def depths(spans: Iterable[Span]) -> dict[Boundary, int]:
    """For each place the number of other places of the text that contain it.

    Spans that cross do not contain one another, and those at one place have the same depth.
    """
    found: dict[Boundary, int] = {}
    ends: list[int] = []
    # What contains a place comes before it: it starts earlier, or there and ends later.
    for start, end in sorted(boundaries(spans), key=lambda place: (place[0], -place[1])):
        found[start, end] = len(ends) - bisect_left(ends, end)
        insort(ends, end)
    return found


def apart(places: Sequence[Boundary]) -> list[int]:
    """Indices of the places that share no character with one kept before; the first are kept."""
    kept: list[Boundary] = []
    found: list[int] = []
    for index, (start, end) in enumerate(places):
        at = bisect_left(kept, (start, end))
        is_free_before = at == 0 or kept[at - 1][1] <= start
        if is_free_before and (at == len(kept) or end <= kept[at][0]):
            kept.insert(at, (start, end))
            found.append(index)
    return found


def surface_forms(texts: Sequence[str], spans: Sequence[Iterable[Span]]) -> set[str]:
    """What stands in the spans of all texts, e.g. of those that a model is trained on.

    Raises:
        ValueError: the two differ in length.
    """
    return {
        text[start:end] for text, own in zip(texts, spans, strict=True) for start, end, _ in own
    }
