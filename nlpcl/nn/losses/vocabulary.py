"""Cross-entropy over a vocabulary, together with the linear layer that scores it.

A vocabulary has thousands of columns, so the scores are by far the biggest tensor of an update, and
moving them costs nearly as much time as computing them. Here they are written once and turned into
their own gradient in place, block by block while a block is in the cache; softmax, its logarithm
and their gradients never exist as tables of their own.

Legend: ``N`` rows, ``D`` width of the states, ``V`` vocabulary.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

BLOCK = 1 << 20
"""Scores turned into gradients at once, 4 MiB of them: a part of the last cache."""
LINE = 64
"""Rows of scores begin at odd multiples of this many elements."""


def linear_cross_entropy(
    states: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor
) -> Tensor:
    """``-log softmax(states·weightᵀ + bias)[target]`` of each row, ``(N,)`` in fp32.

    Equal to ``cross_entropy(linear(states, weight, bias).float(), targets, reduction="none")`` up to
    rounding, also under autocast, whose type the products then have. Can be differentiated once.

    Args:
        states: ``(N, D)``.
        weight: ``(V, D)``.
        bias: ``(V,)``, or None.
        targets: ids ``(N,)``, all within the vocabulary.
    """
    device = states.device.type
    dtype = weight.dtype
    if torch.is_autocast_enabled(device):
        dtype = torch.get_autocast_dtype(device)
    with torch.autocast(device, enabled=False):
        cast = None if bias is None else bias.to(dtype)
        return _LinearCrossEntropy.apply(states.to(dtype), weight.to(dtype), cast, targets)


def linear_scores(states: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """``states·weightᵀ + bias``, ``(N, V)``, without gradient.

    The rows do not follow on one another without a gap: the product of a matrix whose rows have a
    length such as 15442 is a third slower, since few of them begin at a boundary of the cache, and
    one of 16384 slower still, since all of them fall on the same places of the cache.
    """
    stride = (len(weight) // LINE + 1 | 1) * LINE
    scores = states.new_empty(len(states), stride)[:, : len(weight)]
    if bias is None:
        return torch.mm(states, weight.t(), out=scores)
    return torch.addmm(bias, states, weight.t(), out=scores)


class _LinearCrossEntropy(torch.autograd.Function):
    """Keeps, in place of the scores z, ``exp(z - max) - [target]·sum``: the gradient times sum."""

    @staticmethod
    def forward(
        ctx: Any, states: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor
    ) -> Tensor:
        scores = linear_scores(states, weight, bias)
        losses = states.new_empty(len(states), dtype=torch.float32)
        sums = torch.empty_like(losses)
        rows = max(1, BLOCK // len(weight))
        for block, target, loss, total in zip(
            scores.split(rows),
            targets.unsqueeze(1).split(rows),
            losses.split(rows),
            sums.split(rows),
            strict=True,
        ):
            values = block.float()  # the block itself in fp32
            highest = values.amax(1, keepdim=True)
            own = values.gather(1, target)
            values.sub_(highest).exp_()
            whole = values.sum(1, keepdim=True)
            values.scatter_add_(1, target, -whole)
            if values is not block:
                block.copy_(values)
            total.copy_(whole.squeeze(1))
            loss.copy_((highest - own + whole.log()).squeeze(1))
        ctx.save_for_backward(states, weight, sums)
        ctx.scores = scores
        return losses

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        states, weight, sums = ctx.saved_tensors
        scores, factors = ctx.scores, (gradient / sums).unsqueeze(1)
        to_states, to_weight, to_bias, _ = ctx.needs_input_grad
        scaled = factors.to(scores.dtype)
        return (
            (scores @ weight) * scaled if to_states else None,
            scores.t() @ (states * scaled) if to_weight else None,
            (scores.t() @ scaled).squeeze(1) if to_bias else None,
            None,
        )
