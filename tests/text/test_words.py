"""Words and their tokens."""

from __future__ import annotations

import itertools
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlpcl.text.words import UNIT, Reading, read, words_of


def test_units_are_han_characters_words_and_marks():
    assert UNIT.findall("我爱don't  #3d_x!") == ["我", "爱", "don't", "#", "3d", "_", "x", "!"]


def test_tokens_belong_to_words():
    #          0123456789
    text = "un fair 我们"
    offsets = [(-1, -1), (0, 1), (1, 2), (3, 5), (5, 7), (8, 9), (9, 10), (-1, -1)]
    spans, places = words_of(text, offsets)
    assert spans == [(0, 2), (3, 7), (8, 9), (9, 10)]
    assert places == [[1, 2], [3, 4], [5], [6]]


def test_words_that_share_a_token_are_one():
    spans, places = words_of("我们去", [(0, 2), (2, 3)])
    assert spans == [(0, 2), (2, 3)]
    assert places == [[0], [1]]
    # The middle token holds the end of one word and the beginning of the next one.
    spans, places = words_of("ab cd", [(0, 1), (1, 4), (4, 5)])
    assert (spans, places) == ([(0, 5)], [[0, 1, 2]])


def test_tokens_of_blanks_go_to_the_next_word():
    assert words_of(" a b ", [(0, 1), (1, 2), (2, 4), (4, 5)]) == (
        [(1, 2), (3, 4)],
        [[0, 1], [2, 3]],
    )
    assert words_of("  ", [(0, 1)]) == ([], [])


@given(st.data())
def test_every_token_has_one_word(data):
    text = data.draw(st.text("ab 我，'", max_size=12))
    ends = sorted(data.draw(st.sets(st.integers(1, max(1, len(text))), max_size=12)))
    cuts = [0, *(end for end in ends if end < len(text)), len(text)]
    offsets = [(start, end) for start, end in itertools.pairwise(cuts) if start < end]
    spans, places = words_of(text, offsets)
    if not text.strip():
        return
    assert sorted(place for row in places for place in row) == list(range(len(offsets)))
    assert all(a[1] <= b[0] for a, b in itertools.pairwise(spans))
    for (start, end), row in zip(spans, places, strict=True):
        for place in row:
            inside = text[offsets[place][0] : offsets[place][1]]
            # What is visible of a token lies in its word.
            first = offsets[place][0] + len(inside) - len(inside.lstrip())
            assert not inside.strip() or (start <= first and first + len(inside.strip()) <= end)


@pytest.fixture
def task(tiny_encoder):
    from transformers import AutoTokenizer

    def make(kind="bert", limit=12):
        return SimpleNamespace(
            processor=AutoTokenizer.from_pretrained(tiny_encoder(kind)), limit=limit
        )

    return make


@pytest.mark.parametrize("kind", ["bert", "roberta"])
def test_reading_with_a_tokenizer(kind, task):
    found = read(task(kind), "我 在家, abc")
    assert [found.text[start:end] for start, end in found.spans][:4] == ["我", "在", "家", ","]
    special = [found.ids[0], found.ids[-1]] if kind == "bert" else []  # the other one has none
    assert found.places[0] == [len(special) // 2]
    assert found.without(range(len(found.spans))) == special
    assert found.without([]) == found.ids


def test_what_is_behind_the_limit_is_no_word(task):
    found = read(task(limit=6), "今天早上在家里")
    assert len(found.ids) == 6
    assert [found.text[start:end] for start, end in found.spans] == list("今天早上")


def test_nothing_and_halves_of_characters(task):
    assert read(task(), "").spans == []
    assert read(task(), " \n").spans == []
    assert len(read(task(), "我\ud800").spans) == 2


def test_weights_carry_their_words():
    reading = Reading("ab 我", [1, 2, 3], [(0, 2), (3, 4)], [[0], [1]])
    words = reading.weighted([0.5, -1])
    assert [(one.text, one.start, one.end, one.weight) for one in words] == [
        ("ab", 0, 2, 0.5),
        ("我", 3, 4, -1.0),
    ]
