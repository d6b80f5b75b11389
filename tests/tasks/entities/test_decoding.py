"""From scores to entities: candidates, flat decoding, probabilities, thresholds."""

import math

import numpy as np
import pytest
import torch

from nlpcl.tasks.entities.calibration import Decision, best_threshold, fitted_probabilities
from nlpcl.tasks.entities.decoding import FLOOR, MOST, Entity, candidates, without_overlaps


def entity(start: int, end: int, score: float, type: str = "PER") -> Entity:
    return Entity(start, end, type, score, 0.5)


def test_candidates_are_the_cells_above_the_floor():
    logits = torch.full((2, 2, 4, 4), -torch.inf)
    logits[0, 1, 1, 2], logits[0, 0, 1, 1], logits[1, 0, 2, 2] = 3.0, FLOOR, -1.5
    found = candidates(logits, [4, 4])
    assert found == [[(1, 1, 2, 3.0)], [(0, 2, 2, -1.5)]]


def test_an_untrained_model_has_few_candidates():
    torch.manual_seed(0)
    logits = torch.rand(1, 3, 20, 20)
    (found,) = candidates(logits, [20])
    assert len(found) == MOST * 20
    assert min(one.score for one in found) >= logits.flatten().sort().values[-MOST * 20]


def test_flat_decoding_keeps_the_best():
    best, worse = entity(0, 4, 2.0), entity(2, 6, 1.0, "LOC")
    apart = entity(6, 7, 0.5)
    assert without_overlaps([worse, best, apart]) == [best, apart]
    nested = entity(1, 2, 9.0)
    assert without_overlaps([best, nested]) == [nested]


def test_ties_are_broken_by_length_then_place_never_by_name():
    long, short = entity(0, 4, 1.0, "Z"), entity(3, 5, 1.0, "A")
    assert without_overlaps([short, long]) == [long]
    left, right = entity(0, 2, 1.0, "Z"), entity(1, 3, 1.0, "A")
    assert without_overlaps([right, left]) == [left]
    one, other = entity(0, 2, 1.0, "Z"), entity(0, 2, 1.0, "A")
    assert without_overlaps([one, other]) == [one]
    assert without_overlaps([other, one]) == [other]


def test_a_chain_of_overlaps():
    chain = [entity(0, 2, 1.0), entity(1, 4, 3.0), entity(3, 6, 2.0), entity(5, 7, 0.5)]
    assert without_overlaps(chain) == [chain[1], chain[3]]


def test_probabilities_are_those_that_made_the_answers():
    generator = np.random.default_rng(0)
    scores = generator.uniform(-4, 6, 4000)
    right = generator.random(4000) < 1 / (1 + np.exp(-(0.5 * scores - 1.0)))
    slope, shift = fitted_probabilities(scores.tolist(), right.tolist())
    assert slope == pytest.approx(0.5, abs=0.05) and shift == pytest.approx(-1.0, abs=0.15)
    decision = Decision(["PER"], slope, shift)
    assert decision.probability(2.0) == pytest.approx(1 / (1 + math.exp(-2 * slope - shift)))
    assert decision.probability(-1e9) < 1e-300 and decision.probability(1e9) == 1


def test_few_candidates_leave_the_probability_of_the_loss():
    assert fitted_probabilities([1.0] * 10, [True] * 10) == (1.0, 0.0)
    assert fitted_probabilities([], []) == (1.0, 0.0)
    assert fitted_probabilities([1.0] * 50, [True] * 50) == (1.0, 0.0)


def test_the_best_threshold_is_that_of_a_search():
    generator = np.random.default_rng(1)
    for _ in range(30):
        scores = np.round(generator.normal(0, 2, 25), 1)
        right = generator.random(25) < 1 / (1 + np.exp(-scores))
        gold = int(right.sum()) + 2

        best = best_threshold(scores.tolist(), right.tolist(), gold)
        tried = [scores.min() - 1, *scores]
        expected = max(f1(scores, right, gold, threshold) for threshold in tried)
        assert f1(scores, right, gold, best) == pytest.approx(expected)


def f1(scores: np.ndarray, right: np.ndarray, gold: int, threshold: float) -> float:
    taken = scores > threshold
    return 2 * (taken & right).sum() / (taken.sum() + gold)


def test_thresholds_are_by_type():
    decision = Decision(["PER", "LOC"], thresholds={"LOC": 1.5})
    assert decision.threshold(0) == 0 and decision.threshold(1) == 1.5
    assert best_threshold([], [], 3) == 0
