"""The plain baseline of text classification: TF-IDF of words or characters, logistic regression.

A text is cut into Han characters, words and marks. Features are runs of one and two words, and in
Chinese of one to three characters, so that English, Chinese and mixed texts need no setting.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nlpcl.text.characters import is_han
from nlpcl.text.words import UNIT
from nlpcl.training.logistic_regression import probabilities

STRENGTH = 10.0
"""Inverse C of the penalty. Of 1, 3, 10 and 30 near the best on the dev sets of COLD, HSOL and
HateXplain (10,000 training texts of each)."""
NAME = f"logistic regression on TF-IDF (of 1-2 words or 1-3 Han characters; C = {STRENGTH:g})"
WORDS, CHARACTERS = 2, 3
"""Longest run of words and of Han characters that is a feature."""
MANY = 1000
"""From so many training texts on, what only one of them has is no feature: it is most of all."""


def grams(text: str) -> list[str]:
    """``"a b 我们"`` → its features ``a``, ``a b``, ``b``, ``b 我``, ``我``, ``我 们``, ``们``.

    Case is ignored. A run is of the kind of its first unit.
    """
    units = UNIT.findall(text.lower())
    found: list[str] = []
    for at, unit in enumerate(units):
        longest = CHARACTERS if is_han(unit) else WORDS
        ends = range(at + 1, min(at + longest, len(units)) + 1)
        found += [" ".join(units[at:end]) for end in ends]
    return found


def answers(
    train: Sequence[str],
    labels: Sequence[str],
    tests: Mapping[str, Sequence[str]],
    classes: Sequence[str],
) -> dict[str, np.ndarray] | None:
    """Class probabilities ``(N, C)`` of the texts of each test set; None if no text has a feature.

    Args:
        train: training texts.
        labels: their classes, two different ones at least.
        tests: test texts.
        classes: the model's, in order.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    least = 2 if len(train) >= MANY else 1
    settings: dict[str, Any] = {"analyzer": grams, "dtype": np.float32}
    vectors = TfidfVectorizer(sublinear_tf=True, min_df=least, **settings)
    try:
        rows = vectors.fit_transform(train)
    except ValueError:  # an empty vocabulary
        return None
    empty = rows[:0]
    others = [vectors.transform(texts) if texts else empty for texts in tests.values()]
    return dict(
        zip(tests, probabilities(rows, labels, others, classes, strength=STRENGTH), strict=True)
    )
