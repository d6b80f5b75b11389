"""Statistics come from real frames alone."""

from __future__ import annotations

import pytest
import torch

from nlpcl.nn.layers.normalisation import (
    InstanceNorm,
    Standardisation,
    speaker_statistics,
    statistics,
)


def test_mean_0_and_deviation_1_over_real_frames():
    torch.manual_seed(0)
    states = 5 + 3 * torch.randn(2, 9, 4)
    mask = torch.arange(9) < torch.tensor([[9], [4]])
    states = torch.where(mask.unsqueeze(-1), states, 1000.0)
    normal = InstanceNorm(4, eps=0.0)(states, mask)
    for clip, length in enumerate((9, 4)):
        real = normal[clip, :length]
        torch.testing.assert_close(real.mean(0), torch.zeros(4), atol=1e-5, rtol=0)
        torch.testing.assert_close(real.std(0, correction=0), torch.ones(4))
    assert not normal[1, 4:].any()


def test_it_is_torch_s_instance_norm_without_padding():
    states = torch.randn(3, 11, 5)
    ours = InstanceNorm(5)
    torch.nn.init.normal_(ours.weight)
    torch.nn.init.normal_(ours.bias)
    theirs = torch.nn.functional.instance_norm(states.mT, weight=ours.weight, bias=ours.bias).mT
    found = ours(states, torch.ones(3, 11, dtype=torch.bool))
    torch.testing.assert_close(found, theirs, atol=1e-5, rtol=1e-4)


def test_a_single_frame_keeps_what_tells_clips_apart():
    states = torch.randn(3, 6, 4, requires_grad=True)
    mask = torch.arange(6) < torch.ones(3, 1)
    normal = InstanceNorm(4)(states, mask)
    torch.testing.assert_close(normal[:, 0], states[:, 0])
    normal.sum().backward()
    assert torch.isfinite(states.grad).all()


def test_a_constant_channel_is_finite():
    states = torch.full((1, 5, 2), 3.0, requires_grad=True)
    normal = InstanceNorm(2)(states, torch.ones(1, 5, dtype=torch.bool))
    normal.square().sum().backward()
    assert not normal.any()
    assert torch.isfinite(states.grad).all()


@pytest.mark.parametrize("shape", [(4,), (3, 4)], ids=["one layer", "three layers"])
def test_standardisation_by_training_statistics(shape):
    torch.manual_seed(0)
    layers = shape[:-1]
    clips = [7 + 2 * torch.randn(*layers, length, 4) for length in (5, 1, 9)]
    mean, deviation = statistics(clips)
    assert mean.shape == deviation.shape == shape
    every = torch.cat(clips, dim=-2)
    torch.testing.assert_close(mean, every.mean(-2))
    torch.testing.assert_close(deviation, every.std(-2, correction=0))
    layer = Standardisation(4, layers[0] if layers else 1)
    layer.set_statistics(mean, deviation)
    found = layer(every.unsqueeze(0))[0]
    torch.testing.assert_close(found.mean(-2), torch.zeros(shape), atol=1e-5, rtol=0)
    torch.testing.assert_close(found.std(-2, correction=0), torch.ones(shape))


def test_a_dead_channel_does_not_divide_by_0():
    _, deviation = statistics([torch.ones(5, 2)])
    assert (deviation > 0).all()
    with pytest.raises(ValueError, match="no frames"):
        statistics([])


def test_each_speaker_has_statistics_of_its_own():
    low, high = torch.randn(6, 3), 40 + 5 * torch.randn(8, 3)
    found = speaker_statistics([low, high[:3], high[3:]], ["a", "b", "b"])
    assert list(found) == ["a", "b"]
    torch.testing.assert_close(found["b"][0], high.mean(0))
    torch.testing.assert_close(found["a"][1], low.std(0, correction=0))
