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
    """The identity; on the way back the gradient is multiplied by ``-strength``.

    The layers after it are trained at full weight whatever the strength.

    Args:
        values: a tensor of any shape.
        strength: λ; 0 stops the gradient.
    """
    reversed_values: Any = _Reversal.apply(values, strength)
    return reversed_values
