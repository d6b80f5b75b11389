"""Plain baselines: features, dictionaries, and answers against hand-worked ones."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from nlpcl.tasks.baselines import class_rows
from nlpcl.tasks.classification import baseline as texts
from nlpcl.tasks.emotion import baseline as clips
from nlpcl.tasks.entities import baseline as spans


def test_features_are_words_in_english_and_characters_in_chinese():
    assert texts.grams("I don't LIKE") == ["i", "i don't", "don't", "don't like", "like"]
    assert texts.grams("我们好") == ["我", "我 们", "我 们 好", "们", "们 好", "好"]
    assert texts.grams("ok 我们") == ["ok", "ok 我", "我", "我 们", "们"]


def test_texts_are_told_apart_by_their_words():
    train = ["good day", "good night", "坏的天", "坏的人"] * 3
    labels = ["nice", "nice", "bad", "bad"] * 3
    found = texts.answers(train, labels, {"a": ["good", "坏的"], "b": []}, ["bad", "new", "nice"])
    assert found is not None
    assert found["a"].argmax(1).tolist() == [2, 0]
    assert found["a"][:, 1].tolist() == [0, 0], "no training text is new"
    assert found["b"].shape == (0, 3)
    np.testing.assert_allclose(found["a"].sum(1), 1)
    again = texts.answers(train, labels, {"a": ["good", "坏的"]}, ["bad", "new", "nice"])
    assert (again["a"] == found["a"]).all()


def test_texts_without_any_unit_have_no_baseline():
    assert texts.answers(["  ", " "], ["a", "b"], {"t": ["x"]}, ["a", "b"]) is None


def test_clips_are_told_apart_by_mean_and_deviation():
    generator = torch.Generator().manual_seed(0)

    def frames(mean, deviation, length):
        return mean + deviation * torch.randn(length, 3, generator=generator)

    train = [frames(m, d, 20 + n) for n in range(10) for m, d in ((0, 1), (3, 1), (0, 4))]
    labels = ["calm", "loud", "wild"] * 10
    tests = {"t": [frames(3, 1, 50), frames(0, 4, 9), frames(0, 1, 15)]}
    found = clips.answers(iter(train), labels, tests, ["calm", "loud", "wild"])
    assert found["t"].argmax(1).tolist() == [1, 2, 0]


def test_layers_are_averaged_and_deviation_is_that_of_the_population():
    frames = torch.tensor([[1.0, 0.0], [3.0, 4.0]])
    assert clips.summary(frames).tolist() == [2.0, 2.0, 1.0, 2.0]
    assert clips.summary(torch.stack([frames, 3 * frames])).tolist() == [4.0, 4.0, 2.0, 4.0]


def spanned(text, *entities):
    return {
        "id": text,
        "text": text,
        "entities": [{"start": s, "end": e, "type": t} for s, e, t in entities],
    }


@pytest.fixture
def known():
    return [
        spanned("北京大学在北京", (0, 4, "ORG"), (5, 7, "LOC")),
        spanned("Bath is nice", (0, 4, "LOC")),
        spanned("Bath won", (0, 4, "ORG")),
        spanned("Bath again", (0, 4, "ORG")),
    ]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("去北京大学和北京", [(1, 5, "ORG"), (6, 8, "LOC")]),
        ("in Bath.", [(3, 7, "ORG")]),
        ("Bathroom, lowerBath", []),
        ("在Bath的", [(1, 5, "ORG")]),
        ("nothing", []),
    ],
)
def test_the_longest_entry_of_the_most_frequent_type(known, text, wanted):
    ((row,),) = spans.rows(known, [[spanned(text, (0, 1, "X"))]])
    assert [(one["start"], one["end"], one["type"]) for one in row["entities"]] == wanted
    assert row["gold"] == [{"start": 0, "end": 1, "type": "X"}]


def test_a_dictionary_without_entries_finds_nothing():
    assert spans.rows([spanned("a")], [[spanned("b")]])[0][0]["entities"] == []


def test_equally_frequent_types_are_taken_by_name():
    assert spans.dictionary([spanned("b", (0, 1, "Z")), spanned("b", (0, 1, "A"))]) == {"b": "A"}


def test_merged_classes_are_summed_before_one_is_chosen():
    rows = class_rows(
        [{"id": 1, "label": "bad"}],
        np.array([[0.4, 0.3, 0.3]]),
        ["a", "b", "c"],
        {"b": "bad", "c": "bad"},
    )
    assert rows == [
        {"id": 1, "gold": "bad", "label": "bad", "probabilities": {"a": 0.4, "bad": 0.6}}
    ]
