"""A finished study as a pilot: how many seeds or items would find a difference."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest

from nlpcl import tasks
from nlpcl.core.errors import UserError
from nlpcl.metrics.power import Pilot
from nlpcl.runs.ablation.comparison import compare
from nlpcl.runs.ablation.outcomes import Answered
from nlpcl.runs.ablation.planning import plan_table
from nlpcl.runs.ablation.pooling import answers


def accuracy(sums):
    return 100 * sums[..., 0] / sums[..., 1]


def study(seed=0, variants=3, seeds=3, n=400, noise=0.03, item=0.0):
    generator = np.random.default_rng(seed)
    parts = {}
    for name in ["base", *"abcdefg"[:variants]]:
        chance = 0.6 + generator.normal(0, noise, (seeds, 1)) + generator.uniform(-item, item, n)
        right = generator.random((seeds, n)) < chance
        parts[name] = {s: np.stack([row, np.ones(n)], 1) for s, row in enumerate(right)}
    return parts


def plan(baseline="base"):
    entry = SimpleNamespace(name="model")
    return SimpleNamespace(entry=entry, task=tasks.spec("classification"), baseline=baseline)


def answered(parts, clusters=None):
    values = {name: dict.fromkeys(own, 0.0) for name, own in parts.items()}
    n = len(parts["base"][0]) if parts["base"] else 0
    return Answered("invented", "wa", values, parts, accuracy, clusters, n)


def rows(parts, points, **more):
    table = plan_table(plan(), answered(parts, **more), points)
    return table, [dict(zip(table.columns, row, strict=True)) for row in table.rows]


def test_the_pilots_parts_are_those_of_its_comparisons():
    """At its own size the plan's variance is that of the comparisons."""
    parts = study(item=0.3)
    found = answers(parts, "base", accuracy, None)
    pilot = found.pilot([1, 2, 3])
    for place, one in enumerate(compare(parts, "base", accuracy)):
        varied = (2 * pilot.training[0] + (pilot.within - pilot.between)[place, place]) / 3
        error = (varied + pilot.between[place, place]) ** 0.5
        assert error == pytest.approx(one.difference.standard_error, rel=0.15)
        assert pilot.detectable(3)[place] == pytest.approx(one.detectable, rel=0.2)
    assert (pilot.seeds, pilot.items, pilot.clusters) == (3, 400, 400)
    gaps = [parts["a"][s][:, 0] - parts["base"][s][:, 0] for s in range(3)]
    covariance = 1e4 * np.cov(gaps) / 400
    assert pilot.within[0, 0] == pytest.approx(covariance.diagonal().mean())
    assert pilot.between[0, 0] == pytest.approx(covariance[~np.eye(3, dtype=bool)].mean())


def test_a_study_of_the_planned_size_detects_as_much():
    """Simulated: the seeds that a pilot asks for, if it knows, make as much detectable."""
    same = 0.5 + 0.5 * np.eye(3)
    knowing = Pilot(np.full(4, 9.0), 12 * same, 0 * same, np.full(3, 3.0), 3, 400, 400)
    seeds = knowing.seeds_for(7.0, 0)
    assert 5 <= seeds <= 9
    after = [
        compare(study(100 + seed, seeds=seeds), "base", accuracy)[0].detectable
        for seed in range(12)
    ]
    assert np.mean(after) == pytest.approx(7.0, rel=0.12)


def test_what_no_number_of_seeds_or_items_detects():
    table, (row, *_) = rows(study(noise=0.05, item=0.35), 0.5)
    for column in ("seeds needed (400 texts)", "texts needed (3 seeds)"):
        assert row[column].startswith("none (>= ")
        assert float(row[column].split()[2]) > 0.5
    assert "none: not with any number" in table.note
    json.dumps(table.as_dict())


def test_two_seeds_are_a_pilot_and_one_is_none():
    _, (row, *_) = rows(study(seeds=2), 6.0)
    assert row["detectable now"] is None
    assert row["seeds needed (400 texts)"] >= 3
    with pytest.raises(UserError, match="two finished seeds"):
        rows(study(seeds=1), 6.0)
    parts = study()
    with pytest.raises(UserError, match="no variant is finished beside base"):
        rows({"base": {}, "a": parts["a"]}, 6.0)
    with pytest.raises(UserError, match="two finished seeds"):
        rows({"base": parts["base"], "a": parts["base"]}, 6.0)
