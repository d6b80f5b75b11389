"""Which frames of a padded batch are real, and from frames to one vector a clip.

Legend: ``B`` batch, ``T`` frames, ``H`` width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


def real_frames(attention_mask: Tensor) -> Tensor:
    """True at real frames, ``(B, T)``; a clip without any gets its first one.

    A softmax or a maximum over no frame at all would be NaN or infinite, and NaN would reach every
    weight through the gradient.

    Args:
        attention_mask: 1 at real frames, 0 at padding, ``(B, T)``.
    """
    mask = attention_mask.bool()
    first = torch.arange(mask.shape[1], device=mask.device) == 0
    return mask | (first & ~mask.any(dim=1, keepdim=True))


def average(states: Tensor, mask: Tensor) -> Tensor:
    """The mean over real frames in fp32, ``(B, H)``.

    Args:
        states: ``(B, T, H)``.
        mask: True at real frames, ``(B, T)``; at least one a clip.
    """
    real = mask.unsqueeze(-1)
    return states.float().masked_fill(~real, 0.0).sum(1) / real.sum(1).clamp(min=1)


def maximum(states: Tensor, mask: Tensor) -> Tensor:
    """The greatest value of each channel over real frames in fp32, ``(B, H)``."""
    return states.float().masked_fill(~mask.unsqueeze(-1), float("-inf")).amax(1)


def neighbours_averaged(states: Tensor, mask: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Means over runs of ``size`` frames and their mask, ``(B, ceil(T / size), H)`` and its mask.

    A run at the end of a clip is the mean of the frames that are real.

    Args:
        states: ``(B, T, H)``, zero at padding.
        mask: True at real frames, ``(B, T)``; padding stands behind them.
        size: frames a run.
    """
    spare = -states.shape[1] % size
    runs = functional.pad(states, (0, 0, 0, spare)).unflatten(1, (-1, size))
    real = functional.pad(mask, (0, spare)).unflatten(1, (-1, size)).sum(2)
    return runs.sum(2) / real.clamp(min=1).unsqueeze(-1).to(states.dtype), real > 0


def spread(shares: Tensor, mask: Tensor, size: int) -> Tensor:
    """Shares of runs of frames ``(B, ceil(T / size))`` as shares of the frames themselves, (B, T).

    The frames of a run that are real get equal parts of its share; mask is theirs, ``(B, T)``.
    """
    frames = mask.shape[1]
    real = functional.pad(mask, (0, -frames % size)).unflatten(1, (-1, size)).sum(2)
    parts = shares / real.clamp(min=1)
    return parts.repeat_interleave(size, dim=1)[:, :frames].masked_fill(~mask, 0.0)


def over_frames(weights: Tensor, mask: Tensor) -> Tensor:
    """Attention weights averaged over the real frames that ask, ``(B, T)``; a row sums to 1.

    Args:
        weights: ``(B, T, T)``, a row for each frame that asks.
        mask: True at real frames, ``(B, T)``.
    """
    asking = mask.to(weights.dtype).unsqueeze(1)  # (B, 1, T)
    return ((asking @ weights) / asking.sum(-1, keepdim=True)).squeeze(1)


class MaxPooling(nn.Module):
    """:func:`maximum` as a module, so that an ablation may put the average in its place."""

    def forward(self, average: Tensor, states: Tensor, mask: Tensor) -> Tensor:
        """The greatest values, ``(B, H)``.

        Args:
            average: what stands in where this module is bypassed, ``(B, H)``.
            states: ``(B, T, H)``.
            mask: True at real frames, ``(B, T)``.
        """
        return maximum(states, mask)
