"""Statistics come from real frames alone."""

from __future__ import annotations

import pytest
import torch

from nlpcl.nn.layers.normalisation import (
    InstanceNorm,
    RunningNorm,
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


def test_means_are_added_back_times_their_gain():
    torch.manual_seed(0)
    states = torch.where(torch.arange(6) < torch.tensor([[6], [1]]), 1.0, 0.0)
    mask = states.bool()
    states = states.unsqueeze(-1) * (3 + torch.randn(2, 6, 4))
    norm = InstanceNorm(4, keeps_mean=True)
    with torch.no_grad():
        norm.gain.copy_(torch.tensor([0.0, 1.0, 2.0, -1.0]))
    found = norm(states, mask)
    torch.testing.assert_close(found[0].mean(0), norm.gain * states[0].mean(0))
    torch.testing.assert_close(
        found[0] - found[0].mean(0), InstanceNorm(4)(states, mask)[0], atol=1e-5, rtol=1e-5
    )
    # A single frame is its own mean.
    torch.testing.assert_close(found[1, 0], norm.gain * states[1, 0])
    assert not found[1, 1:].any()


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


def test_running_statistics_are_those_of_the_updates_before():
    torch.manual_seed(0)
    norm = RunningNorm(3, momentum=0.25)
    mean, variance = torch.zeros(3), torch.ones(3)
    for update in range(1, 9):
        passes = [4 + 2 * torch.randn(size, 3) for size in (1, 6, 3)]
        for values in passes:
            expected = (values - mean) / (variance + 1e-5).sqrt()
            torch.testing.assert_close(norm(values), expected, atol=1e-5, rtol=1e-4)
        norm.update()
        whole, newest = torch.cat(passes), max(0.25, 1 / update)
        mean = (1 - newest) * mean + newest * whole.mean(0)
        variance = (1 - newest) * variance + newest * whole.var(0, correction=0)
        torch.testing.assert_close(norm.mean, mean)
        torch.testing.assert_close(norm.variance, variance)
    kept = {name: value.clone() for name, value in norm.state_dict().items()}
    norm.eval()(passes[0])
    norm.update()
    for name, value in norm.state_dict().items():
        assert value.equal(kept[name]), name


def test_no_gradient_goes_through_running_statistics_and_one_row_is_enough():
    norm = RunningNorm(2)
    norm(torch.tensor([[1.0, 2.0], [3.0, 6.0]]))
    norm.update()
    values = torch.tensor([[5.0, 5.0]], requires_grad=True)
    norm(values).sum().backward()
    assert values.grad is not None
    torch.testing.assert_close(values.grad, torch.tensor([[1.0, 0.5]]), atol=1e-4, rtol=0)
    norm.update()  # of a single row: it has no variance
    torch.testing.assert_close(norm.variance, torch.tensor([1.0, 4.0]))
