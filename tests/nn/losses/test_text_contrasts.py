"""Contrasts of whole texts against naive loops."""

from __future__ import annotations

import math

import pytest
import torch

from nlpcl.nn.losses.contrastive import info_nce, positives, supervised_contrast

LABELS = torch.tensor([0, 1, 0, 2, 1, 0, -100, 2])


def vectors(seed=0, rows=8, size=5):
    return torch.randn(rows, size, generator=torch.Generator().manual_seed(seed))


def cosine(a, b):
    return float(torch.dot(a.double(), b.double()) / (a.double().norm() * b.double().norm()))


def naive_info_nce(first, second, temperature):
    total = 0.0
    for i, query in enumerate(first):
        scores = [math.exp(cosine(query, key) / temperature) for key in second]
        total -= math.log(scores[i] / sum(scores))
    return total


def naive_supervised(vectors, labels, temperature):
    """L_out: the mean over the positives outside the logarithm."""
    total, anchors = 0.0, 0
    for i, label in enumerate(labels):
        others = [j for j, other in enumerate(labels) if j != i and other != -100]
        same = [j for j in others if labels[j] == label]
        if label == -100 or not same:
            continue
        below = sum(math.exp(cosine(vectors[i], vectors[j]) / temperature) for j in others)
        logs = [cosine(vectors[i], vectors[j]) / temperature - math.log(below) for j in same]
        total -= sum(logs) / len(same)
        anchors += 1
    return total, anchors


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("temperature", [0.05, 0.5])
def test_info_nce_is_the_loop(seed, temperature):
    first, second = vectors(seed), vectors(seed + 10)
    total, count = info_nce(first, second, temperature)
    assert int(count) == 8
    assert float(total) == pytest.approx(naive_info_nce(first, second, temperature), rel=1e-4)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("temperature", [0.07, 0.3])
def test_supervised_contrast_is_the_loop(seed, temperature):
    found, count = supervised_contrast(vectors(seed), LABELS, temperature)
    wanted, anchors = naive_supervised(vectors(seed), LABELS.tolist(), temperature)
    assert int(count) == anchors == 7
    assert float(found) == pytest.approx(wanted, rel=1e-4)


def test_hand_worked_values():
    """Two classes of two equal vectors, at right angles, τ = 1: log(1 + 2/e) each."""
    z = torch.tensor([[2.0, 0.0], [0.5, 0.0], [0.0, 1.0], [0.0, 3.0]])
    total, count = supervised_contrast(z, torch.tensor([0, 0, 1, 1]), 1.0)
    assert float(total / count) == pytest.approx(math.log(1 + 2 / math.e), rel=1e-6)
    total, count = info_nce(z[[0, 2]], z[[1, 3]], 1.0)
    assert float(total / count) == pytest.approx(math.log(1 + 1 / math.e), rel=1e-6)


@pytest.mark.parametrize(
    "labels", [[0, 1, 2, 3], [-100] * 4, [0, -100, 1, -100]], ids=["different", "none", "some"]
)
def test_without_positives_it_is_0_with_a_finite_gradient(labels):
    z = vectors(rows=4).requires_grad_()
    total, count = supervised_contrast(z, torch.tensor(labels), 0.07)
    total.backward()
    assert float(total.detach()) == 0.0
    assert int(count) == 0
    assert torch.equal(z.grad, torch.zeros_like(z))


def test_a_text_alone_has_0():
    z = vectors(rows=1).requires_grad_()
    total, count = info_nce(z, vectors(1, rows=1), 0.05)
    assert float(total.detach()) == 0.0
    assert int(count) == 0
    total, count = supervised_contrast(z, torch.tensor([1]), 0.07)
    total.backward()
    assert float(total.detach()) == int(count) == 0
    assert torch.isfinite(z.grad).all()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_computed_in_full(dtype):
    """Of nearly equal vectors exp(1 / 0.01) is far beyond fp16."""
    z = (1 + 0.01 * vectors()).to(dtype).requires_grad_()
    other = (1 + 0.01 * vectors(1)).to(dtype)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        totals = [info_nce(z, other, 0.01)[0], supervised_contrast(z, LABELS, 0.01)[0]]
    wanted = [
        naive_info_nce(z.detach(), other, 0.01),
        naive_supervised(z.detach(), LABELS.tolist(), 0.01)[0],
    ]
    for total, value in zip(totals, wanted, strict=True):
        assert total.dtype == torch.float32
        assert float(total.detach()) == pytest.approx(value, rel=1e-3)
    sum(totals).backward()
    assert torch.isfinite(z.grad).all()


def test_zero_vectors_stay_finite():
    z = torch.zeros(8, 5, requires_grad=True)
    (supervised_contrast(z, LABELS, 1e-3)[0] + info_nce(z, vectors(), 1e-3)[0]).backward()
    assert torch.isfinite(z.grad).all()


def test_gradients_reach_both_views():
    first, second = vectors().requires_grad_(), vectors(1).requires_grad_()
    info_nce(first, second, 0.05)[0].backward()
    assert (first.grad.abs().sum(1) > 0).all()
    assert (second.grad.abs().sum(1) > 0).all()


def test_positives_are_others_of_the_same_class():
    found = positives(torch.tensor([0, 1, 0, -100, -100]))
    assert found.nonzero().tolist() == [[0, 2], [2, 0]]
