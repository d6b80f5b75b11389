"""Multi-label cross-entropy over many cells of which few are right (ZLPR).

Legend: ``B`` batch, ``C`` types, ``L`` tokens, ``N`` right cells.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


def multilabel_cross_entropy(scores: Tensor, right: Tensor) -> Tensor:
    """``log(1 + Σ_wrong e^s) + log(1 + Σ_right e^-s)`` of each type of each text, ``(B, C)``.

    Su et al. 2022 (arXiv 2208.02955). At its minimum right cells are above 0 and the others below.
    It is computed in at least fp32. The sum over wrong cells is taken without the right ones; the
    variants that subtract them from the sum over all lose digits, and become NaN or negative. Can
    be differentiated once: one buffer as big as the scores holds the gradient.

    Args:
        scores: ``(B, C, L, L)``; -inf where no span can be.
        right: indices of the right cells, ``(N, 4)``; none of them at -inf.
    """
    return _MultilabelCrossEntropy.apply(scores, right)


class _MultilabelCrossEntropy(torch.autograd.Function):
    """Keeps, in place of the scores, their gradient."""

    @staticmethod
    def forward(ctx: Any, scores: Tensor, right: Tensor) -> Tensor:
        batch, types = scores.shape[:2]
        dtype = torch.promote_types(scores.dtype, torch.float32)
        cells = scores.to(dtype, copy=True).flatten(2).flatten(0, 1)  # (B·C, L·L)
        row = right[:, 0] * types + right[:, 1]
        column = right[:, 2] * scores.shape[3] + right[:, 3]
        own = cells[row, column]  # (N,)
        cells[row, column] = -torch.inf
        highest = cells.amax(1).clamp(min=0)
        cells.sub_(highest.unsqueeze(1)).exp_()
        total = cells.sum(1) + (-highest).exp()
        loss = highest + total.log()
        cells.div_(total.unsqueeze(1))
        lowest = torch.zeros_like(highest).scatter_reduce_(0, row, -own, "amax")
        parts = (-own - lowest[row]).exp()
        rest = (-lowest).exp().index_add_(0, row, parts)
        loss += lowest + rest.log()
        cells[row, column] = -parts / rest[row]
        ctx.save_for_backward(cells.view(scores.shape))
        ctx.dtype = scores.dtype
        return loss.view(batch, types)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:  # type: ignore[override]
        (cells,) = ctx.saved_tensors
        return (cells * gradient[:, :, None, None]).to(ctx.dtype), None
