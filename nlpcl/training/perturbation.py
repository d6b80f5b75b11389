"""Perturbations of a model's input: token embeddings, or frames of speech.

A perturbation has a size per row, its norm over all places of the row. Its unit is the root mean
square of the norms of the row's places, so that a size means the same for every encoder and for
frames: Miyato et al. 2017 (arXiv 1605.07725) normalise the embeddings instead.

Legend: ``B`` rows, ``L`` places (tokens or frames), ``H`` width.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
from torch import Tensor

from nlpcl.core.errors import UserError
from nlpcl.nn.layers.normalisation import TRACKING
from nlpcl.nn.model import ZooModel

SCALE = 2.0**10
"""Losses are multiplied by it before their gradient is taken, which would be 0 in fp16 otherwise;
directions have no scale."""


class Perturbation:
    """Adds a tensor to the output of a model's ``perturbed_module``, and knows both.

    Args:
        added: what is added, ``(B, L, H)``; by default zeros, which a gradient can be taken of.

    Attributes:
        values: the output without it, detached, ``(B, L, H)``; None before a forward pass.
    """

    def __init__(self, added: Tensor | None = None) -> None:
        self.added = added
        self.values: Tensor | None = None

    @contextlib.contextmanager
    def of(self, model: ZooModel) -> Iterator[None]:
        """Within it, which is to hold one forward pass, the module's first call is perturbed."""
        hook = perturbed_module(model).register_forward_hook(self.add)
        self.values = None
        try:
            yield
        finally:
            hook.remove()

    def add(self, module: torch.nn.Module, inputs: object, output: Tensor) -> Tensor | None:
        """The module's output, with what is added; None leaves it as it is."""
        if self.values is not None:
            return None
        self.values = output.detach()
        if self.added is None:
            self.added = torch.zeros_like(self.values).requires_grad_()
        return output + self.added

    def gradient(self, loss: Tensor, *, keep: bool = False) -> Tensor:
        """Gradient of a loss of the forward pass by what was added, up to a factor, ``(B, L, H)``.

        Args:
            loss: a scalar.
            keep: whether the loss is differentiated again.

        Raises:
            UserError: it does not depend on it.
        """
        if self.added is None or not loss.requires_grad:
            raise unreached()
        (found,) = torch.autograd.grad(
            loss * SCALE, self.added, retain_graph=keep, allow_unused=True
        )
        if found is None:
            raise unreached()
        # Frames are 0 at padding, which a model may count on.
        found = found.float() * (self.perturbed != 0).any(-1, keepdim=True)
        return torch.nan_to_num(found, 0.0, 0.0, 0.0)

    @property
    def perturbed(self) -> Tensor:
        """The values of the last forward pass.

        Raises:
            UserError: the module was not called in it.
        """
        if self.values is None:
            raise unreached()
        return self.values


def unreached() -> UserError:
    """The error of a module that takes no part in what it is to change."""
    return UserError(
        "the model's scores do not depend on the output of its perturbed_module()",
        "--vat, --fgm or --pgd",
        "Leave them out, or let the method name the module that embeds the input.",
    )


def perturbed_module(model: ZooModel) -> torch.nn.Module:
    """The module that a model lets perturb.

    Raises:
        UserError: it has none.
    """
    try:
        return model.perturbed_module()
    except NotImplementedError as error:
        raise UserError(
            f"{model.name} has no embeddings that could be perturbed",
            "--vat, --fgm or --pgd",
            "Leave them out, or define perturbed_module() in the model.",
        ) from error


def sized(direction: Tensor, values: Tensor, size: float) -> Tensor:
    """A perturbation of a given size along a direction, ``(B, L, H)`` in the values' type.

    Args:
        direction: of any norm, ``(B, L, H)``; 0 at places that do not count, such as pads.
        values: what is perturbed, ``(B, L, H)``.
        size: norm over a row, in the unit of :func:`units`.
    """
    flat = direction.float().flatten(1)
    flat = flat / flat.abs().amax(1, keepdim=True).clamp(min=torch.finfo(torch.float32).tiny)
    norm = flat.norm(dim=1, keepdim=True).clamp(min=torch.finfo(torch.float32).tiny)
    unit = units(values, direction).unsqueeze(1)
    return (size * unit * flat / norm).view_as(direction).to(values.dtype)


def within(added: Tensor, direction: Tensor, values: Tensor, size: float) -> Tensor:
    """A perturbation, shortened where it is greater than a size; arguments as in :func:`sized`."""
    greatest = size * units(values, direction)
    factor = (greatest / added.float().flatten(1).norm(dim=1).clamp(min=1e-30)).clamp(max=1)
    return added * factor.view(-1, *[1] * (added.dim() - 1)).to(added.dtype)


def units(values: Tensor, direction: Tensor) -> Tensor:
    """Root mean square of the norms of each row's places with a direction, ``(B,)``."""
    counts = (direction != 0).any(-1).flatten(1)
    squares = values.float().square().sum(-1).flatten(1) * counts
    return (squares.sum(1) / counts.sum(1).clamp(min=1)).sqrt()


def random_direction(values: Tensor) -> Tensor:
    """Normal numbers in the shape of the values, drawn from torch's generator."""
    return torch.randn_like(values)


@contextlib.contextmanager
def statistics_kept(model: torch.nn.Module) -> Iterator[None]:
    """The running statistics of normalisations stay what they were before.

    Passes in between count as usual but for that. They are put back as tensors, not as values: a
    backward pass that is still to come needs them unchanged.
    """
    norms = [module for module in model.modules() if isinstance(module, TRACKING)]
    kept = [(norm, dict(norm._buffers)) for norm in norms]
    for norm, buffers in kept:
        for name, buffer in buffers.items():
            norm._buffers[name] = None if buffer is None else buffer.clone()
    try:
        yield
    finally:
        for norm, buffers in kept:
            norm._buffers.update(buffers)
