"""Dropout outside training."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from nlpcl.nn.layers.normalisation import TRACKING


@contextlib.contextmanager
def dropping_out(model: nn.Module) -> Iterator[None]:
    """Within it the model drops out also in evaluation, by draws that are always the same.

    Normalisations that keep running statistics use these and leave them as they are.
    """

    def switch_on(module: nn.Module, _: Any) -> None:
        module.train()
        for inner in module.modules():
            if isinstance(inner, TRACKING):
                inner.eval()

    hook = model.register_forward_pre_hook(switch_on)
    try:
        with torch.random.fork_rng():
            torch.manual_seed(0)
            yield
    finally:
        hook.remove()
        model.eval()
