"""Losses of classifiers, one number per row, and mixup.

Targets are class numbers ``(B,)``, -100 where a row has none, or class probabilities ``(B, C)``,
all 0 where a row has none. Everything is computed in fp32, also under autocast.

Legend: ``B`` batch, ``C`` classes, ``S`` speakers, ``T`` frames.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from nlpcl.nn.model import IGNORE


def labelled(targets: Tensor) -> Tensor:
    """True at rows with a target, ``(B,)``."""
    return targets != IGNORE if targets.dim() == 1 else targets.sum(1) > 0


def soft_targets(targets: Tensor, classes: int, smoothing: float = 0.0) -> Tensor:
    """Targets as class probabilities in fp32, ``(B, C)``; smoothing keeps the sum of each row.

    Args:
        targets: ``(B,)`` or ``(B, C)``.
        classes: number of classes C.
        smoothing: label smoothing as in torch: fraction spread evenly over all classes.
    """
    if targets.dim() == 1:
        known = (targets != IGNORE).unsqueeze(1)
        targets = functional.one_hot(targets.clamp(min=0), classes).float() * known
    targets = targets.float()
    return targets * (1 - smoothing) + targets.sum(1, keepdim=True) * (smoothing / classes)


def cross_entropy(
    logits: Tensor, targets: Tensor, *, weights: Tensor | None = None, smoothing: float = 0.0
) -> Tensor:
    """``-sum_c w_c t_c log p_c`` of each row, ``(B,)``; 0 at rows without a target.

    Args:
        logits: ``(B, C)``.
        targets: ``(B,)`` or ``(B, C)``.
        weights: class weights, ``(C,)``.
        smoothing: label smoothing, 0 to 1.
    """
    return focal(logits, targets, gamma=0.0, weights=weights, smoothing=smoothing)


def focal(
    logits: Tensor,
    targets: Tensor,
    *,
    gamma: float = 2.0,
    weights: Tensor | None = None,
    smoothing: float = 0.0,
) -> Tensor:
    """``-sum_c w_c t_c (1 - p_c)^γ log p_c`` of each row, ``(B,)``: the focal loss.

    Source: Lin et al. 2017, arXiv 1708.02002, equation 5.

    Args:
        logits: ``(B, C)``.
        targets: ``(B,)`` or ``(B, C)``.
        gamma: focusing parameter γ; larger values down-weight well-classified rows more, 0 is
            cross-entropy.
        weights: class weights, ``(C,)``.
        smoothing: label smoothing, 0 to 1.
    """
    with torch.autocast(logits.device.type, enabled=False):
        logs = logits.float().log_softmax(1)
        terms = soft_targets(targets, logits.shape[1], smoothing) * -logs
        if gamma:
            # For γ < 1 the derivative of the power is infinite at 0.
            terms = terms * (-logs.expm1()).clamp(min=1e-12) ** gamma
        if weights is not None:
            terms = terms * weights.to(terms)
        return terms.sum(1)


def balanced_weights(counts: Sequence[int]) -> list[float]:
    """Class weights inversely proportional to class frequencies; 1 on average over the rows.

    Args:
        counts: number of training rows per class; a class without rows gets weight 0.
    """
    present = sum(count > 0 for count in counts)
    return [sum(counts) / (present * count) if count else 0.0 for count in counts]


class Mixed(NamedTuple):
    """A batch of mixed clips, in tensors of their own.

    Args:
        inputs: in the shape of the given ones, 0 at padding.
        attention_mask: 1 where either clip is real.
        labels: class probabilities, ``(B, C)``.
        speakers: speaker probabilities, ``(B, S)``.
    """

    inputs: Tensor
    attention_mask: Tensor
    labels: Tensor
    speakers: Tensor | None


def mixup(
    inputs: Tensor,
    attention_mask: Tensor,
    labels: Tensor,
    classes: int,
    *,
    alpha: float,
    generator: random.Random,
    speakers: Tensor | None = None,
    training_speakers: int = 0,
) -> Mixed:
    """Mix each clip with another one of the batch: ``λ x_i + (1 - λ) x_j``, and labels alike.

    Source: Zhang et al. 2018, arXiv 1710.09412; λ ~ Beta(α, α) is drawn for each clip.

    Args:
        inputs: frames ``(B, T, H)`` or ``(B, K, T, H)``, or samples ``(B, T)``.
        attention_mask: 1 at real frames or samples, ``(B, T)``.
        labels: ``(B,)`` or ``(B, C)``.
        classes: number of classes C.
        alpha: α above 0; larger values mix more evenly.
        generator: source of λ and the partners.
        speakers: numbers of the training speakers, ``(B,)``; -100 where unknown.
        training_speakers: number of training speakers S.
    """
    rows = len(inputs)
    partners = generator.sample(range(rows), rows)
    drawn = [generator.betavariate(alpha, alpha) for _ in range(rows)]
    lam = torch.tensor(drawn, device=inputs.device)

    def mixed(values: Tensor) -> Tensor:
        own = lam.to(values.dtype).reshape(-1, *[1] * (values.dim() - 1))
        return own * values + (1 - own) * values[partners]

    real = attention_mask.bool()
    shape = {2: real, 3: real[..., None], 4: real[:, None, :, None]}[inputs.dim()]
    mask = (real | real[partners]).to(attention_mask.dtype)
    voices = None if speakers is None else mixed(soft_targets(speakers, training_speakers))
    return Mixed(
        mixed(inputs.masked_fill(~shape, 0.0)), mask, mixed(soft_targets(labels, classes)), voices
    )
