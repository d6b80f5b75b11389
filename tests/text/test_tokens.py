"""Texts as ids, cut to the limit exactly."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlpcl.text.encoders import load_text_encoder
from nlpcl.text.tokens import TextReader


@pytest.fixture(scope="module")
def tokenizer(tiny_encoder):
    from transformers import AutoModelForMaskedLM

    return load_text_encoder(str(tiny_encoder()), AutoModelForMaskedLM)[1]


PIECES = ["好", "我", "a", "abc", " ", "\n", "\r\n", "  ", "😀", "，", "\u0301", "\u200b", "[SEP]"]


@settings(deadline=None, max_examples=150)
@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join), st.integers(0, 60))
def test_long_texts_are_read_as_the_tokenizer_reads_them_whole(tokenizer, piece, times):
    text = piece * times + "end"
    plain = tokenizer(text, truncation=True, max_length=32)
    (tokens,) = TextReader(tokenizer, 32)([text])
    assert tokens.ids == plain["input_ids"]
    assert tokens.is_truncated == bool(plain.encodings[0].overflowing)


@pytest.mark.parametrize("kind", ["builtin", "byte-level"])
def test_cutting_is_exact_with_other_tokenizers(kind):
    if kind == "builtin":
        from nlpcl.text.encoders import BUILTIN_FOLDER, has_builtin

        if not has_builtin():
            pytest.skip("this copy has no built-in encoder")
        from transformers import AutoTokenizer

        tokenizer: Any = AutoTokenizer.from_pretrained(BUILTIN_FOLDER)
    else:
        from tokenizers import Tokenizer, models, pre_tokenizers, trainers
        from transformers import PreTrainedTokenizerFast

        plain: Any = Tokenizer(models.BPE())
        plain.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        trainer = trainers.BpeTrainer(vocab_size=400, special_tokens=["<s>", "</s>", "<pad>"])
        plain.train_from_iterator(["the cat sat on the mat  today\n\n" * 3, "我在家"], trainer)
        tokenizer = PreTrainedTokenizerFast(
            tokenizer_object=plain, cls_token="<s>", sep_token="</s>", pad_token="<pad>"
        )
    read = TextReader(tokenizer, 16)
    texts = [
        "the cat  sat on \n\n the mat " * 40,
        "我在家里做饭，他坐车去学校。" * 60,
        " " * 3000 + "cat",
        "thecatsatonthemat" * 100,
        "\u3000cat\tmat\x1fsat" * 300,
    ]
    for text, tokens in zip(texts, read(texts), strict=True):
        plain = tokenizer(text, truncation=True, max_length=16)
        assert tokens.ids == plain["input_ids"], text[:20]
        assert tokens.is_truncated == bool(plain.encodings[0].overflowing)


def test_only_the_beginning_of_a_long_text_is_tokenised(tokenizer, monkeypatch):
    read = TextReader(tokenizer, 16)
    shown = []
    plain = type(tokenizer).__call__

    def spied(self, texts, **options):
        shown.extend(texts)
        return plain(self, texts, **options)

    monkeypatch.setattr(type(tokenizer), "__call__", spied)
    read(["我在家里做饭。" * 9000, "好", "a b " * 9000])
    assert [len(text) <= 128 for text in shown] == [True] * 3
    (tokens,) = read([" " * 5000 + "好" * 99])
    assert tokens.is_truncated


def test_half_a_surrogate_pair_is_read_as_a_question_mark(tokenizer):
    read = TextReader(tokenizer, 16)
    assert read(["好\ud800"])[0].ids == read(["好?"])[0].ids


def test_what_has_no_token_is_empty(tokenizer):
    found = TextReader(tokenizer, 16)(["", " \n\t", "\x00", "好", "😀"])
    assert [tokens.is_empty for tokens in found] == [True, True, True, False, False]
