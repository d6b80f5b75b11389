from __future__ import annotations

import itertools
import json
import math

import numpy as np
import pytest

from nlpcl.metrics.bias import (
    bias_metrics,
    bias_table,
    bnsp_auc,
    bpsn_auc,
    false_positive_rate,
    generalised_mean,
    subgroup_auc,
)


def pairwise(positives, negatives) -> float:
    wins = [
        1.0 if p > n else 0.5 if p == n else 0.0 for p, n in itertools.product(positives, negatives)
    ]
    return 100 * sum(wins) / len(wins)


def sample(seed: int = 0):
    generator = np.random.default_rng(seed)
    gold = generator.integers(0, 2, 80)
    member = generator.random(80) < 0.4
    # Group members get higher scores: false positives there.
    scores = np.round(0.4 * gold + 0.3 * member + 0.4 * generator.random(80), 1)
    return gold, scores, member


def test_areas_are_pairwise_wins():
    gold, scores, member = sample()
    inside, outside = member, ~member
    positive, negative = gold == 1, gold == 0
    assert subgroup_auc(gold, scores, member) == pytest.approx(
        pairwise(scores[inside & positive], scores[inside & negative])
    )
    bpsn = bpsn_auc(gold, scores, member)
    bnsp = bnsp_auc(gold, scores, member)
    assert bpsn == pytest.approx(pairwise(scores[outside & positive], scores[inside & negative]))
    assert bnsp == pytest.approx(pairwise(scores[inside & positive], scores[outside & negative]))
    assert bpsn < bnsp


def test_false_positive_rate():
    assert false_positive_rate([0, 0, 1, 0], [1, 0, 1, 1]) == pytest.approx(200 / 3)
    assert false_positive_rate([0, 0, 1, 0], [1, 0, 1, 1], [1, 1, 1, 0]) == 50
    assert math.isnan(false_positive_rate([1, 1], [1, 0]))


def test_generalised_mean():
    assert generalised_mean([90.0, 90.0]) == pytest.approx(90)
    assert generalised_mean([1.0, 2.0]) == pytest.approx(((1 + 2**-5) / 2) ** (-1 / 5))
    assert 50 < generalised_mean([50.0, 100.0]) < 60
    assert generalised_mean([1.0, 3.0], power=1) == 2
    assert generalised_mean([0.0, 3.0]) == 0
    assert generalised_mean([math.nan, 3.0]) == pytest.approx(3)
    assert math.isnan(generalised_mean([]))
    with pytest.raises(ValueError):
        generalised_mean([-1.0])


def test_table_and_metrics():
    gold, scores, member = sample(1)
    targets = [
        ["x", "y"] if inside else ["y"] if index % 3 else [] for index, inside in enumerate(member)
    ]
    table = bias_table(gold, scores, (scores > 0.5).astype(int), targets)
    assert [row[0] for row in table.rows] == ["x", "y", "all items / generalised mean"]
    found = bias_metrics(gold, scores, targets)
    areas = [float(row[4] or 0) for row in table.rows[:2]]
    assert found["gmb_subgroup_auc"] == pytest.approx(generalised_mean(areas))
    assert table.rows[0][1] == int(member.sum())
    few = bias_metrics(gold, scores, targets, fewest=int(member.sum()) + 1)
    assert few["gmb_subgroup_auc"] == pytest.approx(areas[1])


def test_degenerate_groups_and_wrong_input():
    assert math.isnan(subgroup_auc([0, 1, 1], [0.1, 0.2, 0.3], [0, 1, 1]))
    assert bias_metrics([0, 1], [0.1, 0.9], [[], []]) == {}
    table = bias_table([0, 1], [0.1, 0.9], [0, 1], ["x", ""])
    assert table.texts()[0][4] == "-"
    json.dumps(table.as_dict(), allow_nan=False)
    with pytest.raises(ValueError):
        subgroup_auc([0, 2], [0.1, 0.2], [1, 1])
    with pytest.raises(ValueError):
        bpsn_auc([0, 1], [0.1, math.nan], [1, 1])
    with pytest.raises(ValueError):
        bnsp_auc([], [], [])
