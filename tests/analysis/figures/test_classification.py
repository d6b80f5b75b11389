"""A classifier's answers: what is drawn of confusion, classes, calibration and threshold."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose

from nlpcl.analysis.figures import classification, emotion
from nlpcl.analysis.figures.kinds import LeftOut, Options
from nlpcl.core.errors import UserError
from nlpcl.runs.run import Run

OPTIONS = Options()


@pytest.fixture
def five_answers(make_run, answer):
    """The run of 2 angry, 1 neutral and 2 sad clips, one of the sad ones taken for angry."""
    labels = ["angry", "angry", "neutral", "sad", "sad"]
    rows = [answer(at, gold, gold) for at, gold in enumerate(labels[:4])]
    return Run(make_run(rows=[*rows, answer(4, "sad", "angry")]))


def test_confusion_counts(make_run, clip_rows):
    found = classification.load_confusion(Run(make_run(rows=clip_rows)), OPTIONS)
    counts = found.values["counts"]
    assert counts.sum() == 60
    assert counts.trace() == 45
    first = found.rows[0]
    assert first == {"gold": "angry", "angry": 15, "neutral": 5, "sad": 0}
    assert "n = 60 items" in found.caption
    assert "invented protocol" in found.caption


def test_confusion_is_drawn_with_gold_in_rows(five_answers, drawn):
    found = classification.load_confusion(five_answers, OPTIONS)
    axes = classification.draw_confusion(**found.values).axes[0]
    (image,) = axes.images
    assert image.get_array().tolist() == [[1, 0, 0], [0, 1, 0], [0.5, 0, 0.5]]
    assert (image.norm.vmin, image.norm.vmax) == (0, 1)
    labels = ["angry", "neutral", "sad"]
    assert (drawn.ticks(axes.xaxis), drawn.ticks(axes.yaxis)) == (labels, labels)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted", "gold")
    texts = {text.get_position(): text.get_text() for text in axes.texts}
    assert len(texts) == 9
    assert texts[0, 0] == "2\n100 %"
    assert texts[0, 2] == texts[2, 2] == "1\n50 %"  # column, row
    assert texts[2, 0] == "0\n0 %"


def test_a_class_without_gold_items_has_an_empty_row():
    axes = classification.draw_confusion(np.array([[3, 1], [0, 0]]), ["a", "b"]).axes[0]
    assert axes.images[0].get_array().tolist() == [[0.75, 0.25], [0, 0]]


def test_class_scores_have_intervals_around_them(make_run, clip_rows):
    found = classification.load_classes(Run(make_run(rows=clip_rows)), OPTIONS)
    assert len(found.rows) == 9
    recall = next(r for r in found.rows if (r["class"], r["score"]) == ("angry", "recall"))
    assert recall["value"] == 75.0
    assert all(row["low"] < row["value"] < row["high"] for row in found.rows)
    assert "6 clusters" in found.caption  # speakers are resampled as a whole


def test_classes_are_drawn_with_three_scores_each(five_answers, drawn):
    found = classification.load_classes(five_answers, OPTIONS)
    (axes,) = classification.draw_classes(**found.values).axes
    wanted = {
        "precision": (200 / 3, 100, 100),
        "recall": (100, 100, 50),
        "F1": (80, 100, 200 / 3),
    }
    assert drawn.legend(axes.get_legend()) == list(wanted)
    third = 0.8 / 3
    for number, (bars, heights) in enumerate(zip(drawn.bars(axes), wanted.values(), strict=True)):
        places = np.arange(3) + (number - 1) * third
        assert_allclose(bars, np.column_stack([places, heights]), atol=1e-9)
    assert drawn.ticks(axes.xaxis) == ["angry\nn = 2", "neutral\nn = 1", "sad\nn = 2"]


def test_classes_have_the_ends_of_their_own_scores(drawn):
    ends = {"precision": (10, 95), "recall": (20, 85), "f1": (30, 75)}
    rows = [
        {"class": label, "score": kind, "value": 50 + at, "low": low + at, "high": high + at}
        | {"gold items": 7}
        for at, label in enumerate("ab")
        for kind, (low, high) in ends.items()
    ]
    (axes,) = classification.draw_classes(rows, ["a", "b"]).axes
    for whiskers, (low, high) in zip(drawn.whiskers(axes), ends.values(), strict=True):
        assert_allclose(whiskers[:, :, 1], [[low, high], [low + 1, high + 1]])
    places = [bars[:, 0, 0].tolist() for bars in drawn.whiskers(axes)]
    assert_allclose(places, [[x for x, _ in bars] for bars in drawn.bars(axes)])


def test_calibration_bins_hold_every_item(make_run, clip_rows):
    found = classification.load_calibration(Run(make_run(rows=clip_rows)), OPTIONS)
    assert sum(row["n"] for row in found.rows) == 60
    assert all(0 <= row["accuracy"] <= 100 for row in found.rows)


def test_calibration_is_drawn_over_the_bins_the_items_lie_in(make_run, answer, drawn):
    # Of 15 bins those up to 8/15, 11/15 and 14/15; their middles are 50, 70 and 90 percent.
    answers = [(0.48, "sad"), (0.5, "angry"), (0.69, "sad"), (0.73, "sad")]
    answers += [(0.87, "sad"), (0.92, "sad"), (0.93, "angry"), (0.93, "sad")]
    rows = [answer(at, "sad", label, share) for at, (share, label) in enumerate(answers)]
    found = classification.load_calibration(Run(make_run(rows=rows)), OPTIONS)
    above, below = classification.draw_calibration(**found.values).axes
    assert_allclose(drawn.bars(above), [[(50, 50), (70, 100), (90, 75)]])
    assert_allclose(drawn.bars(below), [[(50, 2), (70, 2), (90, 4)]])
    assert {round(bar.get_width(), 6) for bar in above.patches} == {round(92 / 15, 6)}
    lines = drawn.lines(above)
    assert_allclose(lines["mean confidence"], [(49, 50), (71, 100), (91.25, 75)])
    assert lines["as right as said"] == [(0, 0), (100, 100)]
    # (2 x 1 + 2 x 29 + 4 x 16.25) / 8
    assert drawn.title(above) == "calibration error 15.6"
    assert "calibration error 15.6, largest 29.0 points" in found.caption
    assert_allclose(
        [[row[name] for name in ("low", "high", "n")] for row in found.rows],
        [[7 / 15, 8 / 15, 2], [10 / 15, 11 / 15, 2], [13 / 15, 14 / 15, 4]],
    )


def test_threshold_speaks_of_the_class_that_is_sought(make_run, binary_rows):
    run = Run(make_run(task="classification", rows=binary_rows))
    found = classification.load_threshold(run, OPTIONS)
    assert found.values["label"] == "hateful"
    assert found.values["used"] == 0.5
    row = next(row for row in found.rows if row["threshold"] == 0.5)
    said = [r for r in binary_rows if r["probabilities"]["hateful"] >= 0.5]
    hits = sum(r["gold"] == "hateful" for r in said)
    assert row["precision"] == pytest.approx(100 * hits / len(said))
    assert row["recall"] == pytest.approx(100 * hits / 20)


def test_threshold_is_drawn_by_hand_worked_scores(make_run, answer, drawn):
    labels = ["hateful", "normal"]
    shares = [(0.9, "hateful"), (0.6, "normal"), (0.4, "hateful"), (0.25, "normal")]
    rows = [
        answer(at, gold, labels[share < 0.5], max(share, 1 - share), labels)
        for at, (share, gold) in enumerate(shares)
    ]
    found = classification.load_threshold(Run(make_run(task="classification", rows=rows)), OPTIONS)
    (axes,) = classification.draw_threshold(**found.values).axes
    lines = {name: dict(points) for name, points in drawn.lines(axes).items()}
    wanted = {
        0.1: (50, 100, 200 / 3, 100 / 3),  # all four are called hateful
        0.3: (200 / 3, 100, 80, (80 + 200 / 3) / 2),  # three of them
        0.5: (50, 50, 50, 50),
        0.7: (100, 50, 200 / 3, (200 / 3 + 80) / 2),  # the first one
        0.95: (0, 0, 0, 100 / 3),  # none
    }
    for threshold, values in wanted.items():
        names = ("precision", "recall", "F1", "macro F1")
        assert [lines[name][threshold] for name in names] == pytest.approx(values), threshold
    assert all(len(lines[name]) == 99 for name in names)
    assert drawn.uprights(axes) == [0.5]
    assert axes.get_xlabel() == "threshold on p(hateful)"
    assert found.values["best"] == 0.26


def test_threshold_used_is_read_from_the_answers(make_run, binary_rows, drawn):
    for row in binary_rows:
        row["label"] = "hateful" if row["probabilities"]["hateful"] >= 0.3 else "normal"
    run = Run(make_run(task="classification", rows=binary_rows))
    values = classification.load_threshold(run, OPTIONS).values
    decided = [r["probabilities"]["hateful"] for r in binary_rows if r["label"] == "hateful"]
    assert values["used"] == min(decided)
    assert values["used"] < 0.5
    assert drawn.uprights(classification.draw_threshold(**values).axes[0]) == [min(decided)]


def test_one_class_is_a_reason(make_run, answer):
    run = Run(make_run(rows=[answer(at, "sad", "sad") for at in range(5)]))
    for load in (
        classification.load_confusion,
        classification.load_classes,
        classification.load_calibration,
        classification.load_threshold,
        emotion.load_groups,
    ):
        with pytest.raises(LeftOut, match="one class"):
            load(run, OPTIONS)


def test_probabilities_that_are_no_numbers_are_refused(make_run, clip_rows):
    clip_rows[3]["probabilities"]["sad"] = math.nan
    with pytest.raises(UserError, match="row 4: a probability is not between 0 and 1"):
        classification.load_confusion(Run(make_run(rows=clip_rows)), OPTIONS)


def test_more_classes_than_can_be_told_apart_are_a_reason(make_run, answer):
    names = [f"class-{at}" for at in range(41)]
    rows = [answer(at, names[at], names[at], 0.5, names) for at in (0, 1)]
    with pytest.raises(LeftOut, match="41 classes; 40"):
        classification.load_confusion(Run(make_run(rows=rows)), OPTIONS)
