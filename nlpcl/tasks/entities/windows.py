"""Overlapping windows of long texts, and to which of them a span belongs.

Every span whose tokens lie in several windows belongs to one of them: that in whose middle it
lies. Results of windows are thus merged without counting anything twice, and a span has context
on both sides.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence


def first_tokens(tokens: int, size: int, overlap: int) -> list[int]:
    """First token of each window; a text within the size has one window.

    Args:
        tokens: of the text.
        size: of a window.
        overlap: tokens that neighbouring windows share at least.
    """
    if tokens <= size:
        return [0]
    step = size - overlap
    return [*range(0, tokens - size, step), tokens - size]


def owner(first: int, last: int, windows: Sequence[int], size: int) -> int | None:
    """The window in whose middle a span lies; None if none holds all of it.

    Args:
        first: token of the span.
        last: token of the span.
        windows: first token of each, in order.
        size: of a window.
    """
    holding = range(bisect_left(windows, last - size + 1), bisect_right(windows, first))
    return min(
        holding, key=lambda at: (abs(first + last - 2 * windows[at] - size + 1), at), default=None
    )
