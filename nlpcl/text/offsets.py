"""Tokens of a text and the characters that each stands for, whatever a tokenizer does.

Tokenizers give a token the blank before it, give several tokens the same character (bytes of an
emoji, or a mark of a word's beginning), and leave combining characters to no token at all. Here
every token has its visible characters, with what combines with them, and of the tokens of one
character only the first may start a span and only the last may end one: each span of characters
that tokens can express is one pair of tokens.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from tokenizers import pre_tokenizers

from nlpcl.core.characters import is_encodable
from nlpcl.text.characters import is_combining, is_unseen, without_halves


@dataclass(frozen=True)
class Offsets:
    """The tokens of a text, without special ones.

    Args:
        ids: of the tokens.
        spans: first character of each token, and the one after its last; code points of the text.
        starts: whether a span of characters may start with the token.
        ends: whether one may end with it.
    """

    ids: list[int]
    spans: list[tuple[int, int]]
    starts: list[bool] = field(default_factory=list[bool])
    ends: list[bool] = field(default_factory=list[bool])

    @cached_property
    def by_start(self) -> dict[int, int]:
        """First character → the token that starts there."""
        return {span[0]: at for at, span in enumerate(self.spans) if self.starts[at]}

    @cached_property
    def by_end(self) -> dict[int, int]:
        """Character after the last → the token that ends there."""
        return {span[1]: at for at, span in enumerate(self.spans) if self.ends[at]}

    def tokens_of(self, start: int, end: int) -> tuple[int, int] | None:
        """First and last token of a span of characters; None if tokens cannot express it."""
        first, last = self.by_start.get(start), self.by_end.get(end)
        return None if first is None or last is None or last < first else (first, last)


class OffsetReader:
    """Tokenizes texts with offsets.

    Args:
        tokenizer: any fast tokenizer.
    """

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = with_marks_apart(tokenizer)

    def __call__(self, texts: Sequence[str]) -> list[Offsets]:
        """The tokens of each text, all of them."""
        if not texts:
            return []
        readable = [text if is_encodable(text) else without_halves(text) for text in texts]
        encoded = self.tokenizer(
            readable, add_special_tokens=False, return_offsets_mapping=True, truncation=False
        )
        return [
            visible_offsets(text, ids, offsets)
            for text, ids, offsets in zip(
                texts, encoded["input_ids"], encoded["offset_mapping"], strict=True
            )
        ]


def with_marks_apart(tokenizer: Any) -> Any:
    """A tokenizer of SentencePiece's kind that joins no mark and no digit with what is beside it.

    Such tokenizers know no words: a piece may hold the end of a name and the comma or the closing
    bracket after it. Those of other kinds are returned as they are.
    """
    steps = tokenizer.backend_tokenizer.pre_tokenizer
    if steps is None or "Metaspace" not in str(steps):
        return tokenizer
    made = copy.deepcopy(tokenizer)
    parting = [pre_tokenizers.Punctuation("isolated"), pre_tokenizers.Digits()]
    made.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence([steps, *parting])
    return made


def visible_offsets(text: str, ids: Sequence[int], offsets: Sequence[tuple[int, int]]) -> Offsets:
    """Offsets without what is unseen at their edges, with combining characters; starts and ends.

    Args:
        text: what was tokenized.
        ids: of its tokens.
        offsets: of its tokens, as the tokenizer gives them.
    """
    spans: list[tuple[int, int]] = []
    for at, (start, end) in enumerate(offsets):
        while start < end and is_unseen(text[start]):
            start += 1
        while start < end and is_unseen(text[end - 1]):
            end -= 1
        following = offsets[at + 1][0] if at + 1 < len(offsets) else len(text)
        while start < end < following and is_combining(text[end]):
            end += 1
        spans.append((start, end))
    found = Offsets(list(ids), spans)
    reached = -1  # the end of what the tokens so far stand for
    for start, end in spans:
        found.starts.append(start < end and start >= reached)
        reached = max(reached, end)
    ahead = len(text) + 1
    for start, end in reversed(spans):
        found.ends.append(start < end and end <= ahead)
        ahead = min(ahead, start) if start < end else ahead
    found.ends.reverse()
    return found
