"""The loss of a constant answer, and what is near it."""

from __future__ import annotations

import math

import pytest
import torch

from nlpcl.metrics.chance import constant_loss, not_learnt
from nlpcl.nn.losses.classification import balanced_weights, focal


@pytest.mark.parametrize("gamma", [0.0, 2.0])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("is_balanced", [False, True])
def test_it_is_the_loss_of_answering_with_the_frequencies(gamma, smoothing, is_balanced):
    counts = [6, 3, 1]
    targets = torch.tensor([label for label, count in enumerate(counts) for _ in range(count)])
    weights = torch.tensor(balanced_weights(counts)) if is_balanced else None
    answer = (1 - smoothing) * torch.tensor([0.6, 0.3, 0.1]) + smoothing / 3
    answer = answer if weights is None else weights * answer / (weights * answer).sum()
    losses = focal(
        answer.log().expand(10, 3), targets, gamma=gamma, weights=weights, smoothing=smoothing
    )
    found = constant_loss(counts, gamma=gamma, smoothing=smoothing, is_balanced=is_balanced)
    assert found == pytest.approx(float(losses.mean()), rel=1e-5)


def test_of_equal_classes_it_is_ln_c_and_absent_classes_change_nothing():
    assert constant_loss([5] * 7) == pytest.approx(math.log(7))
    assert constant_loss([5, 5, 0], is_balanced=True) == pytest.approx(math.log(2))


def test_the_documented_emotion_model_had_not_learnt():
    emodb = constant_loss([127, 81, 46, 69, 71, 62, 79])
    assert emodb == pytest.approx(1.91, abs=0.01)
    assert not_learnt(1.86, emodb)
    assert not not_learnt(1.2, emodb)
    assert not not_learnt(0.0, constant_loss([4]))
