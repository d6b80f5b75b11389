"""Normalisation of frames by the statistics of real frames only.

Legend: ``B`` batch, ``T`` frames, ``H`` width, ``K`` layers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


class InstanceNorm(nn.Module):
    """Normalises each channel of each clip to mean 0 and variance 1 over its real frames.

    Sometimes called AdaIN, which it is not: it is not conditional. It removes the mean and variance
    of a clip, and with them traces of the speaker, but also most of what tells its emotion: with
    ``keeps_mean`` the mean is added back, times a learned gain of each channel that begins at 1,
    ``IN(x) + g * mean(x)``. A clip of one frame has no variance over time and keeps its values.

    Args:
        size: width H.
        eps: added to the variance.
        keeps_mean: whether the means are added back; the gain is then :attr:`gain`, else None.
    """

    def __init__(self, size: int, eps: float = 1e-5, *, keeps_mean: bool = False) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(size))
        self.bias = nn.Parameter(torch.zeros(size))
        self.gain = nn.Parameter(torch.ones(size)) if keeps_mean else None

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
            if self.gain is None:
                normal = torch.where(count > 1, normal, values)
            scaled = normal * self.weight.float() + self.bias.float()
            if self.gain is not None:
                scaled = scaled + self.gain.float() * mean
        return scaled.masked_fill(~real, 0.0).to(states.dtype)


class RunningNorm(nn.Module):
    """Normalises each channel by the running statistics of training, then scales and shifts it.

    It is batch normalisation by the statistics of the updates before, in training as in
    evaluation: what a clip gives does not depend on its batch, and the passes of an accumulated
    update give what one big pass gives. No gradient goes through the statistics. Normalisation by
    statistics of past updates: Liao, Kawaguchi and Poggio 2016, arXiv 1610.06160, of which this is
    the plainest case.

    :meth:`update` is called before every update; before the first one nothing is normalised.

    Args:
        size: channels D.
        momentum: what the newest update weighs; the first ones are averaged equally.
        eps: added to the variance.
    """

    mean: Tensor
    variance: Tensor
    updates: Tensor
    seen: Tensor
    sums: Tensor
    squares: Tensor

    def __init__(self, size: int, momentum: float = 0.1, eps: float = 1e-5) -> None:
        super().__init__()
        self.momentum, self.eps = momentum, eps
        self.weight = nn.Parameter(torch.ones(size))
        self.bias = nn.Parameter(torch.zeros(size))
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("variance", torch.ones(size))
        self.register_buffer("updates", torch.zeros(()))
        # Of the passes since the last update; saved, so that a resumed run goes on as it was.
        self.register_buffer("seen", torch.zeros(()))
        self.register_buffer("sums", torch.zeros(size))
        self.register_buffer("squares", torch.zeros(size))

    def forward(self, values: Tensor) -> Tensor:
        """``(B, D)`` → the same shape, in fp32; training passes are noted for the next update."""
        with torch.autocast(values.device.type, enabled=False):
            centred = values.float() - self.mean
            if self.training:
                noted = centred.detach()
                self.seen += len(noted)
                self.sums += noted.sum(0)
                self.squares += noted.square().sum(0)
            return centred * torch.rsqrt(self.variance + self.eps) * self.weight + self.bias

    def update(self) -> None:
        """Take the statistics of the passes since the last update into the running ones."""
        if self.seen < 2:
            return
        self.updates += 1
        newest = torch.clamp(1 / self.updates, min=self.momentum)
        shift = self.sums / self.seen
        variance = (self.squares / self.seen - shift.square()).clamp(min=0)
        self.mean += newest * shift
        self.variance.lerp_(variance, newest)
        for noted in (self.seen, self.sums, self.squares):
            noted.zero_()


TRACKING = (_BatchNorm, RunningNorm)
"""Modules whose passes in training leave traces in their statistics."""


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
