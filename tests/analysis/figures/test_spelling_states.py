"""States of characters: which sentences are read, and the measures of their states."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from nlpcl.analysis.figures import spelling_states
from nlpcl.analysis.figures.kinds import LeftOut
from nlpcl.analysis.figures.spelling_states import Pair, State, measures, readable


def encode_text(text, number):
    """Sentences at ``/``, a token a character but for ``-``, which has none."""
    sentences = ([c for c in part if c != "-"] for part in text.split("/"))
    return [{"input_ids": [0, *part, 0], "number": number} for part in sentences if part]


def test_sentences_are_read_in_pairs_of_equally_many_tokens():
    task = SimpleNamespace(encode_text=encode_text)
    texts = [
        ("甲乙", "甲丙"),
        ("甲乙", "甲-"),
        ("-", "甲"),
        ("甲", "-"),
        ("-丁", "戊-"),
        ("己/庚", "己/辛"),
    ]
    examples = [{"source": old, "target": new} for old, new in texts]
    found = [
        (old["input_ids"][1:-1], new["input_ids"][1:-1]) for old, new in readable(task, examples)
    ]
    assert found == [
        (["甲", "乙"], ["甲", "丙"]),
        (["丁"], ["戊"]),
        (["己"], ["己"]),
        (["庚"], ["辛"]),
    ]
    with pytest.raises(LeftOut, match="no test sentence can be read"):
        readable(task, examples[1:4])


def test_the_sentence_with_most_errors_is_shown(monkeypatch):
    states = np.ones((2, 3))
    pairs = [Pair([*"甲乙"], [*right], states, states) for right in ("甲乙", "丙丁", "甲丁")]
    monkeypatch.setattr(spelling_states, "read_pairs", lambda *_: {"after": pairs})
    assert spelling_states.pair_of(None, {}) == {"after": pairs[1]}


def test_alignment_and_uniformity_by_hand():
    states = [
        State("甲", "乙", np.array([1.0, 0.0]), np.array([0.0, 2.0])),
        State("丙", "丙", np.array([1.0, 0.0]), np.array([3.0, 0.0])),
    ]
    found = measures(states)
    assert found["cosine"] == pytest.approx(0.0)
    assert found["alignment"] == pytest.approx(2.0)
    assert found["uniformity"] == pytest.approx(-4.0)  # log exp(-2 * 2)


def test_a_sentence_is_compared_with_the_right_one():
    pair = Pair(["甲"], ["乙"], np.array([[2.0, 0.0]]), np.array([[1.0, 1.0]]))
    assert pair.cosines() == pytest.approx(np.array([[0.5**0.5]]))
