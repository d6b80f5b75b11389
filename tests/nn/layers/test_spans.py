"""Heads of GlobalPointer against explicit loops."""

import math

import pytest
import torch

from nlpcl.nn.layers.spans import EfficientHead, GlobalHead, possible_spans, rotated

B, L, H, C, D = 2, 5, 6, 3, 4


def turned(vector: torch.Tensor, position: int) -> torch.Tensor:
    """Rotary positions of one vector, pair by pair."""
    out = vector.clone()
    for pair in range(len(vector) // 2):
        angle = position * 10000 ** (-2 * pair / len(vector))
        x, y = vector[2 * pair], vector[2 * pair + 1]
        out[2 * pair] = x * math.cos(angle) - y * math.sin(angle)
        out[2 * pair + 1] = y * math.cos(angle) + x * math.sin(angle)
    return out


@pytest.mark.parametrize("is_rotary", [True, False])
def test_global_head_is_the_explicit_loop(is_rotary: bool):
    torch.manual_seed(0)
    head = GlobalHead(H, C, D, is_rotary)
    states = torch.randn(B, L, H)
    with torch.no_grad():
        found = head(states)
        weight, bias = head.projection.weight, head.projection.bias
        for b in range(B):
            for c in range(C):
                for m in range(L):
                    for n in range(L):
                        both = weight @ torch.stack([states[b, m], states[b, n]]).T
                        both = both + bias.unsqueeze(1)
                        q = both[c * 2 * D : c * 2 * D + D, 0]
                        k = both[c * 2 * D + D : (c + 1) * 2 * D, 1]
                        if is_rotary:
                            q, k = turned(q, m), turned(k, n)
                        torch.testing.assert_close(found[b, c, m, n], q @ k / math.sqrt(D))


@pytest.mark.parametrize("is_rotary", [True, False])
def test_efficient_head_is_the_explicit_loop(is_rotary: bool):
    torch.manual_seed(0)
    head = EfficientHead(H, C, D, is_rotary)
    states = torch.randn(B, L, H)
    with torch.no_grad():
        found = head(states)
        for b in range(B):
            for m in range(L):
                for n in range(L):
                    start, end = head.projection(states[b, m]), head.projection(states[b, n])
                    q, k = start[:D], end[D:]
                    if is_rotary:
                        q, k = turned(q, m), turned(k, n)
                    for c in range(C):
                        a, e = head.edges(start)[c] / 2, head.edges(end)[C + c] / 2
                        expected = q @ k / math.sqrt(D) + a + e
                        torch.testing.assert_close(found[b, c, m, n], expected)


def test_parameters_are_those_of_the_papers():
    """With 768 states and 10 types, as in the README of bojone/GlobalPointer's ports."""
    sizes = [
        sum(weight.numel() for weight in head(768, 10, 64, True).parameters())
        for head in (GlobalHead, EfficientHead)
    ]
    assert sizes == [984_320, 101_012]


def test_rotated_products_depend_on_the_distance():
    torch.manual_seed(0)
    q, k = torch.randn(2, 8)
    turned_q, turned_k = (rotated(one.expand(20, 8)) for one in (q, k))
    torch.testing.assert_close(turned_q[3] @ turned_k[7], turned_q[13] @ turned_k[17])
    assert not torch.isclose(turned_q[3] @ turned_k[7], turned_q[3] @ turned_k[8])


def test_possible_spans():
    starts = torch.tensor([[False, True, True, False]])
    ends = torch.tensor([[False, True, True, False]])
    found = possible_spans(starts, ends)[0].nonzero().tolist()
    assert found == [[1, 1], [1, 2], [2, 2]]
    starts, ends = torch.tensor([[True, False, True]]), torch.tensor([[True, True, False]])
    assert possible_spans(starts, ends)[0].nonzero().tolist() == [[0, 0], [0, 1]]
