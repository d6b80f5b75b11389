"""Spans of characters and of tokens: exact both ways, whatever a tokenizer does."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from nlpcl.text import BUILTIN_FOLDER
from nlpcl.text.encoders import scratch_tokenizer
from nlpcl.text.offsets import OffsetReader, visible_offsets

TEXTS = st.text(
    st.one_of(
        st.sampled_from("张伟北京大学 ab c12-9.,!\t　éﬁ①ｘ😀👨\u200d👩\u0301\u200b\ufe0f"),
        st.characters(codec="utf-8"),
    ),
    max_size=30,
)


@cache
def reader(kind: str) -> OffsetReader:
    if kind == "builtin":
        tokenizer: Any = AutoTokenizer.from_pretrained(BUILTIN_FOLDER)
    elif kind == "characters":
        tokenizer = scratch_tokenizer()
    else:  # every byte is a token; a blank belongs to the word after it
        bytes_ = {c: i for i, c in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
        backend = Tokenizer(models.BPE(vocab=bytes_, merges=[]))
        backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
        backend.decoder = decoders.ByteLevel()
        tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend)
    return OffsetReader(tokenizer)


@pytest.mark.parametrize("kind", ["builtin", "characters", "bytes"])
@given(text=TEXTS)
@example(text="张伟 上周去了北京大学。")
@example(text="e\u0301cafe\u0301 👨\u200d👩\u200d👧 ﬁne ①ｘ\ud800")
@example(text="   ")
@example(text="")
def test_every_pair_of_edges_is_one_span_of_characters(kind: str, text: str):
    (found,) = reader(kind)([text])
    begins = [at for at, may in enumerate(found.starts) if may]
    closes = [at for at, may in enumerate(found.ends) if may]
    assert len({found.spans[at][0] for at in begins}) == len(begins)
    assert len({found.spans[at][1] for at in closes}) == len(closes)
    for first in begins:
        for last in closes:
            if last >= first:
                start, end = found.spans[first][0], found.spans[last][1]
                assert 0 <= start < end <= len(text)
                assert not text[start].isspace() and not text[end - 1].isspace()
                assert found.tokens_of(start, end) == (first, last)


@pytest.mark.parametrize("kind", ["builtin", "characters", "bytes"])
def test_names_are_found_by_their_characters(kind: str):
    text = "张伟 went to 北京大学 (Peking University), 😀 e\u0301t\u0301."
    (found,) = reader(kind)([text])
    for name in ("张伟", "北京", "北京大学", "Peking University", "University", "😀"):
        start = text.index(name)
        place = found.tokens_of(start, start + len(name))
        assert place is not None, name
        first, last = place
        assert text[found.spans[first][0] : found.spans[last][1]] == name


def test_what_tokens_cannot_express_is_none():
    (found,) = reader("builtin")(["Paris, 1789"])
    assert found.tokens_of(0, 5) is not None
    assert found.tokens_of(8, 11) is None  # it begins within a token
    assert found.tokens_of(6, 11) is None  # it would begin with a blank
    assert found.tokens_of(5, 5) is None


def test_marks_are_no_part_of_the_names_beside_them():
    text = "看《电竞世界》，(America's wanted)，DC-10。"
    (found,) = reader("builtin")([text])
    for name in ("《电竞世界》", "电竞世界", "America", "America's", "DC", "10", "wanted"):
        start = text.index(name)
        assert found.tokens_of(start, start + len(name)) is not None, name


def test_tokens_of_one_character_start_and_end_once():
    """Three tokens of one emoji, then a mark of a word's beginning and the word."""
    found = visible_offsets("😀 ab", [1, 2, 3, 4, 5], [(0, 1), (0, 1), (0, 1), (1, 3), (1, 4)])
    assert found.spans == [(0, 1), (0, 1), (0, 1), (2, 3), (2, 4)]
    assert found.starts == [True, False, False, True, False]
    assert found.ends == [False, False, True, False, True]


def test_combining_characters_belong_to_the_token_before_them():
    found = visible_offsets("e\u0301 \u0301f", [1, 2], [(0, 1), (4, 5)])
    assert found.spans == [(0, 2), (4, 5)]


def test_names_end_before_characters_that_nobody_sees():
    """Zero-width spaces of web pages, marks of direction; tags of a flag are part of it."""
    flag = "\U0001f3f4\U000e0067\U000e0062\U000e007f"
    text = f"张伟\u200b去了北京\u202e\x07，{flag}\u200d。"
    (found,) = reader("builtin")([text])
    for name in ("张伟", "北京", flag):
        start = text.index(name)
        place = found.tokens_of(start, start + len(name))
        assert place is not None, name
    found = visible_offsets("a\u200bb\u200b", [1, 2, 3], [(0, 1), (1, 4), (3, 4)])
    assert found.spans[:2] == [(0, 1), (2, 3)]
    assert (found.starts, found.ends) == ([True, True, False], [True, True, False])
