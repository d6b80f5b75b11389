"""The linear layer that scores a vocabulary, and cross-entropy together with it.

A vocabulary has thousands of columns, so its scores are by far the biggest tensor of a model, and
moving them takes a good part of the time that computing them takes. In training they are written
once and turned into their own gradient in place, block by block while a block is in the cache:
softmax, its logarithm and their gradients never exist as tables of their own. In prediction they
are made for the places that need them, piece by piece.

Legend: ``N`` rows, ``D`` width of the states, ``V`` vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

BLOCK = 1 << 20
"""Scores turned into gradients at once, 4 MiB of them: a part of the last cache."""
PIECE = 1 << 22
"""Scores made at once where none are kept, 16 MiB of them."""
LINE = 64
"""Rows of scores begin at odd multiples of this many elements."""


@runtime_checkable
class ScoresPlaces(Protocol):
    """A model over a vocabulary that scores chosen places and does no work for the others."""

    def scores_at(
        self, input_ids: Tensor, attention_mask: Tensor, places: Tensor
    ) -> Iterator[Tensor]:
        """Scores without gradient, in pieces ``(n, V)`` of consecutive places in row-major order.

        Args:
            input_ids: ``(B, L)``.
            attention_mask: 1 at tokens, 0 at pads, ``(B, L)``.
            places: True where scores are wanted, ``(B, L)``.
        """
        ...


@runtime_checkable
class ComparesPlaces(Protocol):
    """A model over a vocabulary whose scores of two passes are compared at chosen places alone.

    The scores themselves are made piece by piece and never kept.
    """

    def states_at(self, input_ids: Tensor, attention_mask: Tensor, places: Tensor) -> Tensor:
        """What the head gets, with gradient, ``(N, H)`` in row-major order.

        Args:
            input_ids: ``(B, L)``.
            attention_mask: 1 at tokens, 0 at pads, ``(B, L)``.
            places: True where scores are wanted, ``(B, L)``.
        """
        ...

    def score(self, states: Tensor) -> Tensor:
        """Scores, with gradient: ``(n, H)`` → ``(n, V)``."""
        ...


def linear_cross_entropy(
    states: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor
) -> Tensor:
    """``-log softmax(states·weightᵀ + bias)[target]`` of each row, ``(N,)`` in at least fp32.

    Equal to ``cross_entropy(linear(states, weight, bias).float(), targets, reduction="none")`` up
    to rounding, also under autocast, whose type the products then have. Can be differentiated once.

    Args:
        states: ``(N, D)``.
        weight: ``(V, D)``.
        bias: ``(V,)``, or None.
        targets: ids ``(N,)``, all within the vocabulary.
    """
    return _LinearCrossEntropy.apply(*operands(states, weight, bias), targets)


def linear_scores(states: Tensor, weight: Tensor, bias: Tensor | None) -> Iterator[Tensor]:
    """``states·weightᵀ + bias`` in pieces ``(n, V)``, without gradient.

    Each piece fits the cache, and the allocator has the memory of the last one ready for it.
    """
    states, weight, bias = operands(states, weight, bias)
    for piece in states.split(max(1, PIECE // len(weight))):
        yield product(piece, weight, bias)


def operands(
    states: Tensor, weight: Tensor, bias: Tensor | None
) -> tuple[Tensor, Tensor, Tensor | None]:
    """The three in the type that autocast has chosen for products, if it is on."""
    device, dtype = states.device.type, weight.dtype
    if torch.is_autocast_enabled(device):
        dtype = torch.get_autocast_dtype(device)
    return states.to(dtype), weight.to(dtype), None if bias is None else bias.to(dtype)


def product(states: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
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
    """Keeps, in place of the scores, their gradient: ``softmax(scores) - [target]``."""

    @staticmethod
    def forward(
        ctx: Any, states: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor
    ) -> Tensor:
        scores = product(states, weight, bias)
        dtype = torch.promote_types(scores.dtype, torch.float32)
        losses = states.new_empty(len(states), dtype=dtype)
        rows = max(1, BLOCK // len(weight))
        for block, target, loss in zip(
            scores.split(rows), targets.unsqueeze(1).split(rows), losses.split(rows), strict=True
        ):
            values = block.to(dtype)  # the block itself, if it is no narrower
            highest = values.amax(1, keepdim=True)
            own = values.gather(1, target)
            values.sub_(highest).exp_()
            total = values.sum(1, keepdim=True)
            loss.copy_((highest - own + total.log()).squeeze(1))
            values.div_(total).scatter_add_(1, target, -torch.ones_like(total))
            if values is not block:
                block.copy_(values)
        ctx.save_for_backward(states, weight)
        ctx.scores = scores
        return losses

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        states, weight = ctx.saved_tensors
        scores, factors = ctx.scores, gradient.unsqueeze(1).to(ctx.scores.dtype)
        to_states, to_weight, to_bias, _ = ctx.needs_input_grad
        return (
            (scores @ weight) * factors if to_states else None,
            scores.t() @ (states * factors) if to_weight else None,
            (scores.t() @ factors).squeeze(1) if to_bias else None,
            None,
        )
