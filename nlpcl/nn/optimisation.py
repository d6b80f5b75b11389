"""Parameter groups of an optimiser."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch


def optimiser_groups(
    model: torch.nn.Module, rate: Callable[[str], float], decay: float
) -> list[dict[str, Any]]:
    """Parameter groups for the optimiser, by learning rate and weight decay.

    Frozen parameters are left out. Weight decay applies to matrices and convolutions, not to biases
    and gains.

    Args:
        model: whose parameters are trained.
        rate: name of a parameter → its learning rate.
        decay: weight decay of those that have any.
    """
    groups: dict[tuple[float, float], list[torch.nn.Parameter]] = {}
    for name, weight in model.named_parameters():
        if weight.requires_grad:
            key = (rate(name), decay if weight.dim() > 1 else 0.0)
            groups.setdefault(key, []).append(weight)
    return [
        {"params": weights, "lr": lr, "weight_decay": decay}
        for (lr, decay), weights in groups.items()
    ]
