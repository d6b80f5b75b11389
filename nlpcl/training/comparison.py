"""The scores of two forward passes compared: what R-Drop and VAT add to a loss.

A divergence is summed over the units of a batch and divided by their number in the whole update.
A unit is a text, a clip or a labelled token; where the model's scores are made probabilities by
sigmoid it is a text, over whose types the mean is taken.

Legend: ``B`` rows, ``L`` tokens, ``C`` classes or types, ``V`` vocabulary, ``N`` labelled tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from nlpcl.core.config import Divergence
from nlpcl.core.errors import UserError
from nlpcl.nn.losses.divergences import sigmoid_divergence, softmax_divergence
from nlpcl.nn.model import IGNORE, Batch, Output, Part, ZooModel
from nlpcl.nn.vocabulary import PIECE, ComparesPlaces
from nlpcl.training.perturbation import Perturbation

Run = Callable[[Batch], Output]
"""The model's forward pass in training."""
Autocast = Callable[[], AbstractContextManager[object]]
"""Makes the context of the training's precision."""
Kind = Literal["softmax", "sigmoid"]


class Scores(NamedTuple):
    """The scores of a forward pass, or what they are made from.

    Args:
        values: logits ``(B, C)``, ``(N, V)`` or ``(B, C, ...)``, or states ``(N, H)``.
        score: states → logits; None if the values are the logits.
    """

    values: Tensor
    score: Callable[[Tensor], Tensor] | None = None

    def halves(self) -> tuple[Scores, Scores]:
        """Those of both passes of rows that are in the batch twice."""
        first, second = self.values.chunk(2)
        return self._replace(values=first), self._replace(values=second)

    def detached(self) -> Scores:
        """The same as a constant."""
        return self._replace(values=self.values.detach())


class Pass(NamedTuple):
    """The usual forward pass of a batch, which terms are added to.

    Args:
        model: the model, in training mode.
        run: its forward pass.
        batch: what it was run on.
        plain: the same with each row once.
        output: what it returned.
        watched: a perturbation by zeros; None if nobody asked for it.
        loss: loss terms of this batch → their weighted sum, with the counts of the update.
        autocast: the training's precision.
    """

    model: ZooModel
    run: Run
    batch: Batch
    plain: Batch
    output: Output
    watched: Perturbation | None
    loss: Callable[[Mapping[str, Part]], Tensor]
    autocast: Autocast


def divergence_kind(model: ZooModel, wanted: Divergence, where: str) -> Kind:
    """The divergence that fits a model, or that is asked for.

    Args:
        model: the model.
        wanted: softmax, sigmoid or auto.
        where: the flag that compares its scores.

    Raises:
        UserError: its scores are not compared.
    """
    if model.output_activation is None:
        what = f"{model.name} has no scores of two passes that could be compared"
        raise UserError(what, where, "Leave it out.")
    return model.output_activation if wanted == "auto" else wanted


def scores_of(model: ZooModel, output: Output, labels: Tensor) -> Scores:
    """The scores of a training pass.

    Raises:
        UserError: the model gives none in training.
    """
    if output.logits is not None:
        of_tokens = labels_tokens(model, labels)
        return Scores(output.logits[labels != IGNORE] if of_tokens else output.logits)
    if output.states is not None and isinstance(model, ComparesPlaces):
        return Scores(output.states, model.score)
    raise UserError(
        f"{model.name} returns neither logits nor states in training",
        "--rdrop or --vat",
        "Leave them out, or let forward() return logits with labels too.",
    )


def scores_alone(model: ZooModel, run: Run, batch: Batch, autocast: Autocast) -> Scores:
    """The scores of a batch without its loss."""
    labels = batch["labels"]
    if isinstance(model, ComparesPlaces):
        with autocast():
            places = labels != IGNORE
            states = model.states_at(batch["input_ids"], batch["attention_mask"], places)
        return Scores(states, model.score)
    output = run({name: values for name, values in batch.items() if name != "labels"})
    return scores_of(model, output, labels)


def labels_tokens(model: ZooModel, labels: Tensor) -> bool:
    """Whether each token has a label, ``(B, L)``, and a distribution of its own."""
    is_table = labels.dim() == 2 and not labels.is_floating_point()
    return model.output_activation == "softmax" and is_table


def units_compared(model: ZooModel, batch: Batch) -> Tensor:
    """How many units a batch has: labelled tokens, or rows."""
    labels = batch["labels"]
    if labels_tokens(model, labels):
        return (labels != IGNORE).sum()
    return torch.tensor(len(labels), device=labels.device)


def divergence(
    model: ZooModel, kind: Kind, first: Scores, second: Scores, autocast: Autocast
) -> Tensor:
    """The divergence of two passes, summed over the units of the batch, a scalar in fp32.

    Scores of a vocabulary are made anew in the backward pass, piece by piece, rather than kept.
    """
    measure = summed_softmax if kind == "softmax" else summed_sigmoid
    is_table = model.output_activation == "sigmoid"
    if first.score is None:
        return measure(first.values, second.values, is_table)
    output: Any = model.backbone.get_output_embeddings()

    def piece(s: Tensor, t: Tensor) -> Tensor:
        with autocast():
            s, t = score(s), score(t)
        # What comes from constants is one, though the head is none.
        return measure(s, t if second.values.requires_grad else t.detach(), is_table)

    score, rows = first.score, max(1, PIECE // len(output.weight))
    pieces = zip(first.values.split(rows), second.values.split(rows), strict=True)
    sums = [
        checkpoint(piece, *two, use_reentrant=False, preserve_rng_state=False) for two in pieces
    ]
    return torch.stack(sums).sum()


def summed_softmax(s: Tensor, t: Tensor, is_table: bool) -> Tensor:
    """Softmax divergence: over the last dimension, or over all cells of a type ``(B, C, ...)``."""
    if is_table and s.dim() > 2:
        return softmax_divergence(s.flatten(2), t.flatten(2)).mean(1).sum()
    return softmax_divergence(s, t).sum()


def summed_sigmoid(s: Tensor, t: Tensor, is_table: bool) -> Tensor:
    """Sigmoid divergence: over all cells, or the mean over types of a table ``(B, C, ...)``."""
    if not is_table:
        return sigmoid_divergence(s, t, reduction="sum")
    return sigmoid_divergence(s, t, reduction="row") * len(s)
