"""Pooling, positions, gradient reversal and the mixture of layers."""

from __future__ import annotations

import math

import pytest
import torch

from nlpcl.nn.layers.gradient_reversal import reverse_gradient
from nlpcl.nn.layers.layer_mixture import LayerMixture
from nlpcl.nn.layers.pooling import MaxPooling, average, maximum
from nlpcl.nn.layers.positions import SinusoidalPositions, sinusoids


def test_pooling_is_a_loop_over_real_frames():
    states = torch.randn(2, 5, 3)
    mask = torch.arange(5) < torch.tensor([[5], [2]])
    states[1, 2:] = 99.0
    for clip, length in enumerate((5, 2)):
        real = states[clip, :length]
        torch.testing.assert_close(average(states, mask)[clip], real.mean(0))
        torch.testing.assert_close(maximum(states, mask)[clip], real.amax(0))
    assert torch.equal(MaxPooling()(average(states, mask), states, mask), maximum(states, mask))


@pytest.mark.parametrize("size", [1, 2, 7, 8])
def test_positions_are_the_formula(size):
    found = sinusoids(13, size)
    for place in range(13):
        for channel in range(size):
            angle = place / 10_000 ** ((channel - channel % 2) / size)
            wanted = math.cos(angle) if channel % 2 else math.sin(angle)
            assert float(found[place, channel]) == pytest.approx(wanted, abs=1e-5)


def test_positions_of_any_length():
    states = torch.zeros(1, 6000, 4)
    assert SinusoidalPositions()(states).shape == states.shape
    assert not any(True for _ in SinusoidalPositions().state_dict())


@pytest.mark.parametrize("strength", [0.0, 0.05, 1.0])
def test_reversed_gradient_is_minus_lambda_times_the_plain_one(strength):
    torch.manual_seed(0)
    before, after = torch.nn.Linear(4, 3), torch.nn.Linear(3, 2)
    values = torch.randn(5, 4)

    def gradients(reverse: bool):
        before.zero_grad()
        after.zero_grad()
        hidden = before(values)
        after(reverse_gradient(hidden, strength) if reverse else hidden).square().sum().backward()
        return before.weight.grad.clone(), after.weight.grad.clone()

    plain, reversed_ = gradients(False), gradients(True)
    torch.testing.assert_close(reversed_[0], -strength * plain[0])
    assert torch.equal(reversed_[1], plain[1])
    assert reversed_[1].abs().sum() > 0


def test_mixture_is_a_weighted_sum():
    states = torch.randn(2, 3, 4, 5)
    mixture = LayerMixture(3)
    torch.testing.assert_close(mixture(states), states.mean(1))
    with torch.no_grad():
        mixture.logits.copy_(torch.tensor([0.0, 1.0, -2.0]))
        mixture.gain.fill_(3.0)
    shares = torch.tensor([0.0, 1.0, -2.0]).softmax(0)
    wanted = 3 * sum(share * states[:, layer] for layer, share in enumerate(shares))
    torch.testing.assert_close(mixture(states), wanted)
