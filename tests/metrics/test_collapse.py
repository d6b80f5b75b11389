"""What counts as a collapse of answers."""

from __future__ import annotations

import pytest

from nlpcl import tasks
from nlpcl.metrics.collapse import COLLAPSES


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


def test_every_kind_of_answers_has_its_collapse():
    assert {tasks.spec(name).answers for name in tasks.names()} - {"none"} == set(COLLAPSES)
    assert tasks.spec("masked_lm").collapse([]) == tasks.spec("classification").collapse([]) == ""
