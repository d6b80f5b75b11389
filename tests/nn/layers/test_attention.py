"""Attention against naive loops over clips, frames and heads."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from nlpcl.nn.layers import attention
from nlpcl.nn.layers.attention import MatchingAttention, SelfAttention
from nlpcl.nn.layers.pooling import over_frames, real_frames

KINDS = ["dot", "general", "general2", "concat"]


def example(size: int = 6) -> tuple[torch.Tensor, torch.Tensor]:
    """Three clips of 5, 3 and 1 frames; what stands at padding is large."""
    torch.manual_seed(1)
    mask = real_frames(torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0], [1, 0, 0, 0, 0]]))
    states = torch.randn(3, 5, size)
    return torch.where(mask.unsqueeze(-1), states, 50.0), mask


def naive_score(layer: MatchingAttention, query: torch.Tensor, memory: torch.Tensor) -> float:
    root = math.sqrt(len(query))
    if layer.kind == "dot":
        return float(sum(q * m for q, m in zip(query, memory, strict=True)) / root)
    if layer.kind == "general":
        return float((layer.transform.weight @ query) @ memory / root)
    if layer.kind == "general2":
        moved = layer.transform.weight @ query + layer.transform.bias
        return math.tanh(float(moved @ memory / root))
    both = torch.cat([layer.of_memory.weight, layer.of_query.weight], dim=1)
    return float(layer.vector.weight[0] @ torch.tanh(both @ torch.cat([memory, query])))


@torch.no_grad()
@pytest.mark.parametrize("kind", KINDS)
def test_matching_attention_is_a_loop_over_one_clip(kind):
    states, mask = example()
    layer = MatchingAttention(6, kind)
    if kind == "general2":
        nn.init.normal_(layer.transform.bias)
    output, weights = layer(states, mask), layer.weights(states, mask)
    for clip, length in enumerate(mask.sum(1).tolist()):
        frames = states[clip, :length]
        for asking in range(length):
            scores = [naive_score(layer, frames[asking], frame) for frame in frames]
            exps = [math.exp(score - max(scores)) for score in scores]
            shares = [value / sum(exps) for value in exps]
            wanted = sum(share * frame for share, frame in zip(shares, frames, strict=True))
            torch.testing.assert_close(output[clip, asking], wanted, atol=1e-5, rtol=1e-4)
            found = weights[clip, asking]
            torch.testing.assert_close(found[:length], torch.tensor(shares), atol=1e-5, rtol=1e-4)
            assert not found[length:].any()


@torch.no_grad()
@pytest.mark.parametrize("kind", KINDS)
def test_clips_do_not_see_each_other(kind, assert_near):
    states, mask = example()
    layer = MatchingAttention(6, kind)
    together = layer(states, mask)
    order = [2, 0, 1]
    torch.testing.assert_close(
        layer(states[order], mask[order])[mask[order]], together[order][mask[order]]
    )
    for clip, length in enumerate(mask.sum(1).tolist()):
        alone = layer(states[clip : clip + 1, :length], mask[clip : clip + 1, :length])
        assert_near(alone[0], together[clip, :length], terms=5 * 6)  # frames of width 6


@torch.no_grad()
def test_a_clip_alone_is_not_left_as_it_is():
    """Attention over the batch would be the identity here."""
    states, mask = example()
    alone = MatchingAttention(6, "dot")(states[:1], mask[:1])
    assert (alone - states[:1]).abs().max() > 0.1


@torch.no_grad()
def test_dot_is_scaled():
    torch.manual_seed(0)
    states, mask = torch.randn(1, 20, 512), torch.ones(1, 20, dtype=torch.bool)
    weights = MatchingAttention(512, "dot").weights(0.2 * states, mask)
    assert weights[0].diagonal().max() < 0.9
    unscaled = (0.2 * states @ (0.2 * states).mT).softmax(-1)
    assert unscaled[0].diagonal().min() > 0.99


def test_concat_in_pieces_is_the_same(monkeypatch):
    states, mask = example()
    layer = MatchingAttention(6, "concat")

    def value_and_gradients():
        layer.zero_grad()
        output = layer(states, mask)
        output[mask].square().sum().backward()
        return output.detach(), [weight.grad.clone() for weight in layer.parameters()]

    whole = value_and_gradients()
    monkeypatch.setattr(attention, "AT_ONCE", 1)
    torch.testing.assert_close(value_and_gradients(), whole)


@torch.no_grad()
def test_self_attention_is_a_loop_over_heads():
    states, mask = example(8)
    layer = SelfAttention(8, heads=2).eval()
    output, weights = layer(states, mask), layer.weights(states, mask)
    for clip, length in enumerate(mask.sum(1).tolist()):
        frames = states[clip, :length]
        query, key, value = (part(frames) for part in (layer.query, layer.key, layer.value))
        heads, shares = [], []
        for head in (slice(0, 4), slice(4, 8)):
            share = (query[:, head] @ key[:, head].T / 2).softmax(-1)
            heads.append(share @ value[:, head])
            shares.append(share)
        wanted = layer.norm(frames + layer.out(torch.cat(heads, dim=1)))
        torch.testing.assert_close(output[clip, :length], wanted, atol=1e-5, rtol=1e-4)
        found = weights[clip, :length, :length]
        torch.testing.assert_close(found, (shares[0] + shares[1]) / 2, atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_reported_weights_are_those_before_dropout():
    states, mask = example(8)
    layer = SelfAttention(8, heads=2, dropout=0.5).train()
    weights = layer.weights(states, mask)
    torch.testing.assert_close(weights.sum(-1), torch.ones(3, 5))
    assert not torch.equal(layer(states, mask), layer(states, mask))


def test_weights_over_frames():
    _, mask = example()
    weights = torch.rand(3, 5, 5).masked_fill(~mask.unsqueeze(1), 0)
    weights = weights / weights.sum(-1, keepdim=True)
    shares = over_frames(weights, mask)
    torch.testing.assert_close(shares[1], weights[1, :3].mean(0))
    torch.testing.assert_close(shares.sum(1), torch.ones(3))


def test_a_clip_without_frames_gets_its_first():
    assert real_frames(torch.tensor([[0, 0], [1, 0]])).tolist() == [[True, False], [True, False]]
