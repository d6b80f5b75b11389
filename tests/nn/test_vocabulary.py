"""Cross-entropy with the vocabulary projection: one step, equal to the plain formula."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional

from nlpcl.nn import vocabulary
from nlpcl.nn.vocabulary import linear_cross_entropy, linear_scores

N, D, V = 13, 6, 29


def drawn(dtype=torch.float64, scale=1.0):
    """States, weight, bias and targets; two rows have the same target."""
    states, weight, bias = (torch.randn(*shape) * scale for shape in ((N, D), (V, D), (V,)))
    targets = torch.randint(V, (N,))
    targets[1] = targets[0]
    return [x.to(dtype).requires_grad_() for x in (states, weight, bias)], targets


def plain(states, weight, bias, targets):
    scores = functional.linear(states, weight, bias)
    return functional.cross_entropy(scores, targets, reduction="none")


@pytest.fixture(params=[1, 2 * V, 1 << 20], ids=["rows", "pairs", "whole"])
def block(request, monkeypatch):
    """Blocks of one row, of two with one left over, and of all rows."""
    monkeypatch.setattr(vocabulary, "BLOCK", request.param)


@pytest.mark.usefixtures("block")
def test_the_losses_are_those_of_a_naive_loop():
    (states, weight, bias), targets = drawn()
    losses = linear_cross_entropy(states, weight, bias, targets).tolist()
    for row, target, loss in zip(states.tolist(), targets.tolist(), losses, strict=True):
        scores = [
            sum(a * b for a, b in zip(row, column, strict=True)) + c
            for column, c in zip(weight.tolist(), bias.tolist(), strict=True)
        ]
        total = sum(math.exp(score) for score in scores)
        assert loss == pytest.approx(math.log(total) - scores[target], rel=1e-12)


@pytest.mark.usefixtures("block")
@pytest.mark.parametrize("has_bias", [True, False])
def test_the_gradients_are_those_of_the_plain_formula(has_bias):
    given, targets = drawn()
    weights = torch.randn(N, dtype=torch.float64)  # each row's own gradient
    weights[3] = 0.0
    found = []
    for formula in (linear_cross_entropy, plain):
        tensors = [x.detach().clone().requires_grad_() for x in given]
        states, weight, bias = tensors
        losses = formula(states, weight, bias if has_bias else None, targets)
        (losses * weights).sum().backward()
        found.append([losses, *(x.grad for x in tensors if x.grad is not None)])
    assert len(found[0]) == 3 + has_bias
    for ours, wanted in zip(*found, strict=True):
        torch.testing.assert_close(ours, wanted, rtol=1e-11, atol=1e-12)


def test_the_gradients_are_those_of_finite_differences():
    given, targets = drawn()
    assert torch.autograd.gradcheck(lambda *x: linear_cross_entropy(*x, targets), given)


@pytest.mark.parametrize("frozen", [0, 1, 2])
def test_what_is_frozen_gets_no_gradient(frozen):
    given, targets = drawn()
    given[frozen].requires_grad_(False)
    linear_cross_entropy(*given, targets).sum().backward()
    assert [x.grad is None for x in given] == [index == frozen for index in range(3)]


def test_a_second_backward_is_the_same():
    given, targets = drawn()
    loss = linear_cross_entropy(*given, targets).sum()
    once = torch.autograd.grad(loss, given, retain_graph=True)
    assert all(map(torch.equal, once, torch.autograd.grad(loss, given)))


def test_great_scores_do_not_overflow():
    given, targets = drawn(torch.float32, scale=100.0)
    losses = linear_cross_entropy(*given, targets)
    losses.sum().backward()
    wanted = plain(*(x.detach().double() for x in given), targets)
    torch.testing.assert_close(losses.double(), wanted, rtol=1e-4, atol=1e-2)
    assert all(torch.isfinite(x.grad).all() for x in given)


def test_no_rows_cost_nothing():
    given, _ = drawn()
    losses = linear_cross_entropy(given[0][:0], *given[1:], torch.empty(0, dtype=torch.long))
    assert losses.shape == (0,)
    losses.sum().backward()
    assert all(not x.grad.any() for x in given)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_under_autocast_the_products_are_narrow_and_the_losses_are_not(dtype):
    """As near to fp64 as the plain formula under autocast is."""
    given, targets = drawn(torch.float32)
    exact = plain(*(x.detach().double() for x in given), targets)
    errors = []
    for formula in (linear_cross_entropy, plain):
        with torch.autocast("cpu", dtype=dtype):
            losses = formula(*given, targets)
        assert losses.dtype == torch.float32
        gradients = torch.autograd.grad(losses.sum(), given)
        assert all(gradient.dtype == torch.float32 for gradient in gradients)
        errors.append(float((losses.detach().double() - exact).abs().max()))
    assert 0.0 < errors[0] < 2 * errors[1]


def test_narrow_gradients_are_near_those_of_fp64():
    """Also where a vocabulary's sum of exponentials is more than fp16 can hold."""
    size = 70_000
    states, weight = torch.randn(3, D).mul(0.01), torch.randn(size, D).mul(0.01)
    targets = torch.tensor([0, 5, size - 1])
    tensors = [x.half().requires_grad_() for x in (states, weight)]
    ours = torch.autograd.grad(linear_cross_entropy(*tensors, None, targets).sum(), tensors)
    exact = [x.detach().double().requires_grad_() for x in tensors]
    wanted = torch.autograd.grad(plain(*exact, None, targets).sum(), exact)
    torch.testing.assert_close(ours[0].double(), wanted[0], rtol=0.02, atol=1e-3)
    torch.testing.assert_close(ours[1].double(), wanted[1], rtol=0.02, atol=1e-3)


def test_scores_come_in_pieces_that_join_to_the_product(monkeypatch):
    (states, weight, bias), _ = drawn()
    monkeypatch.setattr(vocabulary, "PIECE", 5 * V)
    with torch.inference_mode():
        pieces = list(linear_scores(states, weight, bias))
    assert [len(piece) for piece in pieces] == [5, 5, 3]
    torch.testing.assert_close(torch.cat(pieces), functional.linear(states, weight, bias))
