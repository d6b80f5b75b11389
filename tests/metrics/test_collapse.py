"""What counts as a collapse of answers."""

from __future__ import annotations

from typing import get_args

import pytest

from nlpcl import tasks
from nlpcl.metrics.collapse import COLLAPSES, answer
from nlpcl.tasks.spec import Answers


def labelled(gold, labels):
    return [{"gold": one, "label": other} for one, other in zip(gold, labels, strict=True)]


def edited(*triples):
    return [dict(zip(("source", "gold", "target"), one, strict=True)) for one in triples]


@pytest.mark.parametrize(
    ("gold", "labels", "said"),
    [
        ("ab", "bb", "answers 'b' to every one of the 2 texts"),
        ("aba", "aaa", "answers 'a' to every one of the 3 texts"),
        ("ab", "ab", ""),
        ("aa", "ab", ""),
        ("bb", "bb", ""),  # there is nothing else to answer
    ],
)
def test_one_class_for_everything(gold, labels, said):
    assert tasks.spec("classification").collapse(labelled(gold, labels)) == said
    assert tasks.spec("emotion").collapse(labelled(gold, labels)) == said.replace("text", "clip")


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([("旱饭", "早饭", "旱饭"), ("好", "好", "好")], "changes none of the 2 sentences"),
        ([("旱饭", "早饭", "早饭"), ("好", "好", "好")], ""),
        ([("旱饭", "早饭", "旱饭"), ("好", "好", "坏")], ""),
        ([("好", "好", "好")], ""),  # there is nothing to change
    ],
)
def test_nothing_ever_changed(rows, said):
    assert tasks.spec("correction").collapse(edited(*rows)) == said


def entities(*pairs):
    return [
        {
            name: [{"start": at, "end": at + 1, "type": kind} for at, kind in enumerate(kinds)]
            for name, kinds in zip(("gold", "entities"), pair, strict=True)
        }
        for pair in pairs
    ]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([("AB", ""), ("", "")], "finds no entity in any of the 2 texts"),
        ([("AA", "")], "finds no entity in any of the 1 texts"),
        ([("", "")], ""),  # there is nothing to find
        ([("", "A")], ""),
        ([("AB", "A"), ("", "AA")], "finds no type of entity but 'A' in the 2 texts"),
        ([("AB", "C"), ("A", "")], "finds no type of entity but 'C' in the 2 texts"),
        ([("AB", "A"), ("", "B")], ""),
        ([("AA", "A")], ""),  # there is no other type
    ],
)
def test_nothing_found_or_one_type_alone(rows, said):
    assert COLLAPSES["entities"](entities(*rows), "texts") == said


def test_answers_can_be_compared():
    one, two, three = entities(("", "AB"), ("A", "AB"), ("", "A"))
    two["entities"] = [{**span, "score": 1.0} for span in reversed(two["entities"])]
    assert answer(one) == answer(two) == {(0, 1, "A"), (1, 2, "B")} != answer(three)
    assert len({answer(one), answer(two), answer(three)}) == 2
    assert answer({"label": "a"}) == "a" and answer({"target": "b"}) == "b"


def test_every_kind_of_answers_has_its_collapse():
    assert set(get_args(Answers)) - {"none"} == set(COLLAPSES)
    assert tasks.spec("masked_lm").collapse([]) == tasks.spec("classification").collapse([]) == ""
