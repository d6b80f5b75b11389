"""Texts as token ids, truncated to exactly the limit, in bounded time for very long texts.

Only the beginning of a long text is tokenized. It is cut where tokens never join: at a blank, or
between two Han characters if the tokenizer makes each a token of its own. A text without such a
place is tokenized as a whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nlpcl.core.characters import is_encodable
from nlpcl.text.characters import is_han, without_halves

CHARACTERS_A_TOKEN = 8
"""A text of more characters than this times the limit is cut before it is tokenized."""
GROWTH = 8
"""Factor by which more of a text is tokenized if its beginning did not fill the limit."""
SEPARATORS = " \n"


@dataclass(frozen=True)
class Tokens:
    """One text as the model reads it.

    Args:
        ids: with the special tokens.
        is_truncated: whether the text continues after them.
        is_empty: whether there are only special tokens.
    """

    ids: list[int]
    is_truncated: bool
    is_empty: bool


class TextReader:
    """Tokenizes texts to at most ``limit`` tokens.

    Args:
        tokenizer: any fast tokenizer.
        limit: maximum number of tokens, special tokens included.
    """

    def __init__(self, tokenizer: Any, limit: int) -> None:
        self.tokenizer, self.limit = tokenizer, limit
        self.special = tokenizer.num_special_tokens_to_add()
        self.separators = {mark for mark in SEPARATORS if self.divides(f"a{mark}a")}
        self.han_stands_alone = self.divides("的的")

    def divides(self, text: str) -> bool:
        """Whether the tokenizer splits a text into more than one word."""
        words = self.tokenizer(text, add_special_tokens=False).word_ids()
        return len(set(words)) > 1

    def __call__(self, texts: Sequence[str]) -> list[Tokens]:
        """Tokenize texts; the result is in their order."""
        found: list[Tokens | None] = [None] * len(texts)
        readable = [text if is_encodable(text) else without_halves(text) for text in texts]
        waiting = list(range(len(texts)))
        size = CHARACTERS_A_TOKEN * self.limit
        while waiting:
            ends = [self.end(readable[row], size) for row in waiting]
            shown = [readable[row][:end] for row, end in zip(waiting, ends, strict=True)]
            encoded = self.tokenizer(shown, truncation=True, max_length=self.limit)
            unfinished = []
            for row, end, encoding in zip(waiting, ends, encoded.encodings, strict=True):
                is_full = bool(encoding.overflowing)
                if end < len(readable[row]) and not is_full:
                    unfinished.append(row)
                else:
                    ids = encoding.ids
                    found[row] = Tokens(ids, is_full, len(ids) <= self.special)
            waiting, size = unfinished, size * GROWTH
        return [tokens for tokens in found if tokens is not None]

    def end(self, text: str, size: int) -> int:
        """Where to cut a text so that the tokens before the cut are those of the whole text."""
        if len(text) <= size:
            return len(text)
        for place in range(size, size // 2, -1):
            if text[place] in self.separators and not text[place - 1].isspace():
                return place
            if self.han_stands_alone and is_han(text[place]) and is_han(text[place - 1]):
                return place
        return len(text)
