"""Sinusoidal positional encodings (Vaswani et al. 2017, section 3.5), for any length.

Legend: ``B`` batch, ``T`` frames, ``H`` width.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


def sinusoids(length: int, size: int, device: torch.device | None = None) -> Tensor:
    """``sin(t / 10000^(2i/H))`` in channel 2i and the cosine in 2i + 1, fp32, ``(length, size)``.

    An odd width ends with a sine.
    """
    places = torch.arange(length, device=device, dtype=torch.float32).unsqueeze(1)
    channels = torch.arange(0, size, 2, device=device, dtype=torch.float32)
    angles = places * (channels * (-math.log(10_000.0) / size)).exp()
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)[:, :size]


class SinusoidalPositions(nn.Module):
    """Adds sinusoidal positional encodings to states of any length and width."""

    def forward(self, states: Tensor) -> Tensor:
        """``(B, T, H)`` → the same shape."""
        places = sinusoids(states.shape[1], states.shape[2], states.device)
        return states + places.to(states.dtype)
