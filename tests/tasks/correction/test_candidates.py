"""Which characters may be written where, against plain sets."""

from __future__ import annotations

import math

import pytest
import torch

from nlpcl.tasks.correction.candidates import Candidates
from nlpcl.text.characters import is_han
from nlpcl.text.script import Script, forms

VOCABULARY = [*"圆圓园園台臺灣湾干乾于於我你杯a。", "[UNK]"]
IDS = {character: index for index, character in enumerate(VOCABULARY)}


@pytest.fixture
def candidates():
    single = {index: text for text, index in IDS.items() if len(text) == 1}
    return Candidates(single, len(VOCABULARY))


def naive(written: str, script: Script) -> set[str]:
    """Han of the script that are no other form of a character of it."""
    known = forms()
    foreign = known.simplified if script is Script.TRADITIONAL else known.traditional
    family = known.family.get(written, -1)
    if script is Script.MIXED or written in foreign:
        return set()
    return {
        text
        for text in filter(is_han, VOCABULARY)
        if text not in foreign | {written} and known.family.get(text, 0) != family
    }


@pytest.mark.parametrize("script", Script)
def test_agrees_with_plain_sets(candidates, script):
    han = [text for text in VOCABULARY if is_han(text)]
    written = torch.tensor([IDS[text] for text in han])
    allowed = candidates.others(written, torch.full_like(written, script))
    for text, row in zip(han, allowed, strict=True):
        assert {VOCABULARY[index] for index in row.nonzero().flatten()} == naive(text, script)


def test_what_that_means(candidates):
    def may(written: str, right: str, script: Script) -> bool:
        rows = candidates.others(torch.tensor([IDS[written]]), torch.tensor([script]))
        return bool(rows[0, IDS[right]])

    assert may("圓", "園", Script.TRADITIONAL)
    assert not may("圓", "园", Script.TRADITIONAL)
    assert not may("圓", "圆", Script.TRADITIONAL)
    assert may("圆", "园", Script.SIMPLIFIED)
    assert not may("圆", "園", Script.SIMPLIFIED)
    assert not may("圓", "园", Script.SIMPLIFIED)
    assert not may("臺", "台", Script.TRADITIONAL)
    assert not may("于", "於", Script.SIMPLIFIED)
    assert not may("我", "你", Script.MIXED)
    assert may("我", "园", Script.EITHER)
    assert not may("我", "園", Script.EITHER)


def best(candidates, written: str, script: Script, scores: dict[str, float]):
    row = torch.zeros(1, len(VOCABULARY))
    for text, score in scores.items():
        row[0, IDS[text]] = score
    found = candidates.best(row, torch.tensor([IDS[written]]), torch.tensor([script]))
    index, probability, lead = (values.item() for values in found)
    return VOCABULARY[index], probability, lead, row[0].softmax(0)


def test_best_other_character_by_hand(candidates):
    scores = {"園": 5.0, "灣": 4.5, "圓": 4.0, "a": 9.0}
    right, probability, lead, shares = best(candidates, "圓", Script.TRADITIONAL, scores)
    assert (right, lead) == ("園", 0.5)
    assert probability == pytest.approx(shares[IDS["園"]].item())
    right, _, lead, _ = best(candidates, "圓", Script.TRADITIONAL, {"圓": 7.0, "園": 5.0})
    assert (right, lead) == ("園", -2.0)
    _, probability, lead, _ = best(candidates, "圓", Script.MIXED, scores)
    assert (probability, lead) == (0.0, -math.inf)


@pytest.mark.parametrize("forbidden", ["圆", "园"])
def test_what_may_not_be_written_speaks_for_what_stands_there(candidates, forbidden):
    scores = {forbidden: 8.0, "園": 5.0, "圓": 1.0}
    right, probability, lead, shares = best(candidates, "圓", Script.TRADITIONAL, scores)
    assert (right, lead) == ("園", -3.0)
    assert probability == pytest.approx(shares[IDS["園"]].item())
