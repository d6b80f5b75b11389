"""A dev set of clips of the training speakers, and classes that a fold lacks."""

from __future__ import annotations

from collections import Counter

import pytest

from nlpcl.core.errors import UserError
from nlpcl.data.dev_clips import with_dev_clips
from nlpcl.data.fold_classes import lacking_classes
from nlpcl.data.leaks import leak_statement, title
from nlpcl.data.protocols import folds


def table(**clips):
    """Clips of speakers: ``a="xxy"`` has three, of the classes x, x and y."""
    return [
        {"id": f"{speaker}{take}", "label": label, "speaker": speaker, "session": ""}
        for speaker, labels in clips.items()
        for take, label in enumerate(labels)
    ]


TWO = table(a="xxxxyyyy", b="xxxxyyyy")


def test_two_speakers_suffice():
    with pytest.raises(UserError, match=r"--dev clips"):
        folds(TWO, "lospo")
    made = folds(TWO, "lospo", dev_of_clips=True, dev_fraction=0.25)
    assert [one.name for one in made] == ["a", "b"]
    for one in made:
        assert {row["speaker"] for row in one.test} == {one.name}
        assert {row["speaker"] for row in [*one.train, *one.dev]} == {"a", "b"} - {one.name}
        assert Counter(row["label"] for row in one.dev) == {"x": 1, "y": 1}
        assert len(one.train) == 6
    assert folds(TWO, "lospo", dev_of_clips=True, dev_fraction=0.25) == made


def test_reports_say_that_dev_shares_speakers_but_the_test_does_not():
    rows = table(a="xxyy", b="xxyy", c="xxyy")
    made = folds(rows, "lospo", dev_of_clips=True)
    assert title("lospo", made) == (
        "leave one speaker out, 3 folds, speaker-independent, inner dev set of HEARD speakers"
    )
    said = leak_statement(made, rows)["statement"]
    assert said.startswith("No speaker of a test is in train or dev of its fold.")
    assert "Dev SHARES its speakers with train" in said
    usual = folds(rows, "lospo")
    assert title("lospo", usual).endswith("speaker-independent, inner dev set")
    assert leak_statement(usual, rows)["statement"].startswith("No speaker is in more than one")


def test_a_class_of_one_clip_is_trained_on():
    train, dev = with_dev_clips(table(a="xxxxxz"), [], 0, 0.2)
    assert [row["label"] for row in dev] == ["x"]
    assert [row["label"] for row in train] == ["x", "x", "x", "x", "z"]


def test_classes_that_a_fold_lacks_are_told():
    rows = table(a="xy", b="xy", c="xyzz")
    assert lacking_classes(folds(rows, "lospo")) == [
        "fold c: no training clip of z, so that its 2 test clips of it can only be answered wrong"
    ]
    with pytest.raises(UserError, match=r"all training clips of fold . are x"):
        lacking_classes(folds(table(a="xx", b="xx", c="xy"), "lospo"))
