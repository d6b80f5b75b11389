"""Pairs from a word list."""

from collections import Counter

import numpy
import pytest

from nlpcl.errors import UserError
from nlpcl.lexicon import pairs, read_words
from nlpcl.noise import Noise


@pytest.fixture
def words(tmp_path):
    path = tmp_path / "dict.txt"
    path.write_text(
        "早饭 400 n\n旱 90 n\n图书馆 100 n\nT恤 99 n\n冷僻 3 a\n天 x\n", encoding="utf-8"
    )
    return path


def test_words_of_han_that_are_frequent_enough(words):
    assert read_words(words, 30)[0] == ["早饭", "图书馆"]
    assert read_words(words, 1)[1].tolist() == [400, 100, 3]
    with pytest.raises(UserError, match="no words"):
        read_words(words, 1000)


def test_lines_are_words_and_only_confusions_differ(words):
    noise = Noise({"shape": 1.0}, {"shape": {"早": ["旱"]}}, rate=0.3, light=0.5)
    made = list(pairs(*read_words(words, 30), noise, 300, 4, seed=1))
    assert made == list(pairs(*read_words(words, 30), noise, 300, 4, seed=1))
    changes = Counter()
    for written, right in made:
        assert right.replace("早饭", "").replace("图书馆", "") == ""
        changes.update((old, new) for old, new in zip(right, written, strict=True) if old != new)
    assert set(changes) == {("早", "旱")}
    share = numpy.mean([written == right for written, right in made])
    assert 0.3 < share < 0.95


def test_frequent_words_come_more_often_by_the_square_root(words):
    made = pairs(*read_words(words, 30), Noise({}, light=1.0), 2000, 1, seed=0)
    drawn = Counter(right for _, right in made)
    assert drawn["早饭"] / drawn["图书馆"] == pytest.approx(2.0, rel=0.15)
