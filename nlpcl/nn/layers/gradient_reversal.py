"""Gradient reversal (Ganin and Lempitsky 2015, arXiv 1409.7495)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


class _Reversal(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor, strength: float) -> Tensor:
        ctx.strength = strength
        return values.view_as(values)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return gradients[0] * -ctx.strength, None


def reverse_gradient(values: Tensor, strength: float) -> Tensor:
    """The same values; the gradient that comes back is multiplied by ``-strength``.

    What follows learns at full weight whatever the strength; only what comes before is held back.

    Args:
        values: of any shape.
        strength: λ; 0 lets no gradient through.
    """
    reversed_values: Any = _Reversal.apply(values, strength)
    return reversed_values
