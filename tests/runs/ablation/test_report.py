"""Tables of an ablation: what they say of few seeds, of unequal ones and of the adjustment."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from nlpcl import tasks
from nlpcl.runs.ablation.comparison import compare
from nlpcl.runs.ablation.outcomes import Scores
from nlpcl.runs.ablation.report import difference_table, verdict_table

NAMES = ("base", "a", "b", "c", "d", "e")


def accuracy(sums):
    return 100 * sums[..., 0] / sums[..., 1]


def tables(parts, seeds):
    found = compare(parts, "base", accuracy)
    values = {name: dict.fromkeys(own, 50.0) for name, own in parts.items()}
    scores = Scores("invented", "wa", values, {one.variant: one for one in found}, 500)
    plan = SimpleNamespace(
        entry=SimpleNamespace(name="model"), task=tasks.spec("classification"), baseline="base",
        variants=list(parts), seeds=range(seeds), notes=[],
    )  # fmt: skip
    return difference_table(plan, scores, "comparison"), verdict_table(plan, scores, "verdicts")


def answers(seeds, noisy=""):
    generator = np.random.default_rng(0)
    parts = {}
    for name in NAMES:
        chance = np.array([0.9, 0.2, 0.6])[:seeds] if name == noisy else np.full(seeds, 0.6)
        right = generator.random((seeds, 500)) < chance[:, None]
        parts[name] = {s: np.stack([row, np.ones(500)], 1) for s, row in enumerate(right)}
    return parts


def test_two_seeds_give_intervals_and_one_line_instead_of_verdicts():
    differences, verdicts = tables(answers(2), 2)
    for row in differences.rows[1:]:
        assert row[4] < row[3] < row[5]
        assert row[6:] == [None, None]
    assert differences.note.count("No verdict with fewer than 3 seeds") == 1
    assert "seeds of 6 variants (5 degrees of freedom)" in differences.note
    assert verdicts.rows == []
    # Equal answers are told even so.
    parts = answers(2)
    parts["e"] = parts["base"]
    _, verdicts = tables(parts, 2)
    assert [row[0] for row in verdicts.rows] == ["e"]


def test_three_seeds_give_verdicts_by_dunnetts_adjustment():
    differences, verdicts = tables(answers(3), 3)
    assert list(differences.columns[-2:]) == ["p (Dunnett)", "p (Holm)"]
    assert "for 5 comparisons with one baseline by Dunnett's method" in differences.note
    assert "No verdict" not in differences.note and "UNEQUAL" not in differences.note
    assert len(verdicts.rows) == 5
    # One variant lacks a seed: it alone has no verdict, and says so.
    parts = answers(3)
    del parts["a"][0]
    differences, verdicts = tables(parts, 3)
    told = dict(verdicts.rows)
    assert told["a"].startswith("no verdict on a and base") and "3 seeds" in told["b"]
    assert differences.rows[1][6:] == [None, None] and None not in differences.rows[2]


def test_unequal_seeds_are_said():
    differences, _ = tables(answers(3, noisy="d"), 3)
    assert "SEEDS VARY UNEQUALLY: clearly more in d than in the others" in differences.note
    assert "comparisons with it rest on the seeds of two variants alone" in differences.note
    differences, _ = tables(answers(3, noisy="base"), 3)
    assert "every comparison rests on the seeds of two variants" in differences.note
