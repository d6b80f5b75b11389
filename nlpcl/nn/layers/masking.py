"""Which frames of a padded batch are real.

Legend: ``B`` batch, ``T`` frames.
"""

from __future__ import annotations

import torch
from torch import Tensor


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


def over_frames(weights: Tensor, mask: Tensor) -> Tensor:
    """Attention weights averaged over the real frames that attend, ``(B, T)``; rows sum to 1.

    Args:
        weights: ``(B, T, T)``, one row for each frame that attends.
        mask: True at real frames, ``(B, T)``.
    """
    queries = mask.to(weights.dtype).unsqueeze(1)  # (B, 1, T)
    return ((queries @ weights) / queries.sum(-1, keepdim=True)).squeeze(1)
