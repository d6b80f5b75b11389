"""A moving average of the weights, which is scored and saved in their place (Polyak averaging)."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from transformers import TrainerCallback

FILE = "moving_average.safetensors"
"""Where a checkpoint keeps it, beside the weights that training goes on with."""


def decay_at(update: int, decay: float) -> float:
    """The decay of an update, counted from 1: ``min(decay, (1 + t) / (10 + t))``.

    The first weights, some of them random, would weigh too much otherwise: at 0.999 a third of the
    average after 1100 updates. As in TensorFlow's ``ExponentialMovingAverage``.
    """
    return min(decay, (1 + update) / (10 + update))


class MovingAverage(TrainerCallback):
    """``average = d · average + (1 - d) · weight`` after every update, of every parameter.

    Buffers, such as the statistics of batch normalisation, are those of the training.

    Args:
        model: whose weights are averaged, in its training's precision.
        decay: d, see :func:`decay_at`.

    Attributes:
        checkpoint: to begin with; None begins with the model's weights.
    """

    def __init__(self, model: torch.nn.Module, decay: float) -> None:
        self.model, self.decay = model, decay
        self.checkpoint: Path | None = None
        self.weights: dict[str, torch.Tensor] = {}

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Begin with the weights, or with the average that a checkpoint holds."""
        self.weights = {name: own.detach().clone() for name, own in self.named()}
        if self.checkpoint is not None:
            self.read(self.checkpoint)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Average the weights of an update."""
        share = 1 - decay_at(state.global_step, self.decay)
        for name, own in self.named():
            self.weights[name].lerp_(own.detach(), share)

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Leave the average in the model: that of the best checkpoint, else the present one."""
        if state.best_model_checkpoint is not None:
            self.read(Path(state.best_model_checkpoint))
        self.exchange()

    def named(self) -> Iterator[tuple[str, torch.nn.Parameter]]:
        """The parameters, tied ones once."""
        return self.model.named_parameters()

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        """Within it the model has the average as its weights."""
        self.exchange()
        try:
            yield
        finally:
            self.exchange()

    def exchange(self) -> None:
        """Exchange weights and average, without copying either."""
        for name, own in self.named():
            own.data, self.weights[name] = self.weights[name], own.data

    def save(self, folder: Path) -> None:
        """Write the average to a checkpoint's folder."""
        save_file({name: own.contiguous() for name, own in self.weights.items()}, folder / FILE)

    def read(self, checkpoint: Path) -> None:
        """Take the average of a checkpoint."""
        for name, kept in load_file(checkpoint / FILE).items():
            self.weights[name].copy_(kept)
