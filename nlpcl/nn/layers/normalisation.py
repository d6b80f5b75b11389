"""Normalisation of frames by the statistics of real frames only.

Legend: ``B`` batch, ``T`` frames, ``H`` width, ``K`` layers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn


class InstanceNorm(nn.Module):
    """Normalises each channel of each clip to mean 0 and variance 1 over its real frames.

    Sometimes called AdaIN, which it is not: it is not conditional. It removes the mean and variance
    of a clip, and with them traces of the speaker, but also cues of arousal. A clip of one frame
    has no variance over time and keeps its values.

    Args:
        size: width H.
        eps: added to the variance.
    """

    def __init__(self, size: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(size))
        self.bias = nn.Parameter(torch.zeros(size))

    def forward(self, states: Tensor, mask: Tensor) -> Tensor:
        """``(B, T, H)`` → the same shape, zero at padding.

        Args:
            states: ``(B, T, H)``.
            mask: True at real frames, ``(B, T)``.
        """
        with torch.autocast(states.device.type, enabled=False):
            values, real = states.float(), mask.unsqueeze(-1)
            count = real.sum(1, keepdim=True).clamp(min=1)
            values = values.masked_fill(~real, 0.0)
            mean = values.sum(1, keepdim=True) / count
            centred = (values - mean).masked_fill(~real, 0.0)
            variance = centred.square().sum(1, keepdim=True) / count
            normal = centred * torch.rsqrt(variance + self.eps)
            normal = torch.where(count > 1, normal, values)
            scaled = normal * self.weight.float() + self.bias.float()
        return scaled.masked_fill(~real, 0.0).to(states.dtype)


class Standardisation(nn.Module):
    """Standardises each channel by the statistics of the training clips, kept as buffers.

    Args:
        size: width H.
        layers: number of layers K, each with its own statistics.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, size: int, layers: int = 1) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(layers, 1, size))
        self.register_buffer("deviation", torch.ones(layers, 1, size))

    def set_statistics(self, mean: Tensor, deviation: Tensor) -> None:
        """Store the results of :func:`statistics`, each ``(H,)`` or ``(K, H)``."""
        self.mean.copy_(mean.reshape(self.mean.shape))
        self.deviation.copy_(deviation.reshape(self.deviation.shape))

    def forward(self, states: Tensor) -> Tensor:
        """``(B, T, H)`` or ``(B, K, T, H)`` → the same shape, fp32."""
        mean, deviation = self.mean.float(), self.deviation.float()
        if states.dim() == 3:
            mean, deviation = mean[0], deviation[0]
        return (states.float() - mean) / deviation


def statistics(features: Iterable[Tensor], least: float = 1e-5) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each channel over all frames of the clips, in fp32.

    Args:
        features: clips without padding, ``(T, H)`` or ``(K, T, H)``; T may differ.
        least: lower bound of the deviation, so that a constant channel does not divide by 0.

    Returns:
        Both ``(H,)`` or ``(K, H)``.

    Raises:
        ValueError: there is no frame.
    """
    count, total, squares = 0, None, None
    for clip in features:
        values = clip.double()
        count += values.shape[-2]
        total = values.sum(-2) + (0 if total is None else total)
        squares = values.square().sum(-2) + (0 if squares is None else squares)
    if total is None or squares is None or not count:
        raise ValueError("statistics of no frames")
    mean = total / count
    deviation = (squares / count - mean.square()).clamp(min=0).sqrt().clamp(min=least)
    return mean.float(), deviation.float()


def speaker_statistics(
    features: Sequence[Tensor], speakers: Sequence[str]
) -> dict[str, tuple[Tensor, Tensor]]:
    """The statistics of each speaker's clips, for ``--normalization speaker``.

    The task standardises each clip by the statistics of its speaker before batches are made, and
    the model has no instance norm. For test speakers the statistics come from their own test clips,
    without labels: this is transductive, and a report has to say so.

    Args:
        features: clips without padding, ``(T, H)`` or ``(K, T, H)``.
        speakers: the speaker of each clip.
    """
    clips: dict[str, list[Tensor]] = {}
    for clip, speaker in zip(features, speakers, strict=True):
        clips.setdefault(speaker, []).append(clip)
    return {speaker: statistics(own) for speaker, own in clips.items()}
