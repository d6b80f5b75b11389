"""Pooling of frames into one vector per clip, ignoring padding.

Legend: ``B`` batch, ``T`` frames, ``H`` width.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional


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
