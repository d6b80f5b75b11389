"""From frames to one vector a clip, padding left out.

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
