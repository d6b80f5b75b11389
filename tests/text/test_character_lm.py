"""The language model that ``tools/make_character_lm.py`` counts: by hand, and as a distribution."""

import itertools
import math

import make_character_lm
import pytest
from make_character_lm import arpa, as_ids


@pytest.fixture
def read(monkeypatch):
    """``read(lines, least)`` → n-gram → its probability, and what it leaves to shorter ones."""
    monkeypatch.setattr(make_character_lm, "RARE", 1)

    def made(lines, least=1):
        found = {}
        for line in arpa(*as_ids(lines), least):
            fields = line.split("\t")
            if len(fields) > 1:
                left = 10 ** float(fields[2]) if len(fields) > 2 else 1.0
                found[tuple(fields[1].split())] = 10 ** float(fields[0]), left
        return found

    return made


def probability(grams, history, word):
    """As ARPA defines it: of the longest n-gram that is there, times what longer ones leave."""
    if (*history, word) in grams:
        return grams[*history, word][0]
    left = grams[history][1] if history in grams else 1.0
    return left * probability(grams, history[1:], word)


def test_by_hand(read):
    """Pairs by how many words they follow: 2 twice, 1 four times, so that the discount is 1/2.

    What begins a line follows nothing and counts as often as it stands there.
    """
    grams = read(["我在家", "我 在", "在家"])
    assert grams["我",][0] == pytest.approx(2 / 11, rel=1e-3)  # (1 + 1) / (6 + 5 words)
    assert grams["<s>", "我"][0] == pytest.approx(1.5 / 3 + (1 - 2 / 3) * 2 / 11, rel=1e-3)
    assert grams["<s>",][1] == pytest.approx(1 / 3, rel=1e-3)
    assert grams["<unk>",][0] == pytest.approx(1 / 11, rel=1e-3)
    assert ("家", "我") not in grams, "no pair goes over the end of a line"


@pytest.mark.parametrize("least", [1, 2, 3])
def test_after_any_words_the_probabilities_sum_to_one(read, least):
    lines = ["我在家看书", "他在家", "我在家看", "我看书", "书在家", "我在家看书"]
    grams = read(lines, least)
    assert (("我", "在", "家") in grams) and ((("他", "在", "家") in grams) == (least == 1))
    words = [gram[0] for gram in grams if len(gram) == 1 and gram[0] != "<s>"]
    histories = [(), *((word,) for word in words), *itertools.product(["<s>", *words], words)]
    for history in histories:
        total = math.fsum(probability(grams, history, word) for word in words)
        assert total == pytest.approx(1.0, abs=2e-3), history
