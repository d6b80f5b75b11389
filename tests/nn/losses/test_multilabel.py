"""Multi-label cross-entropy against its formula, in value and gradient, in every precision."""

import math

import pytest
import torch

from nlpcl.nn.losses.multilabel import multilabel_cross_entropy


def naive(scores: torch.Tensor, right: set[tuple[int, ...]]) -> torch.Tensor:
    """The formula of the paper, cell by cell."""
    batch, types, length, _ = scores.shape
    losses = []
    for b in range(batch):
        for c in range(types):
            wrong = ok = torch.ones((), dtype=torch.float64)
            for m in range(length):
                for n in range(length):
                    s = scores[b, c, m, n].double()
                    if (b, c, m, n) in right:
                        ok = ok + (-s).exp()
                    elif s > -math.inf:
                        wrong = wrong + s.exp()
            losses.append(wrong.log() + ok.log())
    return torch.stack(losses).view(batch, types)


def test_four_labels_of_one_row():
    scores = torch.tensor([2.0, -1.0, 0.5, -0.3]).view(1, 1, 2, 2)
    right = torch.tensor([[0, 0, 0, 0], [0, 0, 1, 1]])
    found = multilabel_cross_entropy(scores, right)
    torch.testing.assert_close(found, torch.tensor([[2.01448137]]))


def test_value_and_gradient_are_those_of_the_formula():
    torch.manual_seed(0)
    scores = torch.randn(2, 3, 4, 4, dtype=torch.float64) * 3
    scores = scores.masked_fill(torch.ones(4, 4).tril(-1).bool(), -torch.inf)
    scores[1, 2] = -torch.inf  # a type of a text without any possible span
    right = [(0, 0, 0, 1), (0, 0, 2, 2), (1, 1, 0, 3)]
    ours, theirs = (scores.clone().requires_grad_() for _ in range(2))
    found = multilabel_cross_entropy(ours, torch.tensor(right))
    expected = naive(theirs, set(right))
    torch.testing.assert_close(found, expected)
    weights = torch.rand(2, 3, dtype=torch.float64)
    (found * weights).sum().backward()
    (expected * weights).sum().backward()
    assert ours.grad is not None and ours.grad.isfinite().all()
    torch.testing.assert_close(ours.grad, theirs.grad.nan_to_num())
    assert found[1, 2] == 0 and not ours.grad[1, 2].any()


def test_gradient_in_double_precision():
    torch.manual_seed(1)
    scores = torch.randn(1, 2, 3, 3, dtype=torch.float64, requires_grad=True)
    right = torch.tensor([[0, 0, 0, 2], [0, 1, 1, 1]])
    assert torch.autograd.gradcheck(lambda s: multilabel_cross_entropy(s, right), scores)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize("size", [1.0, 1e4])
def test_every_precision_is_finite(dtype: torch.dtype, size: float):
    scores = (torch.linspace(-1, 1, 32).view(1, 2, 4, 4) * size).to(dtype)
    scores = scores.masked_fill(torch.ones(4, 4).tril(-1).bool(), -torch.inf).requires_grad_()
    right = torch.tensor([[0, 0, 0, 0], [0, 1, 3, 3]])
    loss = multilabel_cross_entropy(scores, right)
    loss.sum().backward()
    assert loss.dtype == torch.float32 and loss.isfinite().all()
    assert scores.grad is not None and scores.grad.isfinite().all()
    # Of each row the gradients of wrong and of right cells each add up to less than one.
    assert (scores.grad.float().clamp(min=0).sum((2, 3)) <= 1.01).all()


def test_no_entity_at_all():
    scores = torch.zeros(1, 1, 2, 2, requires_grad=True)
    loss = multilabel_cross_entropy(scores, torch.zeros(0, 4, dtype=torch.long))
    torch.testing.assert_close(loss, torch.tensor([[math.log(5)]]))
