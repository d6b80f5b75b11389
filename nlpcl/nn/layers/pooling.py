"""Masks of real frames, and pooling of frames into one vector per clip.

Legend: ``B`` batch, ``T`` frames, ``H`` width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


def real_frames(attention_mask: Tensor) -> Tensor:
    """True at real frames, ``(B, T)``; in a clip without any, the first counts as one.

    A softmax or a maximum over no frames would be NaN or infinite, and NaN would reach every
    parameter through the gradient.

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
    """The maximum of each channel over real frames in fp32, ``(B, H)``."""
    return states.float().masked_fill(~mask.unsqueeze(-1), float("-inf")).amax(1)


def neighbours_averaged(states: Tensor, mask: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Average pooling over time with kernel and stride ``size``.

    The last window of a clip is averaged over its real frames.

    Args:
        states: ``(B, T, H)``, zero at padding.
        mask: True at real frames, ``(B, T)``; padding follows them.
        size: frames per window.

    Returns:
        The means, ``(B, ceil(T / size), H)``, and their mask.
    """
    spare = -states.shape[1] % size
    runs = functional.pad(states, (0, 0, 0, spare)).unflatten(1, (-1, size))
    real = functional.pad(mask, (0, spare)).unflatten(1, (-1, size)).sum(2)
    return runs.sum(2) / real.clamp(min=1).unsqueeze(-1).to(states.dtype), real > 0


def spread(weights: Tensor, mask: Tensor, size: int) -> Tensor:
    """Weights of pooled frames ``(B, ceil(T / size))`` spread over the frames, ``(B, T)``.

    The real frames of a window share its weight equally.

    Args:
        weights: of the windows of :func:`neighbours_averaged`.
        mask: True at real frames, ``(B, T)``.
        size: frames per window.
    """
    frames = mask.shape[1]
    real = functional.pad(mask, (0, -frames % size)).unflatten(1, (-1, size)).sum(2)
    parts = weights / real.clamp(min=1)
    return parts.repeat_interleave(size, dim=1)[:, :frames].masked_fill(~mask, 0.0)


def over_frames(weights: Tensor, mask: Tensor) -> Tensor:
    """Attention weights averaged over the real frames that attend, ``(B, T)``; rows sum to 1.

    Args:
        weights: ``(B, T, T)``, one row for each frame that attends.
        mask: True at real frames, ``(B, T)``.
    """
    queries = mask.to(weights.dtype).unsqueeze(1)  # (B, 1, T)
    return ((queries @ weights) / queries.sum(-1, keepdim=True)).squeeze(1)


class MaxPooling(nn.Module):
    """:func:`maximum` as a module, so that it can be bypassed by the average."""

    def forward(self, average: Tensor, states: Tensor, mask: Tensor) -> Tensor:
        """The maxima, ``(B, H)``.

        Args:
            average: the output if this module is bypassed, ``(B, H)``.
            states: ``(B, T, H)``.
            mask: True at real frames, ``(B, T)``.
        """
        return maximum(states, mask)
