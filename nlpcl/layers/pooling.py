"""From frames to one vector a clip, padding left out.

Legend: ``B`` batch, ``T`` frames, ``H`` width.
"""

from __future__ import annotations

from torch import Tensor, nn


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
