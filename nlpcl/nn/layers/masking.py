"""Which frames of a padded batch are real.

Legend: ``B`` batch, ``T`` frames.
"""

from __future__ import annotations

import torch
from torch import Tensor


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


def over_frames(weights: Tensor, mask: Tensor) -> Tensor:
    """Attention weights averaged over the real frames that ask, ``(B, T)``; a row sums to 1.

    Args:
        weights: ``(B, T, T)``, a row for each frame that asks.
        mask: True at real frames, ``(B, T)``.
    """
    asking = mask.to(weights.dtype).unsqueeze(1)  # (B, 1, T)
    return ((asking @ weights) / asking.sum(-1, keepdim=True)).squeeze(1)
