from __future__ import annotations

import json
import statistics as standard

import numpy as np
import pytest
from sklearn.metrics import f1_score

from nlpcl.core.errors import UserError
from nlpcl.metrics.groups import group_tables, members, score_groups

LABELS = ["angry", "happy", "sad"]
GOLD = [0, 0, 1, 1, 2, 2, 0, 1, 1, 0]
PREDICTED = [0, 1, 1, 1, 2, 0, 0, 1, 0, 0]
GROUPS = {
    "speaker": ["a", "a", "a", "b", "b", "b", "c", "c", "d", "d"],
    "gender": ["female"] * 3 + ["male"] * 3 + ["female"] * 2 + ["male"] * 2,
}


def tables(by, **options):
    found = group_tables(GOLD, PREDICTED, LABELS, GROUPS, by, resamples=200, **options)
    assert len({table.name for table in found}) == len(found)
    return {table.name: table for table in found}


def test_scores_of_each_group():
    found = tables(["speaker"])
    rows = {row[0]: row for row in found["by_speaker"].rows}
    assert list(rows) == ["a", "b", "c", "d"]
    n, accuracy = rows["a"][1:3]
    assert (n, accuracy) == (3, pytest.approx(200 / 3))
    assert rows["a"][5] == pytest.approx(75)  # recall: angry 1/2, happy 1/1
    expected = 100 * f1_score(GOLD[:3], PREDICTED[:3], average="macro")
    assert rows["a"][8] == pytest.approx(expected)
    # Speaker c is all right: Wilson's interval is not of width 0.
    assert rows["c"][2] == 100 and rows["c"][3] < 50 and rows["c"][4] == pytest.approx(100)
    counts = found["classes_by_speaker"]
    assert list(counts.rows[1]) == ["b", 0, 1, 2, 3]


def test_gaps():
    rows = {(row[0], row[1]): row for row in tables(["speaker"])["group_gaps"].rows}
    values = [200 / 3, 200 / 3, 100, 50]
    accuracy = rows["speaker", "accuracy"]
    assert accuracy[2] == 4
    assert accuracy[3] == pytest.approx(standard.mean(values))
    assert accuracy[4] == pytest.approx(standard.stdev(values))
    assert list(accuracy[5:]) == ["d: 50.0", "c: 100.0", pytest.approx(50)]
    recalls = [row for key, row in rows.items() if str(key[1]).startswith("recall of")]
    # Happy: a 1, b 1, c 1, d 0; the largest gap of any class.
    assert len(recalls) == 1 and recalls[0][1] == "recall of happy" and recalls[0][-1] == 100


def test_gender_counts_every_speaker_once():
    found = tables(["gender"])
    rows = {(row[0], row[1]): row for row in found["gender_speakers"].rows}
    female = rows["female", "accuracy"]
    assert female[2] == 2 and female[3] == pytest.approx((200 / 3 + 100) / 2)
    assert female[-1] == pytest.approx(standard.stdev([200 / 3, 100]))
    recalls = {row[0]: row for row in found["gender_recall"].rows}
    # Angry: female 2 of 3, male 1 of 1.
    assert list(recalls["angry"][1:]) == [
        pytest.approx(200 / 3),
        pytest.approx(100),
        pytest.approx(100 / 3),
    ]
    assert recalls["sad"][1] is None and recalls["sad"][3] is None


def test_one_group_one_class_one_item():
    found = group_tables([0], [1], LABELS, {"session": ["1"], "speaker": ["a"]}, ["session"])
    gaps = found[-1].rows
    assert gaps[0][2] == 1 and gaps[0][4] is None and gaps[0][-1] is None
    lone = group_tables([0], [0], LABELS, {"gender": ["female"], "speaker": ["a"]}, ["gender"])
    means = next(table for table in lone if table.name == "gender_speakers")
    assert means.rows[0][-1] is None
    for table in [*found, *lone]:
        json.dumps(table.as_dict(), allow_nan=False)


def test_items_without_and_with_several_groups():
    assert {
        key: value.tolist() for key, value in members([["x", "y"], [], ["y"], ["y", "y"]]).items()
    } == {
        "x": [0],
        "y": [0, 2, 3],
        "(none)": [1],
    }
    found = group_tables([0, 1, 0], [0, 0, 0], LABELS, {"target": ["x", "", "y"]}, ["target"])
    assert [row[0] for row in found[0].rows] == ["x", "y", "(none)"]
    assert found[-1].rows[0][2] == 2


def test_speakers_are_resampled_where_there_are_enough():
    gold = [0, 1] * 30
    predicted = [0, 1] * 20 + [1, 0] * 10
    speakers = [f"s{index // 10}" for index in range(60)]
    apart = score_groups(gold, predicted, 2, ["all"] * 60, resamples=300)[0]
    together = score_groups(gold, predicted, 2, ["all"] * 60, clusters=speakers, resamples=300)[0]
    assert apart.intervals["wa"].method == "Wilson"
    assert "6 clusters" in together.intervals["wa"].method
    widths = [part.intervals["wa"].high - part.intervals["wa"].low for part in (apart, together)]
    assert widths[1] > 1.5 * widths[0]
    table = group_tables(
        gold, predicted, LABELS, {"speaker": speakers, "session": ["all"] * 60}, ["session"]
    )[0]
    assert table.rows[0][-1] == "6 clusters"


def test_small_groups_may_stay_out_of_gaps():
    assert tables(["speaker"], fewest=3)["group_gaps"].rows[0][2] == 2


def test_wrong_input_is_refused():
    with pytest.raises(UserError, match="sesion"):
        tables(["sesion"])
    with pytest.raises(ValueError):
        group_tables([0], [0], LABELS, {"speaker": ["a", "b"]}, ["speaker"])


def test_same_seed_same_tables():
    first, second = (tables(["speaker", "gender"], seed=3) for _ in range(2))
    assert all(np.array_equal(first[k].texts(), second[k].texts()) for k in first)
