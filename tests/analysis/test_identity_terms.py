"""False positives on harmless sentences about people."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace

import pytest

from nlpcl.analysis.identity_terms import (
    Sentence,
    filled,
    harmless_class,
    identity_report,
    sentences,
)
from nlpcl.core.errors import UserError


def saved(labels, **more):
    return SimpleNamespace(id2label=dict(enumerate(labels)), **more)


class Predictor:
    """Flags sentences that hold a word."""

    def __init__(self, flagged: str, labels=("hateful", "normal")) -> None:
        self.flagged, self.labels = flagged, labels
        self.model = SimpleNamespace(config=saved(labels))

    def stream(self, texts):
        for text in texts:
            share = 0.9 if self.flagged in text else 0.2
            values = dict(zip(self.labels, (share, 1 - share), strict=True))
            yield {"text": text, "label": max(values, key=values.get), "probabilities": values}


def test_every_term_stands_in_every_template_of_its_language():
    listed = sentences()
    assert len({sentence.text for sentence in listed}) == len(listed)
    numbers = Counter((sentence.language, sentence.term) for sentence in listed)
    assert set(numbers.values()) == {10}
    terms = Counter(language for language, _ in numbers)
    assert terms["en"] >= 30
    assert terms["zh"] >= 30
    for sentence in listed:
        assert sentence.term in sentence.text
        assert not set("{}") & set(sentence.text)
        assert sentence.text[0].isupper() or sentence.language == "zh"
        assert " a A" not in sentence.text.replace(" a Asian", " a A")
    assert {sentence.kind for sentence in listed} >= {
        "nationality", "religion", "gender", "orientation", "age", "disability", "control",
    }  # fmt: skip


def test_the_article_fits():
    assert filled("I am {a} {term} person.", "elderly") == "I am an elderly person."
    assert filled("{A} {term} student", "blind") == "A blind student"
    assert filled("{A} {term} student", "Asian") == "An Asian student"
    assert filled("我是{term}。", "老年人") == "我是老年人。"


def test_rates_by_hand():
    chosen = [
        Sentence("a tall one", "tall", "control", "en"),
        Sentence("a deaf one", "deaf", "disability", "en"),
        Sentence("the deaf one", "deaf", "disability", "en"),
        Sentence("一位盲人", "盲人", "disability", "zh"),
    ]
    report, rows = identity_report(Predictor("the deaf"), chosen=chosen)
    assert [row["flagged"] for row in rows] == [False, False, True, False]
    terms, kinds = report.tables
    assert terms.columns[:5] == ["term", "kind", "language", "n", "flagged"]
    assert terms.rows[0][:5] == ["deaf", "disability", "en", 2, 50.0]
    assert terms.rows[0][-1] == pytest.approx(100 * (0.2 + 0.9) / 2)
    assert terms.rows[0][5] == pytest.approx(9.45, abs=0.01)  # Wilson's interval of 1 of 2
    assert terms.rows[0][6] == pytest.approx(90.55, abs=0.01)
    assert [row[0] for row in kinds.rows] == ["disability", "control", "disability"]
    assert report.metrics == {
        "identity_false_positive_rate_en": 50.0,
        "control_false_positive_rate_en": 0.0,
        "identity_false_positive_rate_zh": 0.0,
    }


def test_worst_terms_come_first():
    report, rows = identity_report(Predictor("Muslim"))
    assert report.tables[0].rows[0][0] == "Muslim"
    assert report.tables[0].rows[0][4] == 100.0
    assert sum(row["flagged"] for row in rows) == 10


@pytest.mark.parametrize(
    ("labels", "more", "neutral"),
    [
        (("hateful", "normal", "offensive"), {}, "normal"),
        (("Offensive", "Non-offensive"), {}, "Non-offensive"),
        (("1", "0"), {}, "0"),
        (("x", "y"), {"threshold": 0.3, "positive_label": "x"}, "y"),
    ],
)
def test_the_harmless_class(labels, more, neutral):
    assert harmless_class(saved(labels, **more), None) == neutral
    assert harmless_class(saved(labels, **more), labels[0]) == labels[0]


def test_a_class_that_no_name_makes_harmless_is_asked_for():
    with pytest.raises(UserError, match="--neutral"):
        harmless_class(saved(("red", "green", "blue")), None)
    with pytest.raises(UserError, match="Did you mean 'green'"):
        harmless_class(saved(("red", "green", "blue")), "gren")
