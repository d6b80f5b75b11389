"""Means and deviations of gates against loops over single texts."""

from __future__ import annotations

import pytest
import torch

from nlpcl.nn.gate_statistics import GateStatistics, gate_table, replaced, watched
from nlpcl.nn.layers.attention import MatchingAttention, SelfAttention
from nlpcl.nn.layers.calibration_gates import ChannelGate, SpanGate

SIZE = 6


def texts(lengths):
    mask = torch.arange(max(lengths)) < torch.tensor(lengths).unsqueeze(1)
    return torch.randn(len(lengths), max(lengths), SIZE), mask


def deviation(values):
    mean = sum(values) / len(values)
    return (sum((value - mean) ** 2 for value in values) / len(values)) ** 0.5


@torch.no_grad()
def test_a_gate_per_token_varies_over_texts_and_over_tokens():
    gate = SpanGate(SIZE, windows=(3,), reduction=1)
    batches = [texts((7, 3)), texts((5, 1, 2))]
    with watched({"calibration": gate}) as found:
        for states, mask in batches:
            gate(states, mask)
    single = [
        gate.factors(states, mask)[row, : int(mask[row].sum()), 0].tolist()
        for states, mask in batches
        for row in range(len(states))
    ]
    means = [sum(one) / len(one) for one in single]
    statistics = found["calibration"]
    assert statistics.texts == 5
    assert float(statistics.mean) == pytest.approx(sum(means) / 5, rel=1e-5)
    assert statistics.over_texts == pytest.approx(deviation(means), rel=1e-4)
    within = [deviation(one) ** 2 for one in single]
    assert statistics.over_tokens == pytest.approx((sum(within) / 5) ** 0.5, rel=1e-4)
    assert not gate._forward_hooks


@torch.no_grad()
def test_a_gate_per_channel_varies_over_texts_alone():
    gate = ChannelGate(SIZE, reduction=1)
    states, mask = texts((7, 3, 4))
    with watched({"calibration": gate}) as found:
        gate(states, mask)
    factors = gate.factors(states, mask)[:, 0]
    statistics = found["calibration"]
    torch.testing.assert_close(statistics.mean.float(), factors.mean(0))
    variances = [deviation(factors[:, at].tolist()) ** 2 for at in range(SIZE)]
    assert statistics.over_texts == pytest.approx((sum(variances) / SIZE) ** 0.5, rel=1e-4)
    assert statistics.over_tokens is None
    (row,) = gate_table(found, "sample").rows
    assert row == ["calibration", 3, pytest.approx(float(factors.mean())), row[3], None]
    assert gate_table({"calibration": GateStatistics()}, "sample").rows == []


@torch.no_grad()
@pytest.mark.parametrize("kind", ["dot", "general", "general2", "concat", "self"])
def test_uniform_attention_weighs_all_frames_equally(kind):
    if kind == "self":
        layer = SelfAttention(SIZE, heads=2)
        torch.nn.init.zeros_(layer.query.weight)
        torch.nn.init.zeros_(layer.query.bias)
    else:
        layer = MatchingAttention(SIZE, kind)
    states, mask = texts((7, 3))
    wanted = layer(states, mask)
    if kind != "self":
        weights = mask.unsqueeze(1) / mask.sum(1)[:, None, None]
        wanted = weights.expand(-1, 7, -1) @ states
    with replaced(layer, layer.uniform):
        found = layer(states, mask)
    torch.testing.assert_close(found[mask], wanted[mask])
    assert not layer._forward_hooks
